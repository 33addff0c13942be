//! A session that must live through everything, and some that need not.

use anyhow::{Context, ensure};
use prost_types::Duration;
use tenure::v1;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::start_session_request::Holder;
use tonic::transport::Channel;

use super::messages::WORKSPACES;
use crate::in_process::Server;

/// Whose workspace no message is about.
const WORKSPACE: &str = "good/one";
const ACTOR: &str = "good-worker";

/// The session that must live.
#[derive(Debug)]
pub struct KnownGood {
    session: v1::Session,
}

impl KnownGood {
    /// Starts it.
    ///
    /// # Errors
    /// If the server does not even do that.
    pub async fn start(server: &Server) -> anyhow::Result<Self> {
        let mut lease = LeaseServiceClient::new(server.channel()?);
        Ok(Self { session: started(&mut lease, WORKSPACE, 80_000).await? })
    }

    /// Whether it is as it was, and its holder is served.
    ///
    /// # Errors
    /// If not.
    pub async fn is_unharmed(&self, server: &Server) -> anyhow::Result<()> {
        let mut lease = LeaseServiceClient::new(server.channel()?);
        let beat = v1::HeartbeatRequest {
            workspace: WORKSPACE.to_owned(),
            actor_id: ACTOR.to_owned(),
            session_id: Some(self.session.session_id.clone()),
            ..v1::HeartbeatRequest::default()
        };
        let beat = lease.heartbeat(beat).await.context("a good session is not served")?;
        ensure!(
            beat.get_ref().fencing_token == self.session.fencing_token,
            "a good session has another token"
        );
        let get = v1::GetSessionRequest {
            workspace: WORKSPACE.to_owned(),
            ..v1::GetSessionRequest::default()
        };
        let found = lease.get_session(get).await.context("a good session is not shown")?;
        let found = found.into_inner().session.context("it is shown empty")?;
        let is_same = found.session_id == self.session.session_id
            && found.start_count == self.session.start_count
            && found.started_at == self.session.started_at
            && !found.stale;
        ensure!(is_same, "a good session was harmed: {found:?}");
        Ok(())
    }

    /// The ids of sessions that messages may be about; started if there are none.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn others(&self, server: &Server) -> anyhow::Result<Vec<String>> {
        let mut lease = LeaseServiceClient::new(server.channel()?);
        let mut ids = Vec::new();
        for workspace in WORKSPACES {
            // Held by somebody whom a message has named, as often as not.
            if let Ok(session) = started(&mut lease, workspace, 30).await {
                ids.push(session.session_id);
            }
        }
        Ok(ids)
    }
}

async fn started(
    lease: &mut LeaseServiceClient<Channel>,
    workspace: &str,
    seconds: i64,
) -> anyhow::Result<v1::Session> {
    let actor_id = if workspace == WORKSPACE { ACTOR } else { "ann" };
    let holder = v1::AutonomousHolder {
        actor_id: actor_id.to_owned(),
        lease_ttl: Some(Duration { seconds, nanos: 0 }),
        ..v1::AutonomousHolder::default()
    };
    let request = v1::StartSessionRequest {
        workspace: workspace.to_owned(),
        holder: Some(Holder::Autonomous(holder)),
        ..v1::StartSessionRequest::default()
    };
    let started = lease.start_session(request).await?.into_inner();
    started.session.context("a start without a session")
}
