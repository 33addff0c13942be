//! The RPCs of the fault server.

use std::pin::Pin;
use std::sync::Arc;

use tenure::{Reason, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use crate::fault_server::{CallFault, Faults, OpenStream, Responses, StreamMode};
use crate::world::refused;

pub struct Service(pub Arc<Faults>);

type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

impl Service {
    /// Does a call under the next fault.
    async fn call<T>(
        &self,
        request_id: &str,
        work: impl FnOnce() -> Result<T, Status> + Send,
    ) -> Result<Response<T>, Status> {
        let fault = {
            let mut inner = self.0.inner();
            inner.request_ids.push(request_id.to_owned());
            inner.call_faults.pop_front()
        };
        self.0.changed.notify_waiters();
        match fault {
            None => work().map(Response::new),
            Some(CallFault::LoseAnswer) => {
                let _ = work();
                std::future::pending().await
            }
            Some(CallFault::Hang) => std::future::pending().await,
            Some(CallFault::Refuse(reason)) => Err(refused(reason, &v1::Refusal::default())),
        }
    }
}

#[tonic::async_trait]
impl v1::lease_service_server::LeaseService for Service {
    async fn start_session(
        &self,
        request: Request<v1::StartSessionRequest>,
    ) -> Result<Response<v1::StartSessionResponse>, Status> {
        let request = request.into_inner();
        self.call(&request.request_id, || self.0.world().start(&request)).await
    }

    async fn yield_session(
        &self,
        request: Request<v1::YieldSessionRequest>,
    ) -> Result<Response<v1::YieldSessionResponse>, Status> {
        let request = request.into_inner();
        self.call(&request.request_id, || self.0.world().yield_session(&request)).await
    }

    async fn batch_start_sessions(
        &self,
        request: Request<v1::BatchStartSessionsRequest>,
    ) -> Result<Response<v1::BatchStartSessionsResponse>, Status> {
        let starts = request.into_inner().starts;
        let mut world = self.0.world();
        let results = starts.iter().map(|start| {
            let result = match world.start(start) {
                Ok(started) => v1::batch_start_result::Result::Started(Box::new(started)),
                Err(status) => v1::batch_start_result::Result::Failed(Box::new(v1::Failure {
                    code: status.code() as u32,
                    reason: Reason::LeaseHeld as i32,
                    message: status.message().into(),
                    ..Default::default()
                })),
            };
            v1::BatchStartResult { result: Some(result) }
        });
        Ok(Response::new(v1::BatchStartSessionsResponse { results: results.collect() }))
    }

    async fn heartbeat(
        &self,
        request: Request<v1::HeartbeatRequest>,
    ) -> Result<Response<v1::HeartbeatResponse>, Status> {
        let request = request.into_inner();
        let session_id = request.session_id.clone().unwrap_or_default();
        self.call("", || {
            let beat = self.0.world().beat(&request.workspace, &session_id);
            let (revision, timing) = beat.map_err(|it| refused(it.reason(), &it))?;
            let timing = Some(timing);
            Ok(v1::HeartbeatResponse { session_id, revision, timing, ..Default::default() })
        })
        .await
    }

    /// Pages of one session each, in order of workspace.
    async fn list_sessions(
        &self,
        request: Request<v1::ListSessionsRequest>,
    ) -> Result<Response<v1::ListSessionsResponse>, Status> {
        let at: usize = request.into_inner().page_token.parse().unwrap_or_default();
        self.call("", || {
            let world = self.0.world();
            let mut all: Vec<_> =
                world.sessions.values().map(|stored| stored.session.clone()).collect();
            all.sort_by(|one, other| one.workspace.cmp(&other.workspace));
            let more = at + 1 < all.len();
            Ok(v1::ListSessionsResponse {
                sessions: all.into_iter().skip(at).take(1).collect(),
                next_page_token: if more { (at + 1).to_string() } else { String::new() },
            })
        })
        .await
    }

    type StreamHeartbeatsStream = Answers<v1::StreamHeartbeatsResponse>;

    async fn stream_heartbeats(
        &self,
        request: Request<Streaming<v1::StreamHeartbeatsRequest>>,
    ) -> Result<Response<Self::StreamHeartbeatsStream>, Status> {
        let mut messages = request.into_inner();
        let (responses, outgoing) = mpsc::channel(64);
        let index = {
            let mut inner = self.0.inner();
            let handles = Default::default();
            inner.streams.push(OpenStream { responses: responses.clone(), handles });
            inner.streams.len() - 1
        };
        let faults = Arc::clone(&self.0);
        tokio::spawn(async move {
            while let Ok(Some(message)) = messages.message().await {
                answer(&faults, index, &responses, message).await;
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    type WatchSessionsStream = Answers<v1::WatchSessionsResponse>;

    /// Plays the next script, and then stays silent.
    async fn watch_sessions(
        &self,
        request: Request<v1::WatchSessionsRequest>,
    ) -> Result<Response<Self::WatchSessionsStream>, Status> {
        let script = {
            let mut inner = self.0.inner();
            inner.watches.push(request.into_inner());
            inner.watch_scripts.pop_front().unwrap_or_default()
        };
        let silence = tokio_stream::pending();
        Ok(Response::new(Box::pin(tokio_stream::iter(script).chain(silence))))
    }

    type AwaitSessionStream = Answers<v1::AwaitSessionResponse>;

    async fn await_session(
        &self,
        request: Request<v1::AwaitSessionRequest>,
    ) -> Result<Response<Self::AwaitSessionStream>, Status> {
        let start = request.into_inner().start.unwrap_or_default();
        let script = {
            let mut inner = self.0.inner();
            inner.request_ids.push(start.request_id);
            inner.await_scripts.pop_front().unwrap_or_default()
        };
        Ok(Response::new(Box::pin(tokio_stream::iter(script))))
    }

    async fn list_waiters(
        &self,
        _: Request<v1::ListWaitersRequest>,
    ) -> Result<Response<v1::ListWaitersResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn take_over_session(
        &self,
        _: Request<v1::TakeOverSessionRequest>,
    ) -> Result<Response<v1::TakeOverSessionResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn force_take_over_session(
        &self,
        _: Request<v1::ForceTakeOverSessionRequest>,
    ) -> Result<Response<v1::ForceTakeOverSessionResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn cancel_forced_takeover(
        &self,
        _: Request<v1::CancelForcedTakeoverRequest>,
    ) -> Result<Response<v1::CancelForcedTakeoverResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn clear_session(
        &self,
        _: Request<v1::ClearSessionRequest>,
    ) -> Result<Response<v1::ClearSessionResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn get_session(
        &self,
        _: Request<v1::GetSessionRequest>,
    ) -> Result<Response<v1::GetSessionResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }

    async fn check_fence(
        &self,
        _: Request<v1::CheckFenceRequest>,
    ) -> Result<Response<v1::CheckFenceResponse>, Status> {
        Err(Status::unimplemented("not scripted"))
    }
}

/// Does and answers one message of a heartbeat stream, as the mode wants it.
async fn answer(
    faults: &Faults,
    index: usize,
    responses: &Responses,
    message: v1::StreamHeartbeatsRequest,
) {
    let mode = faults.inner().stream_mode;
    let response = match mode {
        StreamMode::Hang => None,
        _ => Some(respond(faults, index, &message)),
    };
    let times = match mode {
        StreamMode::Answer => 1,
        StreamMode::Twice => 2,
        StreamMode::LoseAnswers | StreamMode::Hang | StreamMode::Withhold => 0,
    };
    {
        let mut inner = faults.inner();
        inner.messages.push(message);
        if mode == StreamMode::Withhold {
            inner.withheld.extend(response.clone());
        }
    }
    faults.changed.notify_waiters();
    for response in response.iter().cycle().take(times) {
        // A client that is gone needs no answer.
        let _ = responses.send(Ok(response.clone())).await;
    }
}

fn respond(
    faults: &Faults,
    index: usize,
    message: &v1::StreamHeartbeatsRequest,
) -> v1::StreamHeartbeatsResponse {
    let mut world = faults.world();
    let mut inner = faults.inner();
    let handles = &mut inner.streams[index].handles;
    let mut response = v1::StreamHeartbeatsResponse::default();
    let message_id = message.message_id;
    let refuse = |handle, refusal: v1::Refusal| {
        let reason = refusal.reason;
        let refusal = Some(refusal);
        v1::BeatRefused { handle, message_id, reason, refusal, ..Default::default() }
    };
    for join in &message.joins {
        assert!(!handles.contains_key(&join.handle), "a handle is never reused on a stream");
        match world.join(&join.workspace, &join.session_id) {
            Ok(timing) => {
                handles.insert(join.handle, (join.workspace.clone(), join.session_id.clone()));
                response.joined.push(v1::Joined {
                    handle: join.handle,
                    message_id,
                    session_id: join.session_id.clone(),
                    timing: Some(timing),
                    ..Default::default()
                });
            }
            Err(refusal) => response.refused.push(refuse(join.handle, *refusal)),
        }
    }
    for beat in &message.beats {
        let handle = beat.handle;
        let Some((workspace, session_id)) = handles.get(&handle) else {
            let reason = Reason::InvalidArgument as i32;
            response.refused.push(refuse(handle, v1::Refusal { reason, ..Default::default() }));
            continue;
        };
        match world.beat(workspace, session_id) {
            Ok((revision, timing)) => response.renewed.push(v1::Renewed {
                message_id,
                timing: Some(timing),
                last_heartbeat_at: None,
                renewals: vec![v1::Renewal { handle, revision, ..Default::default() }],
            }),
            Err(refusal) => response.refused.push(refuse(handle, *refusal)),
        }
    }
    for handle in &message.leaves {
        handles.remove(handle);
    }
    response
}
