//! The one call that receives larger messages than all others: `ImportLegacyState`.
//!
//! Guarantees: every other call of the service has the ordinary limit; only so many large
//! messages are taken in at a time, since each is reserved for as soon as its length is known.
//! One more is refused, never left unread.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use tenure::v1::workspace_service_server::WorkspaceServiceServer;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use super::WorkspaceRpcs;
use crate::contract::IMPORT_PATH;
use crate::grpc::status::Fault;

/// How many imports are received and carried out at a time.
const IMPORTS_MAX: usize = 4;

type Rpcs = WorkspaceServiceServer<WorkspaceRpcs>;

/// The service, with its two limits.
#[derive(Clone)]
pub(in crate::grpc) struct Limited {
    ordinary: Rpcs,
    importing: Rpcs,
    turns: Arc<Semaphore>,
}

/// The service for messages of at most `message_bytes`, or of `import_bytes` where they are
/// imports.
pub(in crate::grpc) fn service(
    rpcs: WorkspaceRpcs,
    message_bytes: usize,
    import_bytes: usize,
) -> Limited {
    let rpcs = Arc::new(rpcs);
    let limited = |bytes| Rpcs::from_arc(Arc::clone(&rpcs)).max_decoding_message_size(bytes);
    Limited {
        ordinary: limited(message_bytes),
        importing: limited(import_bytes),
        turns: Arc::new(Semaphore::new(IMPORTS_MAX)),
    }
}

impl NamedService for Limited {
    const NAME: &'static str = Rpcs::NAME;
}

impl Service<http::Request<Body>> for Limited {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        if request.uri().path() != IMPORT_PATH {
            return self.ordinary.call(request);
        }
        let Ok(turn) = Arc::clone(&self.turns).try_acquire_owned() else {
            let refused = Fault::overloaded("too many imports are under way").into_status();
            return Box::pin(std::future::ready(Ok(refused.into_http())));
        };
        let answer = self.importing.call(request);
        Box::pin(async move {
            let answer = answer.await;
            drop(turn);
            answer
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{Engine, EngineOptions};
    use crate::store::memory::{MemoryOptions, MemoryStore};

    async fn limited() -> Limited {
        let store = Arc::new(MemoryStore::new(MemoryOptions::default()));
        let engine = Engine::start(store.clone(), EngineOptions::default()).await.unwrap();
        service(WorkspaceRpcs { engine, reads: store }, 1_024, 2_048)
    }

    async fn status(limited: &mut Limited, path: &str) -> Option<String> {
        let request = http::Request::post(path).body(Body::empty()).unwrap();
        let answer = limited.call(request).await.unwrap();
        answer.headers().get("grpc-status").map(|code| code.to_str().unwrap().to_owned())
    }

    #[tokio::test]
    async fn one_import_too_many_is_refused_and_no_other_call() {
        let mut limited = limited().await;
        let invalid = Some("13".to_owned());
        assert_eq!(status(&mut limited, IMPORT_PATH).await, invalid, "an empty body is no message");
        let held = Arc::clone(&limited.turns).acquire_many_owned(4).await.unwrap();
        assert_eq!(status(&mut limited, IMPORT_PATH).await, Some("8".to_owned()));
        let other = "/tenure.v1.WorkspaceService/PutGates";
        assert_eq!(status(&mut limited, other).await, invalid);
        drop(held);
        assert_eq!(status(&mut limited, IMPORT_PATH).await, invalid);
        assert_eq!(limited.turns.available_permits(), IMPORTS_MAX, "turns are given back");
    }
}
