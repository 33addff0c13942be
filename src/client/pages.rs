//! Lists, read page by page.
//!
//! A page is fetched when it is asked for, so that a reader who stops costs nothing more.

use crate::client::lease::malformed;
use crate::{Client, Error, v1};

/// A request whose answer comes in pages.
pub trait Pageable: Clone + Send + private::Paged {}

impl<Q: Clone + Send + private::Paged> Pageable for Q {}

/// The pages of a list, in their order.
#[derive(Debug)]
pub struct Pages<Q: Pageable> {
    client: Client,
    /// The request of the next page; absent after the last.
    next: Option<Q>,
}

impl<Q: Pageable> Pages<Q> {
    pub(crate) fn new(client: Client, first: Q) -> Self {
        Self { client, next: Some(first) }
    }

    /// Fetches the next page, which may be empty; absent after the last. After an error
    /// the same page can be asked for again. Cancelling loses nothing.
    ///
    /// # Errors
    ///
    /// The refusals that the contract names for the list, and the failures of [`Error`].
    pub async fn next_page(&mut self) -> Result<Option<Q::Page>, Error> {
        let Some(request) = self.next.clone() else {
            return Ok(None);
        };
        let asked = request.token().to_owned();
        let page = request.clone().fetch(&self.client).await?;
        let token = Q::next_token(&page).to_owned();
        if !token.is_empty() && token == asked {
            return Err(malformed("a page names itself as the next"));
        }
        self.next = (!token.is_empty()).then(|| request.at(token));
        Ok(Some(page))
    }
}

mod private {
    use crate::{Client, Error};

    /// What a paged request can do; sealed, so that it may grow.
    pub trait Paged: Sized {
        /// The answer.
        type Page;

        /// Fetches the page that the request asks for.
        fn fetch(self, client: &Client) -> impl Future<Output = Result<Self::Page, Error>> + Send;

        /// The token of the page that the request asks for.
        fn token(&self) -> &str;

        /// The same list, at this token.
        #[must_use]
        fn at(self, token: String) -> Self;

        /// The token of the page that follows; empty when none does.
        fn next_token(page: &Self::Page) -> &str;
    }
}

macro_rules! paged {
    ($($request:ident -> $page:ident = $method:ident;)*) => {
        $(impl private::Paged for v1::$request {
            type Page = v1::$page;

            async fn fetch(self, client: &Client) -> Result<Self::Page, Error> {
                client.$method(self).await
            }

            fn token(&self) -> &str {
                &self.page_token
            }

            fn at(mut self, token: String) -> Self {
                self.page_token = token;
                self
            }

            fn next_token(page: &Self::Page) -> &str {
                &page.next_page_token
            }
        })*
    };
}

paged! {
    ListSessionsRequest -> ListSessionsResponse = sessions_page;
    ListWaitersRequest -> ListWaitersResponse = waiters_page;
    ListLedgerRequest -> ListLedgerResponse = ledger_page;
    ListWorkspacesRequest -> ListWorkspacesResponse = workspaces_page;
    ListEscalationsRequest -> ListEscalationsResponse = escalations_page;
    ListMachinesRequest -> ListMachinesResponse = machines_page;
    ListTokensRequest -> ListTokensResponse = tokens_page;
}

// Apart from the others, since a page of events continues by its token alone.
impl private::Paged for v1::ListEventsRequest {
    type Page = v1::ListEventsResponse;

    async fn fetch(self, client: &Client) -> Result<Self::Page, Error> {
        client.events_page(self).await
    }

    fn token(&self) -> &str {
        &self.page_token
    }

    fn at(mut self, token: String) -> Self {
        self.page_token = token;
        // The contract refuses a cursor together with a token.
        self.from = None;
        self
    }

    fn next_token(page: &Self::Page) -> &str {
        &page.next_page_token
    }
}
