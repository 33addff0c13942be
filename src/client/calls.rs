//! The one shape that all unary methods have, so that none can forget the `request_id`,
//! the bounds or the answer's size.

/// Declares methods of [`Client`](crate::Client): `write` gives the request a `request_id`
/// before its first attempt, `read` is for requests that have none and are safe to send
/// twice, `once` for those that are not and are attempted once, for as long as a call may
/// take.
macro_rules! calls {
    ($service:ident: $($(#[$doc:meta])* $kind:ident $name:ident($request:ident) -> $response:ident = $rpc:ident;)*) => {
        impl crate::Client {
            $(
                $(#[$doc])*
                ///
                /// # Errors
                ///
                /// The refusals that the contract names for this RPC, and the failures of
                /// [`Error`](crate::Error).
                pub async fn $name(
                    &self,
                    request: crate::v1::$request,
                ) -> Result<crate::v1::$response, crate::Error> {
                    calls!(@prepare $kind request);
                    let bounds = calls!(@bounds $kind self);
                    self.call(request, bounds, |channel, request| async move {
                        $service::new(channel)
                            .max_decoding_message_size(crate::client::ANSWER_BYTES_MAX)
                            .$rpc(request)
                            .await
                    })
                    .await
                }
            )*
        }
    };
    (@prepare write $request:ident) => {
        let $request = crate::client::request_id::Repeatable::with_request_id($request);
    };
    (@prepare read $request:ident) => {};
    (@prepare once $request:ident) => {};
    (@bounds write $self:ident) => { $self.bounds() };
    (@bounds read $self:ident) => { $self.bounds() };
    (@bounds once $self:ident) => {
        $self.bounds().once()
    };
}

pub(crate) use calls;
