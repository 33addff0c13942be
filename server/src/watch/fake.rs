//! A log and a feed in memory. What is committed and what is published are separate steps, and
//! a script may run between a read's call and its snapshot, and between the snapshot and the
//! answer: there the races of a real server are.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard};

use tenure_core::event::{Event, Facts, SERVICE_PRINCIPAL, What};
use tenure_core::ledger::LedgerEntry;
use tenure_core::name::{
    ActorId, EscalationId, INTERACTIVE_OWNER, MachineId, Principal, ProfileName, SessionId,
    WorkspaceName,
};
use tenure_core::session::{
    Autonomous, AutonomousKind, FencingToken, Holder, Mode, Revision, Session,
};
use tenure_core::time::{LeaseInstant, Moment, WallTime};
use tenure_core::workspace::Tenure;

use crate::store::{
    Counts, EscalationFilter, EscalationPage, EventPage, LedgerPage, LedgerQuery, ListFilter,
    ListPage, MachineFilter, MachinePage, Pending, RowId, StoreError, Stored, StoredMachine,
    Version, Whole, WorkspacePage, page_of,
};

use super::{Arc, Clock, Feed, Key, Listed, LogId, Published, Reads, Sequenced, broadcast};

/// The owner of a session that a person holds.
pub(crate) const NOBODY: &str = "";

/// A script for the moments around the snapshot of a read.
type Script = Box<dyn FnMut(&Fake) + Send>;

#[derive(Clone)]
pub(crate) struct Fake {
    state: Arc<Mutex<State>>,
    script: Arc<Mutex<Option<Script>>>,
    log_id: LogId,
}

struct State {
    log: Vec<Sequenced>,
    sessions: BTreeMap<Key, Listed>,
    newest: u64,
    compacted_through: u64,
    unpublished: VecDeque<Published>,
    published_through: u64,
    feed: Option<broadcast::Sender<Published>>,
    ledger: Vec<LedgerEntry>,
    reads_fail: bool,
}

pub(crate) fn key(name: &str) -> Key {
    Key { workspace: WorkspaceName::imported(name), profile: ProfileName::default() }
}

/// The row of a session that `owner` has held since the event `sequence`.
pub(crate) fn session_row(name: &str, owner: &str, sequence: u64) -> Listed {
    let holder = if owner == NOBODY {
        Holder::Interactive
    } else {
        Holder::Autonomous(Autonomous {
            actor: Some(ActorId::imported(owner)),
            kind: AutonomousKind::RuntimeWorker,
            supervisor: None,
            instance: None,
            ttl: None,
            renewal: None,
        })
    };
    let session = Session {
        id: Some(SessionId::imported(&format!("ses_{sequence}"))),
        holder,
        mode: Mode::General,
        token: FencingToken(sequence),
        started_at: Moment::default(),
        last_started_at: Moment::default(),
        start_count: 1,
        principal: Principal::imported(SERVICE_PRINCIPAL),
        machine: None,
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: None,
        stalled: false,
        unclaimed: false,
    };
    let tenure =
        Tenure { revision: Some(Revision(sequence)), session: Some(session), ..Tenure::default() };
    let stored = Stored { row: RowId(1), version: Version(sequence), tenure, surroundings: None };
    Listed { key: key(name), stored }
}

pub(crate) fn session_of(row: &Listed) -> &Session {
    row.stored.tenure.session.as_ref().expect("listed rows hold sessions")
}

