//! All leases that share one heartbeat stream, and what is due on it.
//!
//! Pure, like [`LeaseState`]: messages come in as values, the next message is asked for, and
//! time is an argument. Beats that are due close together leave in one message. Each stream
//! gives out its handles anew and rises from 1, so no handle is ever reused on it; message
//! ids rise over all streams, so that an answer can never be taken for that of another.
//!
//! Guarantees: a lease that was lost is forgotten, so nothing that comes later can revive
//! it; content that was not acknowledged is sent again; a message keeps within the bounds
//! of the contract and of the server.

mod entry;
mod incoming;
mod outgoing;

use std::collections::{BTreeSet, HashMap};

use entry::{Binding, Entry};
pub(crate) use entry::{Identity, View};

use super::beat_content::BeatContent;
use super::clock::Moment;
use super::lease_state::{Due, LeaseState};
use super::loss::Loss;
use super::timing::Timing;
use crate::v1;

/// Names one lease in the book; never reused.
pub(crate) type LeaseId = u64;

/// How the stream does, as far as the leases can tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Health {
    Sound,
    /// Nothing came back since a question that was not answered in time.
    Silent,
}

/// Why a stream that works is left for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leave {
    /// The server is shutting down.
    Draining,
    /// Every handle that a stream may give out has been used.
    HandlesSpent,
}

#[derive(Debug, Default)]
pub(crate) struct Book {
    entries: HashMap<LeaseId, Entry>,
    handles: HashMap<u32, LeaseId>,
    next_lease_id: LeaseId,
    last_message_id: u64,
    /// When each lease must stop, and when there is something else to do for it.
    stops: BTreeSet<(Moment, LeaseId)>,
    work: BTreeSet<(Moment, LeaseId)>,
    stream: Stream,
    /// Leases whose view changed since it was last taken.
    changed: BTreeSet<LeaseId>,
    /// The last views of lost leases.
    lost: Vec<(LeaseId, View)>,
    /// What went wrong with the streams last, for people.
    trouble: String,
}

/// What belongs to the present stream.
#[derive(Debug, Default)]
struct Stream {
    last_handle: u32,
    heard_at: Option<Moment>,
    leaves: Vec<u32>,
    /// When to open another one, because the server is shutting down.
    drained_at: Option<Moment>,
    /// Whether no handle is left to join with.
    spent: bool,
}

impl Book {
    /// Takes a lease whose request was sent at `basis` and answered with `timing`.
    pub(crate) fn add(
        &mut self,
        identity: Identity,
        basis: Moment,
        timing: Timing,
        session: (u64, v1::Directives),
        now: Moment,
    ) -> LeaseId {
        self.next_lease_id += 1;
        let id = self.next_lease_id;
        let (revision, directives) = session;
        let entry = Entry {
            identity,
            state: LeaseState::new(basis, timing),
            binding: Binding::Unbound(now),
            content: BeatContent::default(),
            in_flight: BeatContent::default(),
            in_flight_id: 0,
            revision,
            directives,
            filed: None,
        };
        self.entries.insert(id, entry);
        self.file(id);
        id
    }

    /// Forgets a lease without a word to its owner; its beats stop, nothing is released.
    pub(crate) fn remove(&mut self, id: LeaseId) {
        let Some(entry) = self.entries.remove(&id) else {
            return;
        };
        if let Binding::Bound(handle) = entry.binding {
            self.handles.remove(&handle);
            self.stream.leaves.push(handle);
        }
        if let Some((stop_at, work_at)) = entry.filed {
            self.stops.remove(&(stop_at, id));
            work_at.map(|at| self.work.remove(&(at, id)));
        }
        self.changed.remove(&id);
    }

    /// Has something to say with the next beat of a lease, which is hastened.
    pub(crate) fn say(&mut self, id: LeaseId, content: BeatContent, now: Moment) {
        if let Some(entry) = self.entries.get_mut(&id)
            && !content.is_empty()
        {
            entry.content.add(content);
            entry.state.has_news(now);
            self.file(id);
        }
    }

    /// A new stream is there; nothing has been sent on it.
    pub(crate) fn attached(&mut self) {
        self.stream = Stream::default();
    }

