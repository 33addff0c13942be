//! How `hold` comes by its lease: at once, or after a wait.

use std::cell::Cell;
use std::time::Duration;

use tenure::v1::{AwaitSessionRequest, Warning, grant};
use tenure::{LeaseHolder, StartRequest, Supervisor};

use super::signals::Signals;
use super::{Hold, child, release};
use crate::arguments::Workspace;
use crate::command::waiting::Waiting;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::machine::this_machine;
use crate::output::note;

/// How long an interrupted start may still take, so that its session can be given up.
const START_GRACE: Duration = Duration::from_secs(1);

/// Takes the lease, at once or after a wait. A signal ends the attempt; a session that it got
/// all the same is given up.
pub async fn start(
    hold: &Hold,
    connection: &Connection,
    signals: &mut Signals,
) -> Result<LeaseHolder, Failure> {
    let queued = Cell::new(hold.wait.is_some());
    let start = take(hold, connection, &queued);
    tokio::pin!(start);
    let signal = tokio::select! {
        started = &mut start => return started,
        signal = signals.ending() => signal,
    };
    // Whoever stands in a queue leaves it; what may be had already is not left behind.
    if !queued.get()
        && let Ok(Ok(lease)) = tokio::time::timeout(START_GRACE, start).await
    {
        release(lease, connection, signals).await;
    }
    Err(Failure::Child(child::code_of_signal(signal.as_raw())))
}

/// Takes the lease; `queued` says whether it is still waited for.
async fn take(
    hold: &Hold,
    connection: &Connection,
    queued: &Cell<bool>,
) -> Result<LeaseHolder, Failure> {
    let client = connection.client.clone();
    let Some(patience) = hold.wait else {
        let lease = LeaseHolder::start(client, hold.start_request()).await;
        let lease = lease.map_err(|error| connection.failure(error))?;
        warn(lease.started().iter().flat_map(|started| &started.warnings));
        return Ok(lease);
    };
    let (place, stale) = (hold.workspace.shown(), "--take-over would take it over");
    let waiting = Waiting { connection, place, patience, stale };
    let asks = AwaitSessionRequest {
        start: Some(hold.start_request().into()),
        take_over_stale: hold.take_over,
        reason: hold.reason.clone().unwrap_or_default(),
        claim_within: None,
    };
    let granted = waiting.grant(asks).await?;
    queued.set(false);
    let session = match granted {
        grant::Outcome::Started(started) => {
            warn(&started.warnings);
            started.session
        }
        grant::Outcome::TakenOver(taken) => {
            note(&format!("tenure: took over from {}", taken.prior_actor_id));
            taken.session
        }
    };
    let session = session.ok_or_else(|| Failure::general("the server granted no session"))?;
    let adopted = Supervisor::new(client).adopt(session).await;
    adopted.map_err(|error| connection.failure(error))
}

fn warn<'a>(warnings: impl IntoIterator<Item = &'a Warning>) {
    for warning in warnings {
        note(&format!("warning: {}", warning.message));
    }
}

impl Hold {
    fn start_request(&self) -> StartRequest {
        let Workspace { workspace, profile } = &self.workspace;
        let mut start = StartRequest::new(workspace, &self.actor, self.lease)
            .profile(profile)
            .supersede(self.supersede);
        if let Some(kind) = self.owner_kind {
            start = start.owner_kind(kind.into());
        }
        if let Some(supervisor) = &self.supervisor {
            start = start.supervisor_id(supervisor);
        }
        if let Some(mode) = self.mode {
            start = start.mode(mode.into());
        }
        match this_machine() {
            Some(machine) => start.machine(machine),
            None => start,
        }
    }
}
