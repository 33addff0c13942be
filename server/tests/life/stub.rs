//! A service whose calls end when a test says so.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::stream::{self, Stream, StreamExt};
use http::{Request, Response};
use tenure::v1;
use tenured::drain::Notice;
use tokio::sync::Semaphore;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::{Status, Streaming};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

/// Stands in for the lease service. `GetSession` adds a permit to `entered` and waits for one
/// of `release`;
/// `WatchSessions` sends one message and then ignores that it is told to end;
/// `StreamHeartbeats` answers each message, and ends when it is told; `Heartbeat` answers at
/// once.
#[derive(Clone)]
pub struct Stub {
    pub entered: Arc<Semaphore>,
    pub release: Arc<Semaphore>,
    pub message_bytes_max: usize,
}

impl NamedService for Stub {
    const NAME: &'static str = "tenure.v1.LeaseService";
}

type Answering = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl Service<Request<Body>> for Stub {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answering;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answering {
        let stub = self.clone();
        Box::pin(async move {
            let path = request.uri().path().to_owned();
            Ok(match path.strip_prefix("/tenure.v1.LeaseService/").unwrap() {
                "GetSession" => stub.get_session(request).await,
                "Heartbeat" => stub.heartbeat(request).await,
                "WatchSessions" => stub.watch(request).await,
                "StreamHeartbeats" => stub.stream_heartbeats(request).await,
                _ => Status::unimplemented("").into_http(),
            })
        })
    }
}

impl Stub {
    fn grpc<T, U>(&self) -> Grpc<ProstCodec<T, U>>
    where
        T: prost::Message + Send + 'static,
        U: prost::Message + Default + Send + 'static,
    {
        Grpc::new(ProstCodec::default()).max_decoding_message_size(self.message_bytes_max)
    }

    async fn get_session(&self, request: Request<Body>) -> Response<Body> {
        let stub = self.clone();
        let answer = service_fn(move |_: tonic::Request<v1::GetSessionRequest>| {
            let Stub { entered, release, .. } = stub.clone();
            async move {
                entered.add_permits(1);
                release.acquire().await.unwrap().forget();
                Ok::<_, Status>(tonic::Response::new(v1::GetSessionResponse::default()))
            }
        });
        self.grpc().unary(answer, request).await
    }

    async fn heartbeat(&self, request: Request<Body>) -> Response<Body> {
        let answer = service_fn(|_: tonic::Request<v1::HeartbeatRequest>| async {
            Ok::<_, Status>(tonic::Response::new(v1::HeartbeatResponse::default()))
        });
        self.grpc().unary(answer, request).await
    }

    async fn watch(&self, request: Request<Body>) -> Response<Body> {
        let answer = service_fn(|_: tonic::Request<v1::WatchSessionsRequest>| async {
            let first = stream::iter([Ok(v1::WatchSessionsResponse::default())]);
            Ok::<_, Status>(tonic::Response::new(first.chain(stream::pending())))
        });
        self.grpc().server_streaming(answer, request).await
    }

    async fn stream_heartbeats(&self, request: Request<Body>) -> Response<Body> {
        let notice = request.extensions().get::<Notice>().unwrap().clone();
        let answer =
            service_fn(move |request: tonic::Request<Streaming<v1::StreamHeartbeatsRequest>>| {
                let answers = echo(request.into_inner(), notice.clone());
                async move { Ok::<_, Status>(tonic::Response::new(answers)) }
            });
        self.grpc().streaming(answer, request).await
    }
}

fn echo(
    inbound: Streaming<v1::StreamHeartbeatsRequest>,
    notice: Notice,
) -> impl Stream<Item = Result<v1::StreamHeartbeatsResponse, Status>> + Send {
    let answers = inbound.map(|message| message.map(|_| v1::StreamHeartbeatsResponse::default()));
    answers.take_until(Box::pin(async move { notice.given().await }))
}
