//! Who listens for which session: the streams' joins, so that holders learn unasked what
//! befalls them.

use std::sync::Arc;

use hashbrown::HashMap;
use smallvec::SmallVec;
use tenure_core::context::Clock;
use tenure_core::event::{Event, What};
use tenure_core::name::SessionId;

use crate::engine::outbox::{Outbox, Push};

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
        if let Some(members) = self.by_session.get(session_id) {
            for member in members {
                member.outbox.push(member.handle, push.clone());
            }
        }
        if last {
            self.by_session.remove(session_id);
        }
    }
}
