//! The state of every workspace, rebuilt from its events alone.

use std::collections::{BTreeSet, HashMap};

use tenure::v1;
use tenure::v1::event::Payload;

/// What the events of one workspace come to.
#[derive(Debug, Clone, Default)]
pub(super) struct State {
    /// The newest revision of any event.
    pub revision: u64,
    /// The session's id and token, while one is stored.
    pub session: Option<(String, u64)>,
    pub actor: String,
    pub supervisor: String,
    pub start_count: u64,
    pub has_transfer: bool,
    pub escalations: BTreeSet<String>,
    /// Names with states and notes.
    pub gates: Vec<(String, i32, String)>,
    pub gates_revision: u64,
    pub handoff: String,
    /// The newest token that was ever given, and to whom; it survives deletions.
    newest_token: Option<(u64, String)>,
}

/// All workspaces.
#[derive(Debug, Default)]
pub(super) struct Replay {
    pub states: HashMap<String, State>,
    epoch: u64,
}

impl Replay {
    /// Takes the next event; what it breaks.
    pub(super) fn take(&mut self, event: &v1::Event) -> Result<(), String> {
        let at = event.sequence;
        if let Some(Payload::ServerStarted(started)) = &event.payload {
            let before = std::mem::replace(&mut self.epoch, started.epoch);
            if started.epoch <= before {
                return Err(format!("event {at}: epoch {} after {before}", started.epoch));
            }
        }
        if event.workspace.is_empty() {
            return Ok(());
        }
        let state = self.states.entry(event.workspace.clone()).or_default();
        let before = state.revision;
        state.revision = event.revision.max(before);
        if event.revision < before {
            return Err(format!(
                "event {at}: {} goes back from revision {before} to {}",
                event.workspace, event.revision
            ));
        }
        let Some(payload) = &event.payload else { return Ok(()) };
        state.take(payload).map_err(|what| format!("event {at} of {}: {what}", event.workspace))
    }
}

impl State {
    fn take(&mut self, payload: &Payload) -> Result<(), String> {
        match payload {
            Payload::SessionStarted(started) => {
                let session = started.session.as_ref().ok_or("a start without session")?;
                self.minted(session)?;
                self.has_transfer = false;
                self.set(session);
            }
            Payload::SessionRefreshed(refreshed) => {
                let session = refreshed.session.as_ref().ok_or("a refresh without session")?;
                let same = Some((session.session_id.clone(), session.fencing_token));
                if self.session != same {
                    return Err(format!("{:?} was refreshed as {same:?}", self.session));
                }
                self.set(session);
            }
            Payload::SessionEnded(ended) => {
                let id = ended.verdict.as_ref().map(|verdict| verdict.session_id.clone());
                let stored = self.session.take().map(|(id, _)| id);
                if stored != id {
                    return Err(format!("{id:?} ended, and {stored:?} was stored"));
                }
                self.has_transfer = false;
            }
            Payload::TransferScheduled(_) => self.has_transfer = true,
            Payload::TransferCancelled(_) => self.has_transfer = false,
            Payload::WorkspaceDeleted(deleted) => {
                if self.session.is_some() {
                    return Err("a workspace with a session was deleted".to_owned());
                }
                let revision = self.revision.max(deleted.revision_floor);
                let newest_token = self.newest_token.take();
                *self = Self { revision, newest_token, ..Self::default() };
            }
            around => self.take_around(around),
        }
        Ok(())
    }

    fn take_around(&mut self, payload: &Payload) {
        match payload {
            Payload::EscalationRaised(raised) => {
                self.escalations
                    .extend(raised.escalation.as_ref().map(|it| it.escalation_id.clone()));
            }
            Payload::EscalationResolved(resolved) => {
                if let Some(resolved) = &resolved.escalation {
                    self.escalations.remove(&resolved.escalation_id);
                }
            }
            Payload::EscalationsCleared(cleared) => {
                self.escalations.retain(|id| !cleared.escalation_ids.contains(id));
            }
            Payload::GatesSet(set) => {
                let gates = set.gates.clone().unwrap_or_default();
                self.gates_revision = gates.gates_revision;
                self.gates = gates.gates.into_iter().map(gate).collect();
            }
            Payload::GateUpdated(updated) => {
                self.gates_revision = updated.gates_revision;
                let updated = updated.gate.clone().map(gate).unwrap_or_default();
                if let Some(known) = self.gates.iter_mut().find(|known| known.0 == updated.0) {
                    *known = updated;
                }
            }
            Payload::GatesCleared(cleared) => {
                self.gates_revision = cleared.gates_revision;
                self.gates.clear();
            }
            Payload::HandoffPut(put) => {
                self.handoff = put.handoff.as_ref().map(|it| it.title.clone()).unwrap_or_default();
            }
            // What else is logged does not change what is compared.
            _ => {}
        }
    }

    /// A new session: its token is above every earlier one of the workspace.
    fn minted(&mut self, session: &v1::Session) -> Result<(), String> {
        if let Some((stored, _)) = &self.session {
            return Err(format!("{} started while {stored} was stored", session.session_id));
        }
        let token = session.fencing_token;
        match &self.newest_token {
            Some((newest, holder)) if *newest >= token => Err(format!(
                "token {token} was given to {} after {newest} had been given to {holder}",
                session.session_id
            )),
            _ => {
                self.newest_token = Some((token, session.session_id.clone()));
                Ok(())
            }
        }
    }

    fn set(&mut self, session: &v1::Session) {
        self.session = Some((session.session_id.clone(), session.fencing_token));
        self.actor.clone_from(&session.actor_id);
        self.supervisor.clone_from(&session.supervisor_id);
        self.start_count = session.start_count;
    }

    /// In what a projection differs from this; empty if in nothing.
    pub(super) fn differs(&self, shown: &v1::Projection) -> Vec<String> {
        let session = shown.session.clone().unwrap_or_default();
        let stored = shown.session.as_ref().map(|it| (it.session_id.clone(), it.fencing_token));
        let gates = shown.gates.clone().unwrap_or_default();
        let shown_gates: Vec<_> = gates.gates.into_iter().map(gate).collect();
        let escalations: BTreeSet<_> =
            shown.escalations.iter().map(|it| it.escalation_id.clone()).collect();
        let handoff = shown.handoff.clone().unwrap_or_default().title;
        let mut differs = Vec::new();
        let mut compare = |what: &str, log: String, state: String| {
            if log != state {
                differs.push(format!("{what} is {state}, and the log says {log}"));
            }
        };
        compare("the session", format!("{:?}", self.session), format!("{stored:?}"));
        if self.session.is_some() {
            compare("the actor", self.actor.clone(), session.actor_id);
            compare("the supervisor", self.supervisor.clone(), session.supervisor_id);
            compare(
                "the count of starts",
                self.start_count.to_string(),
                session.start_count.to_string(),
            );
        }
        let transfer = shown.pending_transfer.is_some();
        compare("a pending transfer", self.has_transfer.to_string(), transfer.to_string());
        compare("the escalations", format!("{:?}", self.escalations), format!("{escalations:?}"));
        compare("the gates", format!("{:?}", self.gates), format!("{shown_gates:?}"));
        // Without gates nothing is shown of them.
        if !self.gates.is_empty() {
            let (log, shown) = (self.gates_revision, gates.gates_revision);
            compare("the revision of gates", log.to_string(), shown.to_string());
        }
        compare("the handoff", self.handoff.clone(), handoff);
        differs
    }
}

fn gate(gate: v1::Gate) -> (String, i32, String) {
    (gate.name, gate.state, gate.note)
}