    /// The stream is gone. All leases join again on the next one, and beats that were not
    /// answered are sent again.
    pub(crate) fn detached(&mut self, now: Moment, trouble: String) {
        self.trouble = trouble;
        self.stream = Stream::default();
        self.handles.clear();
        let ids: Vec<_> = self.entries.keys().copied().collect();
        for id in ids {
            if let Some(entry) = self.entries.get_mut(&id) {
                entry.take_back();
                entry.binding = Binding::Unbound(now);
                entry.state.disconnected(now);
            }
            self.file(id);
        }
    }

    /// Looks at the clock: leases whose time is over are lost, questions that were not
    /// answered in time are due again.
    pub(crate) fn tick(&mut self, now: Moment) -> Health {
        for id in due(&self.stops, now) {
            self.tick_lease(id, now);
        }
        let mut health = Health::Sound;
        for id in due(&self.work, now) {
            if self.tick_lease(id, now) == Health::Silent {
                health = Health::Silent;
            }
        }
        health
    }

    /// Whether it is time to open another stream, and why.
    pub(crate) fn leaves_stream(&self, now: Moment) -> Option<Leave> {
        if self.stream.drained_at.is_some_and(|at| at <= now) {
            return Some(Leave::Draining);
        }
        self.stream.spent.then_some(Leave::HandlesSpent)
    }

    /// Until when a server that is shutting down asks to stay away.
    pub(crate) fn drained_at(&self) -> Option<Moment> {
        self.stream.drained_at
    }

    /// When the first beat is due, on whatever stream.
    pub(crate) fn first_beat_at(&self) -> Option<Moment> {
        self.entries.values().filter_map(|entry| entry.state.beat_at()).min()
    }

    /// The next instant at which there is something to do; without a stream only deadlines
    /// count.
    pub(crate) fn wake_at(&self, with_stream: bool) -> Option<Moment> {
        let stop = self.stops.first().map(|(at, _)| *at);
        if !with_stream {
            return stop;
        }
        let work = self.work.first().map(|(at, _)| *at);
        [stop, work, self.stream.drained_at].into_iter().flatten().min()
    }

    /// Whether no lease is held.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The views that changed since they were last taken, losses last.
    pub(crate) fn take_changed(&mut self) -> Vec<(LeaseId, View)> {
        let changed = std::mem::take(&mut self.changed);
        let views = changed.into_iter().filter_map(|id| Some((id, self.entries.get(&id)?.view())));
        let mut views: Vec<_> = views.collect();
        views.append(&mut self.lost);
        views
    }

    fn tick_lease(&mut self, id: LeaseId, now: Moment) -> Health {
        let Some(entry) = self.entries.get_mut(&id) else {
            return Health::Sound;
        };
        match entry.state.tick(now) {
            Due::StopWork => {
                let silent = entry.state.timing().stop_work_after;
                let mut message = format!("no answer for {:.1} s", silent.as_secs_f64());
                if !self.trouble.is_empty() {
                    message = format!("{message}; {}", self.trouble);
                }
                self.lose(id, Loss::stopped_work(message));
                Health::Sound
            }
            Due::Unanswered { sent_at } => {
                entry.take_back();
                self.file(id);
                let heard = self.stream.heard_at.is_some_and(|at| at >= sent_at);
                if heard { Health::Sound } else { Health::Silent }
            }
            Due::Nothing => Health::Sound,
        }
    }

    /// A lease is lost: its owner is told once, and it is forgotten.
    fn lose(&mut self, id: LeaseId, loss: Loss) {
        if let Some(entry) = self.entries.get_mut(&id) {
            entry.state.end();
            let view = View { loss: Some(loss), ..entry.view() };
            self.lost.push((id, view));
            self.remove(id);
        }
    }

    /// Files a lease under the instants at which it needs attention.
    fn file(&mut self, id: LeaseId) {
        let Some(entry) = self.entries.get_mut(&id) else {
            return;
        };
        let now_filed = (entry.state.stop_at(), entry.work_at());
        if entry.filed == Some(now_filed) {
            return;
        }
        if let Some((stop_at, work_at)) = entry.filed.replace(now_filed) {
            self.stops.remove(&(stop_at, id));
            work_at.map(|at| self.work.remove(&(at, id)));
        }
        self.stops.insert((now_filed.0, id));
        now_filed.1.map(|at| self.work.insert((at, id)));
    }
}

fn due(filed: &BTreeSet<(Moment, LeaseId)>, now: Moment) -> Vec<LeaseId> {
    filed.iter().take_while(|(at, _)| *at <= now).map(|(_, id)| *id).collect()
}

#[cfg(test)]
mod simulation;
#[cfg(test)]
mod tests;
