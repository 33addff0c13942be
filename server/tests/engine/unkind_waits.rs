//! Many who wait, on an unkind store: they come, go, are granted, beat, give up or vanish, while
//! others clear, force, start and delete; and what is logged in the end is as promised.

use std::cell::RefCell;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use fastrand::Rng;
use futures_util::future::join_all;
use tenure_core::command::{Await, Command};
use tenure_core::name::SessionId;
use tenure_core::refusal::Reason;
use tenure_core::time::Span;
use tenured::engine::waits::{Wait, WaitUpdate, Waiting};
use tenured::engine::{Answer, Batching, Failure, Once, Request};
use tenured::store::Reads;
use tenured::store::memory::{MemoryOptions, MemoryStore};
use tokio::runtime::Builder;
use tokio::time::{sleep, timeout};

use self::book::{Book, Seen};
use crate::world::{World, clear, force, give_up, heartbeat, key, request, start};

mod book;

const SEEDS: u64 = 300;
const WAITERS: usize = 16;
const WORKSPACES: [&str; 2] = ["v", "w"];
const TTL_SECS: u64 = 1;
/// Far longer than everything takes: nobody is stuck.
const LONG: Duration = Duration::from_secs(1_800);

fn unkind(seed: u64) -> MemoryOptions {
    MemoryOptions {
        seed,
        conflicts_per_mille: 150,
        refusals_per_mille: 60,
        lost_applied_per_mille: 60,
        lost_unapplied_per_mille: 60,
        failures_per_mille: 60,
        delay_max: Duration::from_millis(seed % 3 * 20),
    }
}

/// How a waiter, and then a holder, behaves.
#[derive(Debug, Clone)]
struct Character {
    workspace: &'static str,
    actor: String,
    takes_over: bool,
    comes_after: Duration,
    /// After how long it goes, if it has not been granted anything.
    patience: Option<Duration>,
    /// Whether it has an id, and asks again: from a second call at the same time, or when it
    /// has gone.
    asks_again: bool,
    beats: u32,
    /// Whether it gives its session up, and does not just vanish.
    gives_up: bool,
}

impl Character {
    fn drawn(rng: &mut Rng, n: usize) -> Self {
        Self {
            workspace: WORKSPACES[rng.usize(..WORKSPACES.len())],
            actor: format!("waiter-{n}"),
            takes_over: rng.u8(..4) == 0,
            comes_after: Duration::from_millis(rng.u64(..8) * 100),
            patience: (rng.u8(..4) == 0).then(|| Duration::from_millis(rng.u64(1..3_000))),
            asks_again: rng.u8(..4) == 0,
            beats: rng.u32(..4),
            gives_up: rng.u8(..4) != 0,
        }
    }

    fn waiting(&self) -> Waiting {
        let Request { key, command: Command::Start(start), caller, .. } =
            start(self.workspace, &self.actor, TTL_SECS)
        else {
            panic!()
        };
        let take_over = self.takes_over.then(|| "it is stale".into());
        let asks = Await { start, take_over, claim_within: Span(300) };
        let request_id = Arc::from(self.actor.as_str());
        let once = Once { rpc: "AwaitSession", request_id, digest: [1; 32] };
        Waiting { key, asks, caller, once: self.asks_again.then_some(once) }
    }
}

/// One run.
struct Run {
    world: World,
    book: RefCell<Book>,
}

impl Run {
    fn comes(&self, who: &Character) -> Wait {
        self.book.borrow_mut().came(&who.actor, who.workspace, who.takes_over);
        self.world.engine.wait(who.waiting()).unwrap()
    }

