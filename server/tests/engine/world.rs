//! A server without wire: an engine, a store in memory, and a clock that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use tenure_core::command::{
    Clear, Command, Expected, ForceTakeOver, Heartbeat, RequestedHolder, RequestedLease,
    RequestedSuccessor, Start, Yield,
};
use tenure_core::event::{Event, What};
use tenure_core::name::{ActorId, Key, ProfileName, SessionId, WorkspaceName};
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::reply::{Reply, SessionView, Started};
use tenure_core::session::AutonomousKind;
use tenure_core::time::{Span, WallTime};
use tenured::access::Caller;
use tenured::engine::{Answer, Batching, Engine, EngineOptions, Failure, Once, Published, Request};
use tenured::store::memory::{Fate, MemoryOptions, MemoryStore};
use tenured::store::{Reads, Stored};
use tenured::time::{Reading, TimeSource};
use tokio::sync::broadcast;
use tokio::time::Instant;

/// Time that follows tokio's, and that tests can bend.
#[derive(Debug)]
pub struct Bent {
    origin: Instant,
    awake_ms: AtomicU64,
    asleep_ms: AtomicU64,
    stepped_ms: AtomicU64,
}

impl Bent {
    fn new() -> Arc<Self> {
        let zero = || AtomicU64::new(0);
        let origin = Instant::now();
        Arc::new(Self { origin, awake_ms: zero(), asleep_ms: zero(), stepped_ms: zero() })
    }

    /// All clocks move on, and the engine's loop notices nothing: a stall.
    pub fn stall(&self, length: Duration) {
        self.awake_ms.fetch_add(ms(length), Relaxed);
    }

    /// The machine sleeps.
    pub fn suspend(&self, length: Duration) {
        self.asleep_ms.fetch_add(ms(length), Relaxed);
    }

    /// Somebody sets the wall clock forward.
    pub fn step(&self, length: Duration) {
        self.stepped_ms.fetch_add(ms(length), Relaxed);
    }
}

impl TimeSource for Bent {
    fn read(&self) -> Reading {
        let monotonic_ms = ms(self.origin.elapsed()) + self.awake_ms.load(Relaxed);
        let boot_ms = monotonic_ms + self.asleep_ms.load(Relaxed);
        let wall = WallTime(1_700_000_000_000 + boot_ms + self.stepped_ms.load(Relaxed));
        Reading { monotonic_ms, boot_ms, wall }
    }
}

fn ms(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap()
}

/// A server without wire.
pub struct World {
    pub engine: Engine,
    pub store: Arc<MemoryStore>,
    pub time: Arc<Bent>,
    pub feed: broadcast::Receiver<Published>,
}

impl World {
    pub async fn new() -> Self {
        Self::batching(MemoryStore::new(MemoryOptions::default()), Batching::default()).await
    }

    pub async fn batching(store: MemoryStore, batching: Batching) -> Self {
        Self::over(store, Bent::new(), batching).await
    }

    /// With options of its own; the clock is the world's.
    pub async fn with(options: EngineOptions) -> Self {
        let store = MemoryStore::new(MemoryOptions::default());
        Self::opened(store, Bent::new(), options).await
    }

    async fn over(store: MemoryStore, time: Arc<Bent>, batching: Batching) -> Self {
        let options = EngineOptions { batching, ..EngineOptions::default() };
        Self::opened(store, time, options).await
    }

    async fn opened(store: MemoryStore, time: Arc<Bent>, options: EngineOptions) -> Self {
        let store = Arc::new(store);
        let options = EngineOptions { time: time.clone(), ..options };
        let engine = Engine::start(store.clone(), options).await.unwrap();
        let feed = engine.subscribe();
        let mut world = Self { engine, store, time, feed };
        let What::ServerStarted { lease_clock, .. } = world.event().await.what else { panic!() };
        assert_eq!(lease_clock, world.engine.clock().boot_mark);
        world
    }

    /// Crashes (nothing is told, nothing is stored any more) and comes back after `downtime`.
    pub async fn crash_and_restart(self, downtime: Duration) -> Self {
        let again = self.store.another(MemoryOptions::default());
        self.store.script(Fate::Fail);
        let time = Arc::clone(&self.time);
        let mut failed = self.engine.failed();
        // The next commit, at the latest that of a mark or of this call, meets its fate.
        let _ = self.engine.execute(start("crash", "nobody", 10)).await;
        failed.wait_for(Option::is_some).await.unwrap();
        drop(self);
        tokio::time::sleep(downtime).await;
        Self::over(again, time, Batching::default()).await
    }

    pub async fn call(&self, request: Request) -> Result<Reply, Refusal> {
        match self.engine.execute(request).await {
            Ok(Answer { reply, .. }) => Ok(reply),
            Err(Failure::Refused(refusal)) => Err(*refusal),
            Err(failure) => panic!("{failure:?}"),
        }
    }

    pub async fn refused(&self, request: Request) -> Reason {
        self.call(request).await.unwrap_err().reason
    }

