//! The server's machine: clocks that drift, step and sleep, a process that stands still, and ids
//! that come from the seed.

use std::pin::Pin;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tenure_core::time::WallTime;
use tenured::ids::IdSource;
use tenured::time::{Reading, TimeSource};
use tokio::time::{Instant, Sleep, sleep_until};
use ulid::Ulid;

/// When a run begins, in wall time.
const BEGINNING: u64 = 1_700_000_000_000;

/// What the server reads instead of the real clocks, and where its ids come from.
#[derive(Debug)]
pub struct Machine {
    origin: Instant,
    rate_permille: u64,
    sleep: Mutex<Slept>,
    stepped_ms: AtomicI64,
    minted: AtomicU64,
}

#[derive(Debug, Default)]
struct Slept {
    since_ms: Option<u64>,
    before_ms: u64,
}

impl Machine {
    /// A machine whose clocks begin now and go at this rate.
    #[must_use]
    pub fn new(rate_permille: u64) -> Arc<Self> {
        Arc::new(Self {
            origin: Instant::now(),
            rate_permille,
            sleep: Mutex::default(),
            stepped_ms: AtomicI64::new(0),
            minted: AtomicU64::new(0),
        })
    }

    /// Falls asleep, or wakes up.
    pub fn set_asleep(&self, asleep: bool) {
        let now = self.boot_ms();
        let mut slept = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        match (asleep, slept.since_ms) {
            (true, None) => slept.since_ms = Some(now),
            (false, Some(since)) => {
                slept.before_ms += now - since;
                slept.since_ms = None;
            }
            _ => {}
        }
    }

    /// Somebody sets the wall clock.
    pub fn step(&self, by_ms: i64) {
        self.stepped_ms.fetch_add(by_ms, Relaxed);
    }

    fn boot_ms(&self) -> u64 {
        millis(self.origin.elapsed()) * self.rate_permille / 1_000
    }
}

impl TimeSource for Machine {
    fn read(&self) -> Reading {
        let boot_ms = self.boot_ms();
        let slept = self.sleep.lock().unwrap_or_else(PoisonError::into_inner);
        let monotonic_ms = slept.since_ms.unwrap_or(boot_ms) - slept.before_ms;
        let wall = (BEGINNING + boot_ms).saturating_add_signed(self.stepped_ms.load(Relaxed));
        Reading { monotonic_ms, boot_ms, wall: WallTime(wall) }
    }
}

impl IdSource for Machine {
    fn mint(&self) -> Ulid {
        Ulid::from_parts(BEGINNING, u128::from(self.minted.fetch_add(1, Relaxed) + 1))
    }
}

/// Lets a process stand still.
#[derive(Debug, Default)]
pub struct Gate(Mutex<Option<Instant>>);

impl Gate {
    /// Nothing goes on for so long from now.
    pub fn close_for(&self, length: Duration) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now() + length);
    }

    fn closed_until(&self) -> Option<Instant> {
        let until = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        until.filter(|until| Instant::now() < *until)
    }
}

/// Work that goes on only while its gate is open.
pub struct Gated<F> {
    work: Pin<Box<F>>,
    gate: Arc<Gate>,
    waits: Option<Pin<Box<Sleep>>>,
}

impl<F> Gated<F> {
    /// `work` behind `gate`.
    pub fn new(work: F, gate: Arc<Gate>) -> Self {
        Self { work: Box::pin(work), gate, waits: None }
    }
}

impl<F: Future> Future for Gated<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        while let Some(until) = self.gate.closed_until() {
            let waits = self.waits.insert(Box::pin(sleep_until(until)));
            if waits.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
        self.work.as_mut().poll(cx)
    }
}

/// Whole milliseconds.
#[must_use]
pub fn millis(length: Duration) -> u64 {
    u64::try_from(length.as_millis()).unwrap_or(u64::MAX)
}