    /// Listens until the wait ends; absent if the call is displaced by another one, or fails as
    /// it may.
    async fn listens(&self, who: &Character, wait: &mut Wait, again: bool) -> Option<SessionId> {
        let mut has_place = false;
        loop {
            match wait.next().await.unwrap() {
                WaitUpdate::Place(place) => {
                    assert!((1..=place.waiters).contains(&place.position), "{place:?}");
                    has_place = true;
                    self.book.borrow_mut().has_place(&who.actor);
                }
                WaitUpdate::Over(over) => match *over {
                    Ok(Answer { reply, .. }) => {
                        let session = &reply.granted().unwrap().session;
                        let id = session.id.clone().unwrap();
                        self.book.borrow_mut().granted(&who.actor, id.clone());
                        return Some(id);
                    }
                    Err(Failure::Displaced) if who.asks_again => return None,
                    Err(Failure::Refused(refusal)) if again => {
                        let ended = [Reason::SessionMismatch, Reason::LeaseExpired];
                        assert!(ended.contains(&refusal.reason), "{refusal:?}");
                        return None;
                    }
                    Err(Failure::Store(_) | Failure::Conflict) if !has_place => return None,
                    Err(failure) => panic!("{} had to wait, and: {failure:?}", who.actor),
                },
            }
        }
    }

    async fn waits(&self, who: &Character) -> Option<SessionId> {
        sleep(who.comes_after).await;
        let mut wait = self.comes(who);
        let Some(patience) = who.patience else {
            if !who.asks_again {
                return self.listens(who, &mut wait, false).await;
            }
            // Two calls for the same wait.
            let second = async {
                sleep(Duration::from_millis(150)).await;
                let mut wait = self.comes(who);
                self.listens(who, &mut wait, true).await
            };
            let (first, second) = tokio::join!(self.listens(who, &mut wait, false), second);
            return second.or(first);
        };
        if let Ok(end) = timeout(patience, self.listens(who, &mut wait, false)).await {
            return end;
        }
        drop(wait);
        self.book.borrow_mut().departed(&who.actor);
        if !who.asks_again {
            return None;
        }
        sleep(Duration::from_millis(100)).await;
        let mut wait = self.comes(who);
        self.listens(who, &mut wait, true).await
    }

    async fn lives(&self, who: Character) {
        let Some(session_id) = self.waits(&who).await else { return };
        for _ in 0..who.beats {
            let beat = heartbeat(who.workspace, &who.actor, Some(session_id.clone()));
            if !self.until_done(beat).await {
                return;
            }
            sleep(Duration::from_millis(250)).await;
        }
        if !who.gives_up {
            // Somebody sees to what it has left behind, much later.
            sleep(Duration::from_secs(2 * TTL_SECS)).await;
        }
        self.until_done(give_up(who.workspace, &who.actor, session_id)).await;
    }

    /// Repeats a call until it is answered; whether it is carried out.
    async fn until_done(&self, request: Request) -> bool {
        loop {
            match self.world.engine.execute(request.clone()).await {
                Ok(_) => return true,
                Err(Failure::Refused(_)) => return false,
                Err(Failure::Store(_) | Failure::Conflict) => {}
                Err(failure) => panic!("{failure:?}"),
            }
        }
    }

    /// Others, who do not wait.
    async fn interferes(&self, mut rng: Rng) {
        for n in 0..12 {
            sleep(Duration::from_millis(rng.u64(..500))).await;
            let workspace = WORKSPACES[rng.usize(..WORKSPACES.len())];
            let Ok(stored) = self.world.store.get(key(workspace)).await else { continue };
            let session = stored.and_then(|stored| stored.tenure.session);
            let delete = request(workspace, Command::DeleteWorkspace);
            let Some(session) = session else {
                self.until_done(delete).await;
                self.starts_late(workspace, n).await;
                continue;
            };
            let owner = session.actor().unwrap().as_str();
            match rng.u8(..4) {
                0 => {
                    self.until_done(clear(workspace, owner)).await;
                }
                1 => {
                    let grace_secs = rng.u64(..2);
                    let vanishes_for = Duration::from_millis(rng.u64(..2_000 * TTL_SECS));
                    let id = session.id.clone().unwrap();
                    let heir = format!("heir-{n}");
                    if self.until_done(force(workspace, &heir, id.clone(), grace_secs)).await {
                        self.inherits(workspace, &heir, &id, vanishes_for).await;
                    }
                }
                2 => {
                    self.until_done(delete).await;
                }
                _ => self.starts_late(workspace, n).await,
            }
        }
    }

