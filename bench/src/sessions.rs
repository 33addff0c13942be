//! The sessions that are beaten for: started on a real server, made up for the echo.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail, ensure};
use tenure::v1::batch_start_result::Result as Item;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::start_session_request::Holder;
use tenure::v1::{AutonomousHolder, BatchStartSessionsRequest, StartSessionRequest};

use crate::load;

/// How long the leases live, unless a figure needs others: longer than any takes.
pub const LEASE_TTL: Duration = Duration::from_secs(600);

/// Most starts a call may carry.
const STARTS_MAX: usize = 1_000;

/// How long one call of starts may take.
const START_MAX: Duration = Duration::from_secs(20);

/// A session, as far as joining it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Held {
    /// Its workspace.
    pub workspace: String,
    /// Its id.
    pub session_id: String,
    /// Its owner.
    pub actor_id: String,
}

/// Sessions that no server has ever seen, of the same form as real ones.
pub fn made_up(count: usize) -> Vec<Held> {
    let held = |index| {
        let (workspace, actor_id) = names(index);
        Held { workspace, actor_id, session_id: format!("ses_{index:026}") }
    };
    (0..count).map(held).collect()
}

/// Starts so many sessions, each of its own actor in its own workspace.
///
/// # Errors
/// When the server cannot be reached, or refuses one of them.
pub async fn start(address: SocketAddr, count: usize) -> anyhow::Result<Vec<Held>> {
    start_for(address, count, LEASE_TTL).await
}

/// The same, with leases of another length.
///
/// # Errors
/// When the server cannot be reached, or refuses one of them.
pub async fn start_for(
    address: SocketAddr,
    count: usize,
    ttl: Duration,
) -> anyhow::Result<Vec<Held>> {
    let mut client = LeaseServiceClient::new(load::connect(address).await?);
    let mut held = Vec::with_capacity(count);
    while held.len() < count {
        let upto = count.min(held.len() + STARTS_MAX);
        let starts = (held.len()..upto).map(|index| request(index, ttl)).collect();
        let mut call = tonic::Request::new(BatchStartSessionsRequest { starts });
        call.set_timeout(START_MAX);
        let answer = client.batch_start_sessions(call).await.context("starting sessions")?;
        let results = answer.into_inner().results;
        ensure!(results.len() == upto - held.len(), "one result for each start");
        for result in results {
            held.push(started(held.len(), result.result)?);
        }
    }
    Ok(held)
}

/// The name of a workspace.
#[must_use]
pub fn workspace(index: usize) -> String {
    format!("bench/workspace-{index:06}")
}

/// The start of a session by an actor of its own in a workspace of its own.
#[must_use]
pub fn request(index: usize, ttl: Duration) -> StartSessionRequest {
    let (workspace, actor_id) = names(index);
    let lease_ttl = prost_types::Duration::try_from(ttl).ok();
    let holder = AutonomousHolder { actor_id, lease_ttl, ..AutonomousHolder::default() };
    let holder = Some(Holder::Autonomous(holder));
    StartSessionRequest { workspace, holder, ..StartSessionRequest::default() }
}

/// An id that makes a request repeatable.
#[must_use]
pub fn request_id() -> String {
    ulid::Ulid::from_parts(0, fastrand::u128(..)).to_string()
}

fn names(index: usize) -> (String, String) {
    (workspace(index), format!("worker-{index:06}"))
}

fn started(index: usize, result: Option<Item>) -> anyhow::Result<Held> {
    let (workspace, actor_id) = names(index);
    let session = match result {
        Some(Item::Started(started)) => started.session,
        Some(Item::Failed(failure)) => {
            let reason = failure.reason().as_str_name();
            bail!("the start of {workspace} was refused: {reason}: {:?}", failure.message);
        }
        None => None,
    };
    let session = session.context("a start was answered without a session")?;
    Ok(Held { workspace, session_id: session.session_id, actor_id })
}
