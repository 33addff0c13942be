//! The calls of `AdminService`.

use super::calls::calls;
use super::pages::Pages;
use crate::v1::admin_service_client::AdminServiceClient;
use crate::{Client, v1};

calls! { AdminServiceClient:
    /// Stops the server that answers, in good order. A repeat may meet, and then stops,
    /// another server, so the call is attempted once.
    once drain(DrainRequest) -> DrainResponse = drain;
    /// Checks the store; problems are an answer, not an error. This can take a while, so
    /// the call is attempted once.
    once verify_store(VerifyStoreRequest) -> VerifyStoreResponse = verify_store;
    /// Creates a credential. Its secret is answered once, so the call is attempted once.
    once create_token(CreateTokenRequest) -> CreateTokenResponse = create_token;
    /// Reads one page of tokens; see [`Client::list_tokens`].
    read tokens_page(ListTokensRequest) -> ListTokensResponse = list_tokens;
    /// Ends a token at once. After a lost answer, the repeat says that it had ended.
    read revoke_token(RevokeTokenRequest) -> RevokeTokenResponse = revoke_token;
    /// Asks what the server that answers is, how it stands, and which limits hold.
    read server_info(GetServerInfoRequest) -> GetServerInfoResponse = get_server_info;
    /// Asks as whom the service knows the caller.
    read who_am_i(WhoAmIRequest) -> WhoAmIResponse = who_am_i;
}

impl Client {
    /// Reads the tokens page by page, oldest first.
    #[must_use]
    pub fn list_tokens(&self, request: v1::ListTokensRequest) -> Pages<v1::ListTokensRequest> {
        Pages::new(self.clone(), request)
    }
}
