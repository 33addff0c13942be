//! From answers and pushes to what the leases know.

use std::time::Duration;

use super::{Binding, Book, Entry, LeaseId};
use crate::Reason;
use crate::error::positive;
use crate::holder::beat_content::BeatContent;
use crate::holder::clock::Moment;
use crate::holder::loss::Loss;
use crate::holder::timing::Timing;
use crate::v1;
use crate::v1::push::Kind;

impl Book {
    /// Takes a message of the server, read at `now`.
    pub(crate) fn receive(&mut self, response: v1::StreamHeartbeatsResponse, now: Moment) {
        self.stream.heard_at = Some(now);
        // What ends a lease comes first: it is final, and may have overtaken the results.
        for push in response.pushes {
            self.pushed(push, now);
        }
        for joined in response.joined {
            let timing = Timing::of(joined.timing.as_ref());
            let handle = joined.handle;
            self.update(handle, |entry| {
                entry.state.joined(now, joined.message_id, timing);
                entry.heard(joined.revision, joined.directives);
            });
        }
        for group in response.renewed {
            let timing = Timing::of(group.timing.as_ref());
            for renewal in group.renewals {
                self.update(renewal.handle, |entry| {
                    entry.state.renewed(now, group.message_id, timing);
                    entry.heard(renewal.revision, renewal.directives.map(|it| *it));
                    if entry.in_flight_id <= group.message_id {
                        entry.in_flight = BeatContent::default();
                    }
                });
            }
        }
        for refused in response.refused {
            self.refused(&refused, now);
        }
    }

    fn pushed(&mut self, push: v1::Push, now: Moment) {
        if let Some(Kind::Draining(draining)) = push.kind {
            let wait = draining.reconnect_after.and_then(positive).unwrap_or_default();
            self.stream.drained_at.get_or_insert(now.after(wait));
            return;
        }
        let Some(&id) = self.handles.get(&push.handle) else {
            return;
        };
        match push.kind {
            Some(Kind::Lost(lost)) => self.lose(id, Loss::ended(lost.verdict)),
            Some(Kind::Expired(_)) => self.lose(id, Loss::expired("the lease expired")),
            Some(kind) => self.update(push.handle, |entry| entry.asked(kind, now)),
            None => {}
        }
    }

    fn refused(&mut self, refused: &v1::BeatRefused, now: Moment) {
        let Some(&id) = self.handles.get(&refused.handle) else {
            return;
        };
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        if let Some(loss) = Loss::of_refusal(&entry.identity.session_id, refused) {
            self.lose(id, loss);
            return;
        }
        tracing::warn!(
            session_id = ?entry.identity.session_id,
            reason = refused.reason().as_short(),
            message = ?refused.message,
            "a beat was refused and is sent again"
        );
        self.trouble = format!("{}: {}", refused.reason().as_short(), refused.message);
        if refused.reason() == Reason::InvalidArgument && !entry.in_flight.is_empty() {
            // What the beat said is what is wrong with it, and must not cost the lease: the
            // next one says nothing. If it was the handle after all, it is refused again.
            entry.in_flight = BeatContent::default();
            entry.state.put_off(now, Duration::ZERO);
            self.file(id);
            return;
        }
        let asked = refused.retry_after.and_then(positive);
        let wait = asked.unwrap_or_else(|| entry.state.patience());
        entry.take_back();
        entry.state.put_off(now, wait);
        self.unbind(id, now.after(wait));
    }

    /// Gives a handle up for a new one. A refused join has spent it already; after a refused
    /// beat it is the simplest way to a state that both sides agree on.
    fn unbind(&mut self, id: LeaseId, join_at: Moment) {
        if let Some(entry) = self.entries.get_mut(&id) {
            if let Binding::Bound(handle) = entry.binding {
                self.handles.remove(&handle);
                self.stream.leaves.push(handle);
            }
            entry.binding = Binding::Unbound(join_at);
            self.file(id);
        }
    }

    fn update(&mut self, handle: u32, change: impl FnOnce(&mut Entry)) {
        let Some(&id) = self.handles.get(&handle) else {
            return;
        };
        self.update_lease(id, change);
    }

    fn update_lease(&mut self, id: LeaseId, change: impl FnOnce(&mut Entry)) {
        if let Some(entry) = self.entries.get_mut(&id) {
            change(entry);
            self.changed.insert(id);
            self.file(id);
        }
    }
}

impl Entry {
    fn heard(&mut self, revision: u64, directives: Option<v1::Directives>) {
        self.revision = self.revision.max(revision);
        if let Some(directives) = directives {
            self.directives = directives;
        }
    }

    fn asked(&mut self, kind: Kind, now: Moment) {
        let directives = &mut self.directives;
        match kind {
            Kind::YieldRequested(asked) => {
                self.state.asked_to_yield(now, asked.grace_left.and_then(positive));
                directives.yield_requested = Some(asked);
            }
            Kind::Blocked(blocked) => {
                directives.blocked = true;
                directives.blocking_escalations = blocked.blocking_escalations;
                directives.blocking_escalation_id = blocked.escalation_id;
                directives.blocking_reason = blocked.reason;
            }
            Kind::Unblocked(_) => {
                directives.blocked = false;
                directives.blocking_escalations = 0;
                directives.blocking_escalation_id.clear();
                directives.blocking_reason.clear();
            }
            Kind::GatesChanged(changed) => directives.gates_revision = changed.gates_revision,
            // Ends and drains are dealt with before a lease is asked for anything.
            Kind::Lost(_) | Kind::Expired(_) | Kind::Draining(_) => {}
        }
    }
}
