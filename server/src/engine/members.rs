//! Who listens for which session: the streams' joins, so that holders learn unasked what
//! befalls them.

use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;
use tenure_core::context::Clock;
use tenure_core::event::{Event, What};
use tenure_core::name::SessionId;
use tenure_core::surroundings::Signals;

use crate::engine::outbox::{Outbox, Push};

/// What is asked of a holder has changed in one batch.
#[derive(Debug)]
pub struct Signalled {
    /// Whose holder.
    pub session_id: SessionId,
    /// What was asked before.
    pub before: Signals,
    /// What is asked now.
    pub now: Signals,
}

/// The joins of all streams. Only the engine touches it, in the order of commits.
#[derive(Debug, Default)]
pub struct Members {
    by_session: HashMap<SessionId, SmallVec<[Member; 1]>>,
}

#[derive(Debug)]
struct Member {
    outbox: Arc<Outbox>,
    handle: u32,
}

impl Members {
    /// From now on `handle` of `outbox` is told what befalls the session.
    pub fn add(&mut self, session_id: &SessionId, outbox: &Arc<Outbox>, handle: u32) {
        let member = Member { outbox: Arc::clone(outbox), handle };
        self.by_session.entry(session_id.clone()).or_default().push(member);
    }

    /// `handle` of `outbox` left, or its stream ended.
    pub fn remove(&mut self, session_id: &SessionId, outbox: &Arc<Outbox>, handle: u32) {
        if let Some(members) = self.by_session.get_mut(session_id) {
            members.retain(|m| !(m.handle == handle && Arc::ptr_eq(&m.outbox, outbox)));
            if members.is_empty() {
                self.by_session.remove(session_id);
            }
        }
    }

    /// Tells those whom a committed event concerns.
    pub fn tell(&mut self, event: &Event, clock: Clock) {
        let Some(session_id) = &event.session_id else { return };
        let (push, last) = match &event.what {
            What::SessionEnded { entry, .. } => (Push::Lost(entry.clone()), true),
            What::SessionExpired { .. } => {
                (Push::Expired { at: event.at, revision: event.revision.unwrap_or_default() }, true)
            }
            What::TransferScheduled { transfer, .. } => {
                (Push::YieldRequested { transfer: transfer.clone(), clock }, false)
            }
            _ => return,
        };
        self.push(session_id, &push);
        if last {
            self.by_session.remove(session_id);
        }
    }

    /// Tells the holder what is asked of it now, as far as that has changed.
    pub fn tell_signals(&self, signalled: &Signalled) {
        let Signalled { session_id, before, now } = signalled;
        if before.blocking != now.blocking {
            self.push(session_id, &Push::Blocked(now.blocking.clone()));
        }
        if before.gates_revision != now.gates_revision {
            self.push(session_id, &Push::GatesChanged(now.gates_revision));
        }
    }

    fn push(&self, session_id: &SessionId, push: &Push) {
        for member in self.by_session.get(session_id).into_iter().flatten() {
            member.outbox.push(member.handle, push.clone());
        }
    }
}