impl Fake {
    pub(crate) fn new(feed_batches: usize) -> Self {
        let state = State {
            log: Vec::new(),
            sessions: BTreeMap::new(),
            newest: 0,
            compacted_through: 0,
            unpublished: VecDeque::new(),
            published_through: 0,
            feed: Some(broadcast::channel(feed_batches).0),
            ledger: Vec::new(),
            reads_fail: false,
        };
        Self {
            state: Arc::new(Mutex::new(state)),
            script: Arc::new(Mutex::new(None)),
            log_id: LogId("log_1".into()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().expect("no test panics while it holds the lock")
    }

    pub(crate) fn reads(&self) -> Arc<dyn Reads> {
        Arc::new(self.clone())
    }

    pub(crate) fn feed(&self) -> Arc<dyn Feed> {
        Arc::new(self.clone())
    }

    pub(crate) fn log_id(&self) -> LogId {
        self.log_id.clone()
    }

    /// Runs `script` before and after the snapshot of every read from now on.
    pub(crate) fn around_reads(&self, script: impl FnMut(&Self) + Send + 'static) {
        *self.script.lock().expect("not poisoned") = Some(Box::new(script));
    }

    fn run_script(&self) {
        let taken = self.script.lock().expect("not poisoned").take();
        if let Some(mut script) = taken {
            script(self);
            *self.script.lock().expect("not poisoned") = Some(script);
        }
    }

    /// Commits that `owner` holds the workspace from now on. One event.
    pub(crate) fn hold(&self, name: &str, owner: &str) {
        self.commit(name, |sequence| Some(session_row(name, owner, sequence)));
    }

    /// Commits that nobody holds the workspace any more. One event.
    pub(crate) fn leave(&self, name: &str) {
        self.commit(name, |_| None);
    }

    fn commit(&self, name: &str, next: impl FnOnce(u64) -> Option<Listed>) {
        let mut state = self.state();
        let sequence = state.newest + 1;
        let before = state.sessions.remove(&key(name));
        let after = next(sequence);
        let facts = |row: &Option<Listed>| row.as_ref().map(|row| Facts::of(session_of(row)));
        let what = match &after {
            Some(row) => {
                What::SessionStarted { session: Box::new(session_of(row).clone()), prior: None }
            }
            // The fake has no sealed records to tell an end with.
            None => {
                let gone = before.clone().unwrap_or_else(|| session_row(name, "nobody", sequence));
                let session = Box::new(session_of(&gone).clone());
                What::SessionExpired { session, expired_at: Moment::default() }
            }
        };
        let event = event(Some(key(name)), facts(&before), facts(&after), what);
        if let Some(row) = after {
            state.sessions.insert(key(name), row);
        }
        state.append(event);
    }

    /// Commits an event of no workspace.
    pub(crate) fn serve(&self) {
        self.state().append(event(
            None,
            None,
            None,
            What::ServerDrained { epoch: 1, lease_clock: LeaseInstant(0) },
        ));
    }

    /// Keeps the record of an ended session.
    pub(crate) fn seal(&self, entry: LedgerEntry) {
        self.state().ledger.push(entry);
    }

    /// Publishes the oldest commit that is not published yet.
    pub(crate) fn publish(&self) -> bool {
        let mut state = self.state();
        let Some(published) = state.unpublished.pop_front() else { return false };
        state.published_through = published.through;
        if let Some(feed) = &state.feed {
            // Nobody listening is no failure.
            feed.send(published).ok();
        }
        true
    }

    pub(crate) fn publish_all(&self) {
        while self.publish() {}
    }

    /// Forgets to publish the oldest commit that is not published yet.
    pub(crate) fn lose_publication(&self) -> bool {
        self.state().unpublished.pop_front().is_some()
    }

    pub(crate) fn skip_sequences(&self, count: u64) {
        self.state().newest += count;
    }

    pub(crate) fn compact(&self, through: u64) {
        let mut state = self.state();
        state.log.retain(|entry| entry.sequence > through);
        state.compacted_through = state.compacted_through.max(through);
    }

    /// Drops the feed, as an engine that ends does.
    pub(crate) fn stop(&self) {
        self.state().feed = None;
    }

    pub(crate) fn fail_reads(&self) {
        self.state().reads_fail = true;
    }

    pub(crate) fn published_through(&self) -> u64 {
        self.state().published_through
    }

    pub(crate) fn newest(&self) -> u64 {
        self.state().newest
    }

    pub(crate) fn log(&self) -> Vec<Sequenced> {
        self.state().log.clone()
    }

    pub(crate) fn sessions(&self) -> BTreeMap<Key, Listed> {
        self.state().sessions.clone()
    }

    fn read<T: Send + 'static>(
        &self,
        snapshot: impl FnOnce(&State) -> T + Send + 'static,
    ) -> Pending<'_, T> {
        Box::pin(async move {
            self.run_script();
            let found = {
                let state = self.state();
                if state.reads_fail {
                    return Err(StoreError::Unavailable("told to fail".to_owned()));
                }
                snapshot(&state)
            };
            self.run_script();
            Ok(found)
        })
    }
}

impl State {
    fn append(&mut self, event: Event) {
        self.newest += 1;
        let entry = Sequenced { sequence: self.newest, event };
        self.log.push(entry.clone());
        self.unpublished.push_back(Published { through: self.newest, events: Arc::from([entry]) });
    }
}

