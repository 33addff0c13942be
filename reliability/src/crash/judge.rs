//! Whether what the clients were told is what the log says that they did.

use std::collections::HashMap;

use tenure::v1::event::Payload;
use tenure::{Reason, v1};

use super::book::{Call, Kind, Outcome, Told};

/// What one event says that a call did.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Effect {
    what: What,
    revision: u64,
    session_id: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Started,
    Refreshed,
    Ended,
    Scheduled,
    /// Of what surrounds a session.
    Around,
}

/// The effects that were found and not judged yet.
#[derive(Debug, Default)]
pub(super) struct Effects {
    by_marker: HashMap<String, Vec<Effect>>,
    /// Revisions at which sessions ended by the transfer that was pending.
    transferred: HashMap<String, u64>,
    deletions: HashMap<String, usize>,
}

impl Effects {
    /// Takes what an event says.
    pub(super) fn take(&mut self, event: &v1::Event) {
        let Some(payload) = &event.payload else { return };
        let (what, marker) = match payload {
            Payload::SessionStarted(it) => (What::Started, supervisor(it.session.as_ref())),
            Payload::SessionRefreshed(it) => (What::Refreshed, supervisor(it.session.as_ref())),
            Payload::SessionEnded(ended) => {
                if ended.transfer_completed {
                    self.transferred.insert(event.session_id.clone(), event.revision);
                }
                (What::Ended, event.reason.clone())
            }
            Payload::TransferScheduled(_) => (What::Scheduled, event.reason.clone()),
            Payload::EscalationRaised(_) | Payload::EscalationResolved(_) => {
                (What::Around, event.reason.clone())
            }
            Payload::GatesSet(set) => {
                let first = set.gates.as_ref().and_then(|gates| gates.gates.first());
                (What::Around, first.map(|gate| gate.name.clone()).unwrap_or_default())
            }
            Payload::GateUpdated(updated) => {
                (What::Around, updated.gate.clone().unwrap_or_default().note)
            }
            Payload::HandoffPut(put) => {
                (What::Around, put.handoff.clone().unwrap_or_default().title)
            }
            Payload::WorkspaceDeleted(_) => {
                *self.deletions.entry(event.workspace.clone()).or_default() += 1;
                return;
            }
            _ => return,
        };
        let (revision, session_id) = (event.revision, event.session_id.clone());
        self.by_marker.entry(marker).or_default().push(Effect { what, revision, session_id });
    }

    /// Judges all calls of a round, and forgets what it knows. What was found broken.
    pub(super) fn judge(&mut self, calls: &[Call]) -> Vec<String> {
        let mut broken = Vec::new();
        let mut deletions: HashMap<&str, usize> = HashMap::new();
        for call in calls {
            if call.kind == Kind::Delete {
                let done = matches!(&call.outcome, Outcome::Done(told) if !told.in_vain);
                *deletions.entry(&call.workspace).or_default() += usize::from(done);
            } else if let Err(what) = self.judge_one(call) {
                broken.push(format!("{what}: {call:?}"));
            }
        }
        for (workspace, told) in deletions {
            let logged = self.deletions.get(workspace).copied().unwrap_or_default();
            if logged != told {
                broken.push(format!("{told} deletions of {workspace} were told, {logged} logged"));
            }
        }
        *self = Self::default();
        broken
    }

    fn judge_one(&self, call: &Call) -> Result<(), String> {
        let found = self.of(call);
        match &call.outcome {
            Outcome::Unanswered => Ok(()),
            Outcome::Done(told) if told.in_vain => none(&found),
            Outcome::Done(told) => self.is_done(call, told, &found),
            // The grant of an earlier attempt is gone again, and that is what was answered.
            Outcome::Refused(Reason::SessionMismatch | Reason::LeaseExpired)
                if call.in_doubt > 0 && call.kind.grants() =>
            {
                if found.len() <= 1 {
                    Ok(())
                } else {
                    Err(format!("done twice: {found:?}"))
                }
            }
            // Had an earlier attempt been carried out, its answer would have been given again.
            Outcome::Refused(_) => none(&found),
        }
    }

