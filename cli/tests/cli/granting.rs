//! A server that grants a lease and then misbehaves on demand.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tenure::v1::{self, push};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use crate::scripted::{Script, Server, session};

type Beats = Streaming<v1::StreamHeartbeatsRequest>;
type Answer = Result<v1::StreamHeartbeatsResponse, Status>;

/// A server that grants leases of this length, and what it can be told to do.
pub struct Granting {
    /// The server.
    pub server: Server,
    /// Whether it answers no beat.
    pub silent: Arc<AtomicBool>,
    /// What it tells the holder unasked.
    pub pushes: mpsc::UnboundedSender<push::Kind>,
}

/// Serves it.
pub fn granting(ttl: Duration) -> Granting {
    let silent = Arc::new(AtomicBool::new(false));
    let (pushes, told) = mpsc::unbounded_channel();
    let told = Arc::new(Mutex::new(Some(told)));
    let is_silent = Arc::clone(&silent);
    let server = Script::default()
        .on("start_session", move |request: v1::StartSessionRequest| {
            Ok(v1::StartSessionResponse {
                session: Some(session(&request.workspace, "w1")),
                timing: Some(timing(ttl)),
                reset: true,
                ..v1::StartSessionResponse::default()
            })
        })
        .on("yield_session", |_: v1::YieldSessionRequest| Ok(v1::YieldSessionResponse::default()))
        .on_heartbeats(move |requests| {
            let (answers, stream) = mpsc::channel(16);
            let told = told.lock().unwrap().take();
            tokio::spawn(answer(requests, answers, ttl, Arc::clone(&is_silent), told));
            ReceiverStream::new(stream)
        })
        .serve();
    Granting { server, silent, pushes }
}

async fn answer(
    mut requests: Beats,
    answers: mpsc::Sender<Answer>,
    ttl: Duration,
    silent: Arc<AtomicBool>,
    told: Option<mpsc::UnboundedReceiver<push::Kind>>,
) {
    // Only the first stream is told anything.
    let mut told = told.unwrap_or_else(|| mpsc::unbounded_channel().1);
    let mut handle = 0;
    loop {
        tokio::select! {
            request = requests.message() => {
                let Ok(Some(request)) = request else { return };
                handle = request.joins.first().map_or(handle, |join| join.handle);
                if !silent.load(Ordering::SeqCst) {
                    let _ = answers.send(Ok(answer_to(&request, ttl))).await;
                }
            }
            Some(kind) = told.recv() => {
                let push = v1::Push { handle, kind: Some(kind) };
                let pushed = v1::StreamHeartbeatsResponse { pushes: vec![push], ..Default::default() };
                let _ = answers.send(Ok(pushed)).await;
            }
        }
    }
}

fn answer_to(request: &v1::StreamHeartbeatsRequest, ttl: Duration) -> v1::StreamHeartbeatsResponse {
    let message_id = request.message_id;
    let joined = |join: &v1::Join| v1::Joined {
        handle: join.handle,
        message_id,
        session_id: join.session_id.clone(),
        actor_id: join.actor_id.clone(),
        fencing_token: 7,
        revision: 9,
        timing: Some(timing(ttl)),
        ..v1::Joined::default()
    };
    let renewal =
        |beat: &v1::Beat| v1::Renewal { handle: beat.handle, revision: 10, ..Default::default() };
    let renewals: Vec<v1::Renewal> = request.beats.iter().map(renewal).collect();
    let renewed =
        v1::Renewed { message_id, timing: Some(timing(ttl)), renewals, ..v1::Renewed::default() };
    v1::StreamHeartbeatsResponse {
        joined: request.joins.iter().map(joined).collect(),
        renewed: if renewed.renewals.is_empty() { Vec::new() } else { vec![renewed] },
        ..v1::StreamHeartbeatsResponse::default()
    }
}

fn timing(ttl: Duration) -> v1::LeaseTiming {
    let duration = |duration: Duration| Some(prost_types::Duration::try_from(duration).unwrap());
    v1::LeaseTiming {
        expires_in: duration(ttl),
        renew_after: duration(ttl / 3),
        stop_work_after: duration(ttl * 2 / 3),
        lease_expires_at: None,
    }
}
