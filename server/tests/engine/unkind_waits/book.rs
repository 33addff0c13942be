//! What a run of waiters has seen, and whether the event log agrees.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::event::{Event, What};
use tenure_core::ledger::EndCause;
use tenure_core::name::SessionId;

/// What the log says of a workspace.
#[derive(Debug)]
pub struct Seen {
    workspace: String,
    what: What,
}

impl Seen {
    pub fn of(event: Event) -> Option<Self> {
        let workspace = event.key?.workspace.as_str().to_owned();
        Some(Self { workspace, what: event.what })
    }

    /// The session that has ended, if one did.
    pub fn ended(&self) -> Option<&SessionId> {
        let What::SessionEnded { entry, .. } = &self.what else { return None };
        entry.session_id.as_ref()
    }
}

/// What a run, or all of them, came to.
#[derive(Debug, Default)]
pub struct Totals {
    /// Sessions of those who waited.
    pub grants: usize,
    /// Stale sessions that they took over.
    pub takeovers: usize,
    /// Grants that nobody claimed.
    pub lapses: usize,
    /// Forced takeovers.
    pub forced: usize,
    /// Workspaces that were deleted.
    pub deletions: usize,
    /// Starts by those who do not wait.
    pub late: usize,
}

impl Totals {
    pub fn add(&mut self, other: &Self) {
        self.grants += other.grants;
        self.takeovers += other.takeovers;
        self.lapses += other.lapses;
        self.forced += other.forced;
        self.deletions += other.deletions;
        self.late += other.late;
    }
}

/// One who came to a workspace.
#[derive(Debug)]
struct Comer {
    workspace: String,
    takes_over: bool,
    came_first: usize,
    came_last: usize,
    /// Since when it knows that it waits.
    waits_since: Option<usize>,
    granted: BTreeSet<SessionId>,
    departed: bool,
}

/// All who came, in order.
#[derive(Debug, Default)]
pub struct Book {
    comers: BTreeMap<String, Comer>,
    steps: usize,
}

impl Book {
    pub fn came(&mut self, actor: &str, workspace: &str, takes_over: bool) {
        self.steps += 1;
        let came = self.steps;
        let comer = self.comers.entry(actor.to_owned()).or_insert_with(|| Comer {
            workspace: workspace.to_owned(),
            takes_over,
            came_first: came,
            came_last: came,
            waits_since: None,
            granted: BTreeSet::new(),
            departed: false,
        });
        comer.came_last = came;
    }

    pub fn has_place(&mut self, actor: &str) {
        self.steps += 1;
        let steps = self.steps;
        self.comer(actor).waits_since.get_or_insert(steps);
    }

    pub fn granted(&mut self, actor: &str, session_id: SessionId) {
        self.comer(actor).granted.insert(session_id);
    }

    pub fn departed(&mut self, actor: &str) {
        let comer = self.comer(actor);
        (comer.departed, comer.waits_since) = (true, None);
    }

    fn comer(&mut self, actor: &str) -> &mut Comer {
        self.comers.get_mut(actor).unwrap()
    }

    /// Whether the log tells what was told, and all of it as promised.
    pub fn check(&self, log: &[Seen]) -> Totals {
        let mut totals = Totals::default();
        let mut held: BTreeMap<&str, &SessionId> = BTreeMap::new();
        let mut tokens: BTreeMap<&str, u64> = BTreeMap::new();
        // Of all who got a session: which, and whether it was taken over.
        let mut grants: Vec<(&str, &SessionId, bool)> = Vec::new();
        let mut taken_over = false;
        for Seen { workspace, what } in log {
            let workspace = workspace.as_str();
            match what {
                What::SessionStarted { session, .. } => {
                    let id = session.id.as_ref().unwrap();
                    assert_eq!(held.insert(workspace, id), None, "two sessions of {workspace}");
                    let before = tokens.insert(workspace, session.token.0);
                    assert!(before < Some(session.token.0), "tokens of {workspace} rise");
                    let actor = session.actor().unwrap().as_str();
                    if let Some((actor, _)) = self.comers.get_key_value(actor) {
                        grants.push((actor, id, taken_over));
                        totals.takeovers += usize::from(taken_over);
                    }
                    taken_over = false;
                }
                What::SessionEnded { entry, .. } => {
                    assert_eq!(held.remove(workspace), entry.session_id.as_ref());
                    taken_over = entry.cause == EndCause::TakenOver;
                    let by_itself = entry.ended_by_actor.is_none();
                    let lapsed = by_itself && entry.cause == EndCause::Yielded;
                    totals.lapses += usize::from(lapsed);
                    totals.forced += usize::from(entry.cause == EndCause::ForceTakenOver);
                }
                What::WorkspaceDeleted { .. } => totals.deletions += 1,
                _ => {}
            }
        }
        assert!(held.is_empty(), "all sessions are given up in the end: {held:?}");
        self.each_once(&grants);
        self.in_order(&grants);
        totals.late = grants.iter().filter(|(actor, ..)| actor.starts_with("late")).count();
        totals.grants = grants.len() - totals.late;
        totals
    }

    /// Everybody was given one session at most, and was told of no other.
    fn each_once(&self, grants: &[(&str, &SessionId, bool)]) {
        let mut sessions: BTreeMap<&str, Vec<&SessionId>> = BTreeMap::new();
        for (actor, id, _) in grants {
            sessions.entry(actor).or_default().push(id);
        }
        for (actor, comer) in &self.comers {
            let logged = sessions.remove(actor.as_str()).unwrap_or_default();
            assert!(logged.len() <= 1, "{actor} was given {logged:?}");
            let told: Vec<_> = comer.granted.iter().collect();
            assert!(told.is_empty() || told == logged, "{actor} was told {told:?}");
        }
    }

    /// Nobody was passed over who could have been served.
    fn in_order(&self, grants: &[(&str, &SessionId, bool)]) {
        for (place, (later, ..)) in grants.iter().enumerate() {
            let passed_over = &self.comers[*later];
            for (sooner, _, taken_over) in &grants[..place] {
                let served = &self.comers[*sooner];
                if served.workspace != passed_over.workspace {
                    continue;
                }
                // One who does not wait is only late for those who knew that they do.
                let since = if sooner.starts_with("late") {
                    passed_over.waits_since
                } else {
                    (!later.starts_with("late")).then_some(passed_over.came_last)
                };
                let had_to_wait = *taken_over && !passed_over.takes_over;
                assert!(
                    had_to_wait || since.is_none_or(|since| since > served.came_first),
                    "{sooner} was served before {later}: {self:?}"
                );
            }
        }
    }
}