    /// Waits until `prior` has ended, and clears what `heir` has then, if it is still there.
    async fn inherits(
        &self,
        workspace: &str,
        heir: &str,
        prior: &SessionId,
        vanishes_for: Duration,
    ) {
        loop {
            let stored = self.world.store.get(key(workspace)).await;
            let held = stored.map(|stored| stored.and_then(|stored| stored.tenure.session));
            if held.is_ok_and(|held| held.is_none_or(|held| held.id.as_ref() != Some(prior))) {
                break;
            }
            sleep(Duration::from_millis(50)).await;
        }
        sleep(vanishes_for).await;
        self.until_done(clear(workspace, heir)).await;
    }

    /// Somebody tries to start, without waiting.
    async fn starts_late(&self, workspace: &'static str, n: usize) {
        let late = format!("late-{n}");
        self.book.borrow_mut().came(&late, workspace, false);
        if self.until_done(start(workspace, &late, TTL_SECS)).await {
            self.until_done(clear(workspace, &late)).await;
        }
    }

    /// What is logged, and who waits still.
    async fn ends(&self) -> Vec<Seen> {
        let mut seen = Vec::new();
        let mut after = 0;
        loop {
            let Ok(page) = self.world.store.events(None, after, 1_000).await else { continue };
            if page.events.is_empty() {
                break;
            }
            after = page.read_through;
            seen.extend(page.events.into_iter().filter_map(|logged| Seen::of(logged.event)));
        }
        for ended in seen.iter().filter_map(Seen::ended) {
            let entry = loop {
                if let Ok(entry) = self.world.store.ledger_entry(ended.clone()).await {
                    break entry;
                }
            };
            assert!(entry.is_some(), "{ended:?} is not in the ledger");
        }
        for workspace in WORKSPACES {
            let page = self.world.engine.waiters(key(workspace), 0, 10).await.unwrap();
            assert!(page.waiters.is_empty(), "{page:?}");
            assert_eq!(self.world.engine.waiter_count(&key(workspace)), 0);
        }
        seen
    }
}

async fn run(seed: u64) -> book::Totals {
    let mut rng = Rng::with_seed(seed);
    let eager = Batching { items_max: 1 + rng.usize(..3), overlap_min: 1, ahead_min: 1 };
    let batching = if rng.bool() { eager } else { Batching::default() };
    let mut world = World::new().await;
    world.store = Arc::new(MemoryStore::new(unkind(seed)));
    let world = world.on_its_store_batching(batching).await;
    let run = Run { world, book: RefCell::default() };
    let waiters: Vec<_> = (0..WAITERS).map(|n| Character::drawn(&mut rng, n)).collect();
    let live = join_all(waiters.into_iter().map(|who| run.lives(who)));
    let all = async { tokio::join!(live, run.interferes(rng.fork())) };
    if timeout(LONG, all).await.is_err() {
        panic!("somebody is stuck: {:?}", run.book.borrow());
    }
    let seen = run.ends().await;
    run.book.borrow().check(&seen)
}

#[test]
fn all_who_wait_on_an_unkind_store_are_served_in_order_and_once() {
    let mut totals = book::Totals::default();
    for seed in 0..SEEDS {
        // What fails is told with the name of its thread, which repeats it. A runtime of its own,
        // or the engines of all runs before would still turn.
        let in_a_runtime = move || {
            let runtime = Builder::new_current_thread().enable_time().start_paused(true).build();
            runtime.unwrap().block_on(run(seed))
        };
        let thread = thread::Builder::new().name(format!("seed {seed}"));
        totals.add(&thread.spawn(in_a_runtime).unwrap().join().unwrap());
    }
    // The runs meet all that they are for.
    assert!(totals.grants > 10 * SEEDS as usize, "{totals:?}");
    let rare = [totals.takeovers, totals.lapses, totals.forced, totals.deletions, totals.late];
    assert!(rare.iter().all(|met| *met > 20), "{totals:?}");
}