fn event(key: Option<Key>, before: Option<Facts>, after: Option<Facts>, what: What) -> Event {
    Event {
        at: WallTime(0),
        key,
        session_id: None,
        revision: None,
        principal: Principal::imported(SERVICE_PRINCIPAL),
        actor: None,
        why: None,
        address: None,
        before,
        after,
        what,
    }
}

impl Feed for Fake {
    fn subscribe(&self) -> broadcast::Receiver<Published> {
        let state = self.state();
        match &state.feed {
            Some(feed) => feed.subscribe(),
            None => broadcast::channel(1).1,
        }
    }

    fn log_id(&self) -> &LogId {
        &self.log_id
    }

    fn clock(&self) -> Clock {
        Clock { now: Moment::default(), boot_mark: LeaseInstant(0) }
    }
}

impl Reads for Fake {
    fn get(&self, key: Key) -> Pending<'_, Option<Stored>> {
        self.read(move |state| state.sessions.get(&key).map(|row| row.stored.clone()))
    }

    fn whole(&self, key: Key) -> Pending<'_, Whole> {
        self.read(move |state| Whole {
            stored: state.sessions.get(&key).map(|row| row.stored.clone()),
            sequence: state.newest,
        })
    }

    fn escalations(
        &self,
        _: EscalationFilter,
        _: Option<(Key, EscalationId)>,
        _: u32,
    ) -> Pending<'_, EscalationPage> {
        self.read(|_| EscalationPage { rows: Vec::new(), next: None })
    }

    fn workspaces(&self, _: Option<String>, _: Option<Key>, _: u32) -> Pending<'_, WorkspacePage> {
        self.read(|_| WorkspacePage { rows: Vec::new(), next: None })
    }

    fn list(&self, filter: ListFilter, after: Option<Key>, limit: u32) -> Pending<'_, ListPage> {
        self.read(move |state| {
            let limit = usize::try_from(limit).expect("small");
            let selected = |row: &&Listed| {
                let owner = session_of(row).actor().map_or(INTERACTIVE_OWNER, ActorId::as_str);
                filter.prefix.as_ref().is_none_or(|prefix| row.key.is_under(prefix))
                    && filter.owner.as_ref().is_none_or(|wanted| wanted == owner)
            };
            let rest = state.sessions.values().filter(selected);
            let mut rows: Vec<_> = rest
                .filter(|row| after.as_ref() < Some(&row.key))
                .take(limit + 1)
                .cloned()
                .collect();
            let next = (rows.len() > limit).then(|| rows[limit - 1].key.clone());
            rows.truncate(limit);
            ListPage { rows, next, sequence: state.newest }
        })
    }

    fn events(&self, key: Option<Key>, after: u64, limit: u32) -> Pending<'_, EventPage> {
        self.read(move |state| {
            let limit = usize::try_from(limit).expect("small");
            let wanted = |entry: &&Sequenced| {
                entry.sequence > after && (key.is_none() || entry.event.key == key)
            };
            let events: Vec<_> = state.log.iter().filter(wanted).take(limit).cloned().collect();
            let full = events.len() == limit;
            let last = events.last().map(|entry| entry.sequence);
            let read_through = last.filter(|_| full).unwrap_or(state.newest.max(after));
            EventPage {
                events,
                read_through,
                compacted_through: state.compacted_through,
                newest: state.newest,
            }
        })
    }

    fn ledger_entry(&self, session_id: SessionId) -> Pending<'_, Option<LedgerEntry>> {
        self.read(move |state| {
            let wanted = |entry: &&LedgerEntry| entry.session_id.as_ref() == Some(&session_id);
            state.ledger.iter().find(wanted).cloned()
        })
    }

    fn counts(&self) -> Pending<'_, Counts> {
        self.read(|_| Counts::default())
    }

    fn get_each(&self, keys: Vec<Key>) -> Pending<'_, Vec<Option<Stored>>> {
        self.read(move |state| {
            keys.iter().map(|key| state.sessions.get(key).map(|row| row.stored.clone())).collect()
        })
    }

    fn ledger(&self, query: LedgerQuery) -> Pending<'_, LedgerPage> {
        self.read(move |state| page_of((1..).zip(&state.ledger), &query))
    }

    fn machine(&self, _: MachineId) -> Pending<'_, Option<StoredMachine>> {
        self.read(|_| None)
    }

    fn machines(&self, _: MachineFilter, _: Option<MachineId>, _: u32) -> Pending<'_, MachinePage> {
        self.read(|_| MachinePage::default())
    }
}
