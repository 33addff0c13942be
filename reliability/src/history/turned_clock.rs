//! Time that the harness turns: all clocks of a server advance together, by whole ticks, and
//! only after its commit loop has seen the last one.
//!
//! Guarantees: the lease clock reads exactly [`LeaseInstant::ORIGIN`] plus what was turned,
//! however slow the machine is, because no gap between two turns of the loop is ever long enough
//! for a stall. So every instant in an answer is known to the millisecond, and a run of leases
//! of one second does not depend on what else the machine does.
//!
//! Must not know: what the time is used for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tenure_core::command::Command;
use tenure_core::context::Clock;
use tenure_core::name::{Key, ProfileName, WorkspaceName};
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};
use tenured::access::Caller;
use tenured::engine::{Engine, Request};
use tenured::time::{Reading, TimeSource};

/// By how much the clocks advance at once. Well below a second, which would count as a stall.
pub const TICK_MS: u64 = 250;

/// How long a tick lasts, at least. Leases run out much faster than they say.
const TICK_LASTS: Duration = Duration::from_millis(4);

/// What people call the time when a run begins.
const WALL_ORIGIN: WallTime = WallTime(1_700_000_000_000);

/// The clocks of a server.
#[derive(Debug, Default)]
pub struct TurnedClock {
    elapsed_ms: AtomicU64,
}

impl TurnedClock {
    /// How far it was turned.
    #[must_use]
    pub fn elapsed_ms(&self) -> u64 {
        self.elapsed_ms.load(Ordering::SeqCst)
    }

    /// Turns the clock for `engines` for as long as it is polled.
    pub async fn turn(self: Arc<Self>, engines: Vec<Engine>) {
        loop {
            tokio::time::sleep(TICK_LASTS).await;
            self.elapsed_ms.fetch_add(TICK_MS, Ordering::SeqCst);
            for engine in &engines {
                look_in(engine).await;
            }
        }
    }
}

impl TimeSource for TurnedClock {
    fn read(&self) -> Reading {
        let elapsed_ms = self.elapsed_ms();
        let wall = WALL_ORIGIN.after(Span(elapsed_ms));
        Reading { monotonic_ms: elapsed_ms, boot_ms: elapsed_ms, wall }
    }
}

/// The clock of a server on a new store when so much has elapsed.
#[must_use]
pub const fn clock_at(elapsed_ms: u64) -> Clock {
    let span = Span(elapsed_ms);
    let now = Moment { lease: LeaseInstant::ORIGIN.after(span), wall: WALL_ORIGIN.after(span) };
    Clock { now, boot_mark: LeaseInstant::ORIGIN }
}

/// Waits until the commit loop has turned: what was queued before is done.
pub async fn look_in(engine: &Engine) {
    // Whatever comes of it: it was taken in before the loop's clock turned.
    let _ = engine.execute(look()).await;
}

/// A command that goes through the commit loop and, but for the first, changes nothing.
fn look() -> Request {
    let workspace = WorkspaceName::imported("clock");
    let key = Key { workspace, profile: ProfileName::default() };
    let caller = Arc::new(Caller::local(None));
    Request { key, command: Command::Register, caller, once: None }
}
