//! Requests that fail before a handler sees them: too large, or no message of the contract.
//!
//! The framework answers these with codes that mislead: `OUT_OF_RANGE`, `INTERNAL`. A layer
//! around all services, and [`rejected`] for streams, put the contract's own in their place.

use std::pin::Pin;
use std::task::{Context, Poll};

use http::{Request, Response};
use tenure::v1;
use tonic::{Code, Status};
use tower::{Layer, Service};

use super::Fault;

/// How the framework's message begins when a request is larger than the limit.
const TOO_LARGE: &str = "Error, decoded message length too large";
/// The same for one that is larger once decompressed.
const TOO_LARGE_DECOMPRESSED: &str = "Error decompressing: size limit";
/// How its message begins when a request is no message of the contract.
const NOT_DECODED: &str = "failed to decode Protobuf message";

/// The contract's status in place of the framework's, for a message that could not be read;
/// any other status as it is.
#[must_use]
pub fn rejected(status: Status) -> Status {
    let message = status.message();
    match status.code() {
        Code::OutOfRange if message.starts_with(TOO_LARGE) => too_large(),
        Code::ResourceExhausted if message.starts_with(TOO_LARGE_DECOMPRESSED) => too_large(),
        Code::Internal if message.starts_with(NOT_DECODED) => Fault::new(
            v1::ErrorReason::InvalidArgument,
            "the request is no message of the contract: it cannot be decoded",
        )
        .into_status(),
        _ => status,
    }
}

fn too_large() -> Status {
    Fault::new(
        v1::ErrorReason::MessageTooLarge,
        "the message is larger than the server accepts; its limits are in GetServerInfo",
    )
    .into_status()
}

/// Puts [`rejected`] around services.
#[derive(Debug, Clone, Copy, Default)]
pub struct RejectedLayer;

impl<S> Layer<S> for RejectedLayer {
    type Service = Rejecting<S>;

    fn layer(&self, inner: S) -> Rejecting<S> {
        Rejecting { inner }
    }
}

/// A service that answers unreadable requests in the contract's terms.
#[derive(Debug, Clone)]
pub struct Rejecting<S> {
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Rejecting<S>
where
    S: Service<Request<B>, Response = Response<R>>,
    S::Future: Send + 'static,
    R: Default + 'static,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let answer = self.inner.call(request);
        Box::pin(async move { answer.await.map(in_our_terms) })
    }
}

/// A call that fails at once is answered in headers, and the framework leaves its status among
/// the extensions.
fn in_our_terms<R: Default>(response: Response<R>) -> Response<R> {
    let Some(status) = response.extensions().get::<Status>() else {
        return response;
    };
    match (status.code(), rejected(status.clone())) {
        (before, after) if before == after.code() => response,
        (_, after) => after.into_http(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_over_the_limit_is_too_large() {
        let framework = Status::out_of_range(format!("{TOO_LARGE}: found 5 bytes"));
        assert_eq!(rejected(framework).code(), Code::ResourceExhausted);
        let inflated = Status::resource_exhausted(format!("{TOO_LARGE_DECOMPRESSED}, of 5"));
        assert!(!rejected(inflated).details().is_empty());
    }

    #[test]
    fn garbage_is_an_invalid_argument() {
        let framework = Status::internal(format!("{NOT_DECODED}: invalid wire type"));
        assert_eq!(rejected(framework).code(), Code::InvalidArgument);
    }

    #[test]
    fn any_other_status_stays_as_it_is() {
        for status in [Status::out_of_range("compacted"), Status::internal("bug")] {
            let code = status.code();
            let after = rejected(status);
            assert_eq!((after.code(), after.details().len()), (code, 0));
        }
    }
}
