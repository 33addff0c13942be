//! Waiting for a workspace until it is granted, and telling a person where the wait stands.

use std::time::Duration;

use tenure::v1::await_session_response::Update;
use tenure::v1::{AwaitSessionRequest, ErrorReason, WaitPosition, grant};
use tenure::{Client, Error, Reason};
use tokio::time::{Instant, sleep, timeout_at};

use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::time::humane;
use crate::output::{note, session};

/// A server that is away is asked again after this long.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A wait for a workspace, as a person reads of it.
pub struct Waiting<'a> {
    /// The way to the service.
    pub connection: &'a Connection,
    /// The workspace, as people read it.
    pub place: String,
    /// How long to wait at most.
    pub patience: Duration,
    /// What would take over a session that another left stale.
    pub stale: &'static str,
}

impl Waiting<'_> {
    /// Waits until `request` is granted. What becomes of it is told on standard error.
    ///
    /// # Errors
    /// What waiting cannot cure; and when nothing was granted in time.
    pub async fn grant(&self, request: AwaitSessionRequest) -> Result<grant::Outcome, Failure> {
        let deadline = Instant::now() + self.patience;
        let mut last = None;
        match timeout_at(deadline, self.granted(&self.connection.client, request, &mut last)).await
        {
            Ok(granted) => granted,
            Err(_) => Err(self.too_late(last.as_ref())),
        }
    }

    async fn granted(
        &self,
        client: &Client,
        request: AwaitSessionRequest,
        last: &mut Option<WaitPosition>,
    ) -> Result<grant::Outcome, Failure> {
        let mut wait = client.await_session(request);
        let mut away = false;
        loop {
            match wait.message().await {
                Ok(message) => match message.and_then(|message| message.update) {
                    Some(Update::Position(position)) => {
                        away = false;
                        note(&self.stands(&position));
                        *last = Some(*position);
                    }
                    Some(Update::Grant(grant)) => {
                        return grant.outcome.ok_or_else(nothing_granted);
                    }
                    None => return Err(nothing_granted()),
                },
                Err(error) if last.is_some() && is_passing(&error) => {
                    if !std::mem::replace(&mut away, true) {
                        let why = self.connection.failure(error);
                        note(&format!("tenure: {}; trying again until it is back", why.message()));
                    }
                    sleep(RETRY_AFTER).await;
                }
                Err(error) => return Err(self.connection.failure(error)),
            }
        }
    }

    fn stands(&self, position: &WaitPosition) -> String {
        let WaitPosition { position: at, waiters, .. } = position;
        let why = match &position.holder {
            Some(holder) if is_left_stale(position) => {
                format!("{} left it stale; {}", session::owner(holder), self.stale)
            }
            Some(holder) => format!("held by {}", session::owner(holder)),
            None => "it is free for those before".to_owned(),
        };
        format!("tenure: waiting for {}, place {at} of {waiters}: {why}", self.place)
    }

    fn too_late(&self, last: Option<&WaitPosition>) -> Failure {
        let patience = humane(self.patience);
        let stale = last.is_some_and(is_left_stale);
        let held = last.and_then(|last| last.holder.as_ref()).map(session::owner);
        let held = held.map_or_else(String::new, |owner| {
            if stale {
                format!(": {owner} left it stale")
            } else {
                format!(": it is held by {owner}")
            }
        });
        let text = format!("{} was not to be had within {patience}{held}", self.place);
        let hint = if stale { self.stale } else { "wait longer with --wait" };
        Failure::new(Exit::Unavailable, text).with_hint(hint)
    }
}

/// Whether no waiting helps, unless the owner comes back.
fn is_left_stale(position: &WaitPosition) -> bool {
    let stale = [ErrorReason::StaleLeaseHeld, ErrorReason::StaleAutonomousSession];
    stale.contains(&position.waiting_for())
}

/// Whether the wait can go on later.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Timeout { .. } => true,
        Error::Refused(refused) => matches!(
            refused.reason,
            Reason::Draining | Reason::StoreUnavailable | Reason::Overloaded
        ),
        _ => false,
    }
}

fn nothing_granted() -> Failure {
    Failure::general("the server ended the wait without a grant")
}