    /// The effects that count for this kind of call.
    fn of(&self, call: &Call) -> Vec<&Effect> {
        let all = self.by_marker.get(&call.marker).map(Vec::as_slice).unwrap_or_default();
        let only = |whats: &[What]| {
            all.iter().filter(|effect| whats.contains(&effect.what)).collect::<Vec<_>>()
        };
        match call.kind {
            Kind::Start => only(&[What::Started, What::Refreshed]),
            Kind::TakeOver | Kind::ForceNow => only(&[What::Started]),
            Kind::ForceLater => {
                // When it is due its successor starts; of a stale session that is at once.
                let scheduled = only(&[What::Scheduled]);
                if scheduled.is_empty() { only(&[What::Started]) } else { scheduled }
            }
            Kind::Yield | Kind::Clear => only(&[What::Ended]),
            _ => only(&[What::Around]),
        }
    }

    fn is_done(&self, call: &Call, told: &Told, found: &[&Effect]) -> Result<(), String> {
        let effect = match found {
            [effect] => *effect,
            [] => {
                // To yield to a pending successor is logged with the reason of the transfer.
                let session_id = told.session_id.as_deref().unwrap_or_default();
                let completed = self.transferred.contains_key(session_id);
                let ends = matches!(call.kind, Kind::Yield | Kind::Clear);
                return if completed && ends {
                    Ok(())
                } else {
                    Err("acknowledged and lost".into())
                };
            }
            _ => return Err(format!("done more than once: {found:?}")),
        };
        if told.session_id.as_ref().is_some_and(|id| *id != effect.session_id) {
            return Err(format!("acknowledged for another session than {effect:?}"));
        }
        if told.revision.is_some_and(|revision| revision != effect.revision) {
            return Err(format!("acknowledged with another revision than {effect:?}"));
        }
        Ok(())
    }
}

fn none(found: &[&Effect]) -> Result<(), String> {
    if found.is_empty() { Ok(()) } else { Err(format!("refused, and yet done: {found:?}")) }
}

fn supervisor(session: Option<&v1::Session>) -> String {
    session.map(|session| session.supervisor_id.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(outcome: Outcome, in_doubt: u32) -> Call {
        let (kind, marker) = (Kind::Start, "m".to_owned());
        Call { kind, workspace: "w".into(), marker, in_doubt, outcome }
    }

    fn started(revision: u64) -> v1::Event {
        let session = v1::Session { supervisor_id: "m".into(), ..Default::default() };
        let payload = v1::SessionStarted { session: Some(session), ..Default::default() };
        v1::Event {
            workspace: "w".into(),
            revision,
            payload: Some(Payload::SessionStarted(payload)),
            ..Default::default()
        }
    }

    fn broken(events: &[v1::Event], call: Call) -> usize {
        let mut effects = Effects::default();
        events.iter().for_each(|event| effects.take(event));
        effects.judge(&[call]).len()
    }

    fn done(revision: u64) -> Outcome {
        Outcome::Done(Told { revision: Some(revision), ..Told::default() })
    }

    #[test]
    fn what_was_acknowledged_has_exactly_one_effect() {
        assert_eq!(broken(&[started(1)], call(done(1), 0)), 0);
        assert_eq!(broken(&[], call(done(1), 0)), 1, "lost");
        assert_eq!(broken(&[started(1), started(2)], call(done(2), 1)), 1, "twice");
        assert_eq!(broken(&[started(2)], call(done(1), 0)), 1, "another revision");
    }

    #[test]
    fn what_was_refused_has_no_effect_unless_its_grant_has_ended_since() {
        let refused = |reason, in_doubt| call(Outcome::Refused(reason), in_doubt);
        assert_eq!(broken(&[], refused(Reason::LeaseHeld, 1)), 0);
        assert_eq!(broken(&[started(1)], refused(Reason::LeaseHeld, 1)), 1);
        assert_eq!(broken(&[started(1)], refused(Reason::SessionMismatch, 1)), 0);
        assert_eq!(broken(&[started(1)], refused(Reason::SessionMismatch, 0)), 1);
    }
}
