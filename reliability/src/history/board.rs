//! What the clients of a run know of the workspaces: enough to make calls that meet each other.
//! Hearsay, and often out of date by the time that it is used, as with real clients.

use std::sync::{Mutex, PoisonError};

use prost::Message;
use tenure::v1;

use super::record::Told;
use super::rpc::Asked;

/// The most escalations that are remembered of one workspace.
const ESCALATIONS_MAX: usize = 8;

/// What was last heard of a workspace.
#[derive(Debug, Clone, Default)]
pub struct Heard {
    /// The session; empty without one.
    pub session_id: String,
    /// Its owner.
    pub actor: String,
    /// Its token.
    pub token: u64,
    /// The workspace's revision.
    pub revision: u64,
    /// Whether a transfer is pending.
    pub transfer: bool,
    /// Open escalations.
    pub escalations: Vec<String>,
    /// Until when nobody renews its lease.
    pub quiet_until_ms: u64,
}

/// What is known of each workspace.
#[derive(Debug)]
pub struct Board(Vec<(String, Mutex<Heard>)>);

impl Board {
    /// Nothing is known of these.
    #[must_use]
    pub fn new(workspaces: Vec<String>) -> Self {
        Self(workspaces.into_iter().map(|name| (name, Mutex::default())).collect())
    }

    /// The names of the workspaces.
    pub fn workspaces(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    /// What is known of the `at`th workspace, with its name.
    #[must_use]
    pub fn heard(&self, at: usize) -> (String, Heard) {
        let (name, heard) = &self.0[at % self.0.len()];
        (name.clone(), heard.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Keeps everybody from renewing the lease of a workspace.
    pub fn quiet(&self, workspace: &str, until_ms: u64) {
        self.with(workspace, |heard| heard.quiet_until_ms = until_ms);
    }

    /// Takes in what a call was told.
    pub fn hear(&self, asked: &Asked, told: &Told) {
        match told {
            Told::Done(answer) => {
                self.with(asked.workspace(), |heard| done(heard, asked, answer));
            }
            Told::Refused(_, refusal) => self.with(asked.workspace(), |heard| {
                heard.session_id.clone_from(&refusal.session_id);
                heard.actor.clone_from(&refusal.holder_actor_id);
                heard.token = refusal.fencing_token.unwrap_or(heard.token);
                heard.revision = refusal.revision.unwrap_or(heard.revision);
                heard.transfer = refusal.pending_transfer.is_some();
            }),
            Told::NotTried(_) | Told::Nothing(_) => {}
        }
    }

    fn with(&self, workspace: &str, change: impl FnOnce(&mut Heard)) {
        if let Some((_, heard)) = self.0.iter().find(|(name, _)| name == workspace) {
            change(&mut heard.lock().unwrap_or_else(PoisonError::into_inner));
        }
    }
}

fn done(heard: &mut Heard, asked: &Asked, answer: &[u8]) {
    match asked {
        Asked::Start(_) => {
            session(heard, decoded::<v1::StartSessionResponse>(answer).and_then(|it| it.session));
        }
        Asked::TakeOver(_) => {
            let it = decoded::<v1::TakeOverSessionResponse>(answer);
            session(heard, it.and_then(|it| it.session));
        }
        Asked::Get(_) => {
            session(heard, decoded::<v1::GetSessionResponse>(answer).and_then(|it| it.session));
        }
        Asked::Beat(_) => {
            if let Some(it) = decoded::<v1::HeartbeatResponse>(answer) {
                heard.revision = it.revision;
            }
        }
        Asked::Yield(_) | Asked::Clear(_) => heard.session_id.clear(),
        Asked::Force(request) => heard.transfer = request.grace.is_some(),
        Asked::Cancel(_) => heard.transfer = false,
        Asked::Raise(_) => {
            let raised = decoded::<v1::RaiseEscalationResponse>(answer);
            heard
                .escalations
                .extend(raised.and_then(|it| it.escalation).map(|it| it.escalation_id));
            let extra = heard.escalations.len().saturating_sub(ESCALATIONS_MAX);
            heard.escalations.drain(..extra);
        }
        Asked::Resolve(request) => {
            heard.escalations.retain(|open| *open != request.escalation_id);
        }
        Asked::PutGates(_) | Asked::UpdateGate(_) | Asked::Fence(_) => {}
    }
}

fn session(heard: &mut Heard, session: Option<v1::Session>) {
    let Some(session) = session else { return };
    if session.fencing_token > heard.token {
        // Whoever has come now does renew.
        heard.quiet_until_ms = 0;
    }
    heard.session_id = session.session_id;
    heard.actor = session.actor_id;
    heard.token = session.fencing_token;
    heard.revision = session.revision;
    heard.transfer = session.pending_transfer.is_some();
}

fn decoded<M: Message + Default>(answer: &[u8]) -> Option<M> {
    M::decode(answer).ok()
}
