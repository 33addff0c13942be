//! The clients: each a heartbeat stream with one join, opened again whenever it ends.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::bail;
use tenure::v1;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tonic::transport::{Channel, Endpoint};

use crate::process::Server;

/// All come back within this, in no order.
const BACK_WITHIN: Duration = Duration::from_secs(1);

/// How often it is looked who has joined.
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Why joins were refused is kept of so many.
const WHY_MAX: usize = 3;

/// How the herd stands.
#[derive(Debug, Default)]
pub(super) struct Herd {
    /// How often any client has joined.
    joined: AtomicUsize,
    refused: AtomicUsize,
    why: Mutex<Vec<String>>,
}

impl Herd {
    /// Waits until each client has joined so many times; how long that took.
    pub(super) async fn wait_joined(
        &self,
        times: usize,
        count: usize,
        within: Duration,
    ) -> anyhow::Result<Duration> {
        let begun = Instant::now();
        while self.joined.load(Ordering::Acquire) + self.refused() < count * times {
            if begun.elapsed() > within {
                let joined = self.joined.load(Ordering::Acquire);
                bail!("{joined} joins of {} within {within:?}", count * times);
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(begun.elapsed())
    }

    pub(super) fn refused(&self) -> usize {
        self.refused.load(Ordering::Acquire)
    }

    pub(super) fn why(&self) -> Vec<String> {
        self.why.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn take(&self, response: &v1::StreamHeartbeatsResponse) {
        self.joined.fetch_add(response.joined.len(), Ordering::AcqRel);
        self.refused.fetch_add(response.refused.len(), Ordering::AcqRel);
        let mut why = self.why.lock().unwrap_or_else(PoisonError::into_inner);
        let room = WHY_MAX.saturating_sub(why.len());
        why.extend(response.refused.iter().take(room).map(|refused| refused.message.clone()));
    }
}

/// Has all clients join; they go on until what is returned goes.
pub(super) fn join_all(
    server: &Server,
    sessions: &[v1::Session],
    clients_each: usize,
    herd: &Arc<Herd>,
) -> anyhow::Result<JoinSet<()>> {
    let mut clients = JoinSet::new();
    for some in sessions.chunks(clients_each) {
        let channel = Endpoint::from_shared(server.url())?.connect_lazy();
        for session in some {
            clients.spawn(come_back(channel.clone(), session.clone(), Arc::clone(herd)));
        }
    }
    Ok(clients)
}

/// One client, which never gives up.
async fn come_back(channel: Channel, session: v1::Session, herd: Arc<Herd>) {
    loop {
        // How the stream ended does not matter: it is opened again.
        let _ended = stay(channel.clone(), &session, &herd).await;
        tokio::time::sleep(BACK_WITHIN.mul_f64(fastrand::f64())).await;
    }
}

async fn stay(channel: Channel, session: &v1::Session, herd: &Herd) -> Result<(), tonic::Status> {
    let (outgoing, incoming) = mpsc::channel(1);
    let join = v1::Join {
        handle: 1,
        workspace: session.workspace.clone(),
        session_id: session.session_id.clone(),
        actor_id: session.actor_id.clone(),
        ..Default::default()
    };
    let request =
        v1::StreamHeartbeatsRequest { message_id: 1, joins: vec![join], ..Default::default() };
    // There is room for one.
    let _sent = outgoing.try_send(request);
    let messages = tokio_stream::wrappers::ReceiverStream::new(incoming);
    let mut answers =
        LeaseServiceClient::new(channel).stream_heartbeats(messages).await?.into_inner();
    while let Some(response) = answers.message().await? {
        herd.take(&response);
    }
    Ok(())
}