    /// Starts an autonomous session and answers it.
    pub async fn started(&self, workspace: &str, actor: &str, ttl_secs: u64) -> Started {
        match self.call(start(workspace, actor, ttl_secs)).await.unwrap() {
            Reply::Started(started) => *started,
            other => panic!("{other:?}"),
        }
    }

    /// The stored state of a workspace.
    pub async fn stored(&self, workspace: &str) -> Option<Stored> {
        self.store.get(key(workspace)).await.unwrap()
    }

    /// What a reader sees now.
    pub async fn seen(&self, workspace: &str) -> SessionView {
        let stored = self.stored(workspace).await.unwrap();
        let workspace = tenure_core::workspace::Workspace {
            key: key(workspace),
            tenure: stored.tenure,
            surroundings: None,
        };
        SessionView::of(&workspace, &self.engine.clock()).unwrap()
    }

    /// The next published event; they come one at a time in these tests.
    pub async fn event(&mut self) -> Event {
        let waited = tokio::time::timeout(Duration::from_secs(3_600), self.feed.recv()).await;
        let published = waited.expect("an event within an hour").unwrap();
        assert_eq!(published.through, published.events.last().unwrap().sequence);
        published.events[0].event.clone()
    }
}

pub fn key(workspace: &str) -> Key {
    let workspace = WorkspaceName::parse(workspace).unwrap();
    Key { workspace, profile: ProfileName::default() }
}

pub fn request(workspace: &str, command: Command) -> Request {
    let caller = Arc::new(Caller::local(None));
    Request { key: key(workspace), command, caller, once: None }
}

pub fn once(request: Request, request_id: &str, content: u8) -> Request {
    let once = Once { rpc: "Test", request_id: request_id.into(), digest: [content; 32] };
    Request { once: Some(once), ..request }
}

pub fn start(workspace: &str, actor: &str, ttl_secs: u64) -> Request {
    let holder = RequestedHolder::Autonomous(RequestedLease {
        actor: ActorId::imported(actor),
        ttl: Span::from_secs(ttl_secs),
        kind: AutonomousKind::RuntimeWorker,
        supervisor: None,
        instance: None,
    });
    let expected = Expected::default();
    let start = Start { holder, mode: None, supersede: false, machine: None, expected };
    request(workspace, Command::Start(start))
}

pub fn heartbeat(workspace: &str, actor: &str, session_id: Option<SessionId>) -> Request {
    let actor = ActorId::imported(actor);
    request(
        workspace,
        Command::Heartbeat(Heartbeat { actor, session_id, activity: None, report: None }),
    )
}

pub fn clear(workspace: &str, actor: &str) -> Request {
    let actor = Some(ActorId::imported(actor));
    let clear = Clear { actor, reason: None, expected: Expected::default() };
    request(workspace, Command::Clear(clear))
}

pub fn give_up(workspace: &str, actor: &str, session_id: SessionId) -> Request {
    let expected = Expected { session_id: Some(session_id), revision: None };
    let actor = Some(ActorId::imported(actor));
    request(workspace, Command::Yield(Yield { actor, reason: None, expected }))
}

pub fn force(workspace: &str, actor: &str, session_id: SessionId, grace_secs: u64) -> Request {
    let force = ForceTakeOver {
        successor: RequestedSuccessor::Autonomous {
            actor: ActorId::imported(actor),
            ttl: None,
            supervisor: None,
            instance: None,
        },
        reason: "maintenance".into(),
        grace: Span::from_secs(grace_secs),
        dry_run: false,
        machine: None,
        expected: Expected { session_id: Some(session_id), revision: None },
    };
    request(workspace, Command::ForceTakeOver(force))
}

impl World {
    /// Starts a new engine on the store that was put in.
    pub async fn on_its_store(self) -> Self {
        self.on_its_store_batching(Batching::default()).await
    }

    pub async fn on_its_store_batching(self, batching: Batching) -> Self {
        let time = self.time.clone();
        let options = EngineOptions { time, batching, ..EngineOptions::default() };
        loop {
            // An unkind store may refuse to be opened, too.
            if let Ok(engine) = Engine::start(self.store.clone(), options.clone()).await {
                let feed = engine.subscribe();
                return Self { engine, feed, ..self };
            }
        }
    }

    /// Starts until it is answered; the token, if this was a new session.
    pub async fn start_until_done(&self, workspace: &str, turn: u64) -> Option<u64> {
        loop {
            let request = once(start(workspace, "a", 60), &format!("start-{turn}"), 1);
            match self.engine.execute(request).await {
                Ok(Answer { reply: Reply::Started(started), .. }) => {
                    return started.reset.then_some(started.session.session.token.0);
                }
                Err(Failure::Store(_) | Failure::Conflict) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// Clears until it is answered, and looks whether that is so.
    pub async fn clear_until_done(&self, workspace: &str) {
        loop {
            match self.engine.execute(clear(workspace, "a")).await {
                Ok(_) => break,
                Err(Failure::Store(_) | Failure::Conflict) => {}
                other => panic!("{other:?}"),
            }
        }
        let stored = loop {
            if let Ok(stored) = self.store.get(key(workspace)).await {
                break stored;
            }
        };
        assert_eq!(stored.unwrap().tenure.session, None);
    }
}
