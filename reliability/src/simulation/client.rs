//! The clients: each a task with a clock, chance and manners of its own.

use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use fastrand::Rng;
use tenure_core::command::Command;
use tenure_core::context::Clock;
use tenure_core::name::Key;
use tenure_core::refusal::Refusal;
use tenure_core::time::LeaseInstant;
use tenure_core::timing::Timing;
use tenured::access::Caller;
use tenured::engine::{Answer, Once, Request};
use tokio::time::{Instant, sleep};

use super::machine::millis;
use super::mutant::Mutant;
use super::network::{Network, NoAnswer};
use super::witness::Seen;

pub mod holder;
pub mod operator;
pub mod requests;
pub mod sweeper;
pub mod waiter;
pub mod watcher;

/// How long a caller waits for an answer before it asks again.
const PATIENCE_MS: std::ops::Range<u64> = 200..2_000;

/// What all clients of a run share.
#[derive(Debug)]
pub struct Place {
    /// The way to the server.
    pub network: Rc<Network>,
    /// Who sees everything.
    pub seen: Arc<Seen>,
    /// What there is to contend for.
    pub workspaces: Vec<Key>,
    /// When everything becomes well.
    pub storm_ends: Instant,
    /// Whether clients stand still at times.
    pub pauses: bool,
    /// What is wrong on purpose.
    pub mutant: Mutant,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Rc<Place>,
    /// Its chance.
    pub rng: Rng,
    /// How fast its clock goes, in thousandths.
    rate_permille: u32,
    asked: u32,
}

/// An answer, and what its caller needs to know of how it came.
#[derive(Debug)]
pub struct Answered {
    /// The answer.
    pub answer: Answer,
    /// When the request was sent that was answered.
    pub sent: Instant,
    /// When the answer came.
    pub came: Instant,
}

impl Client {
    /// A client of this name.
    #[must_use]
    pub fn new(name: String, place: &Rc<Place>, mut rng: Rng) -> Self {
        let rate_permille = rng.u32(850..=1_150);
        Self { name, place: Rc::clone(place), rng, rate_permille, asked: 0 }
    }

    /// Whether nothing new is to be begun.
    #[must_use]
    pub fn is_calm(&self) -> bool {
        Instant::now() >= self.place.storm_ends
    }

    /// One of the workspaces.
    pub fn some_workspace(&mut self) -> Key {
        self.place.workspaces[self.rng.usize(..self.place.workspaces.len())].clone()
    }

    /// A mark that no other request has.
    pub fn mark(&mut self) -> String {
        self.asked += 1;
        format!("{}-{}", self.name, self.asked)
    }

    /// Until when a holder may work: it counts from when it sent what was answered.
    #[must_use]
    pub fn may_work_until(&self, sent: Instant, came: Instant, timing: Timing) -> Instant {
        let counts_from = match self.place.mutant {
            Mutant::HolderCountsFromTheAnswer => came,
            _ => sent,
        };
        counts_from + self.own(Duration::from_millis(timing.stop_work_after.0))
    }

    /// The timing of an answer.
    pub fn timing(&mut self, expiry: LeaseInstant, clock: &Clock) -> Timing {
        Timing::of(expiry, clock, self.rng.u64(..))
    }

    /// How long a time by the client's clock really is.
    #[must_use]
    pub fn own(&self, by_the_clock: Duration) -> Duration {
        by_the_clock * 1_000 / self.rate_permille
    }

    /// Lets some time pass.
    pub async fn rest(&mut self, most_ms: u64) {
        sleep(Duration::from_millis(self.rng.u64(0..=most_ms))).await;
    }

    /// Stands still, at times: no code of the client runs.
    pub async fn pause(&mut self) {
        if self.place.pauses && !self.is_calm() && self.rng.u8(..40) == 0 {
            self.place.seen.happened(&format!("{} stands still", self.name), |t| &mut t.pauses);
            self.rest(5_000).await;
        }
    }

    /// Asks until it is answered, always with the same request id; absent where that was given
    /// up, and nobody knows.
    ///
    /// # Errors
    /// The refusal.
    pub async fn ask(
        &mut self,
        key: &Key,
        rpc: &'static str,
        mark: &str,
        command: Command,
    ) -> Result<Option<Answered>, Box<Refusal>> {
        let once = Once { rpc, request_id: Arc::from(mark), digest: [7; 32] };
        let caller = Arc::new(Caller::local(None));
        let request = Request { key: key.clone(), command, caller, once: Some(once) };
        let tries = self.rng.u32(1..12);
        let mut may_have_been_tried = false;
        for _ in 0..tries {
            self.pause().await;
            let sent = Instant::now();
            let patience = sent + Duration::from_millis(self.rng.u64(PATIENCE_MS));
            let (answer, doubled) = self.place.network.call(request.clone(), patience).await;
            self.told_of_call(doubled, &answer);
            match answer {
                Ok(answer) => {
                    let mut witness = self.place.seen.witness();
                    witness.note(&format!("{mark} is answered"));
                    witness.acknowledged(mark, sent, &answer);
                    return Ok(Some(Answered { answer, sent, came: Instant::now() }));
                }
                Err(NoAnswer::Failed(tenured::engine::Failure::Refused(refusal))) => {
                    let mut witness = self.place.seen.witness();
                    witness.note(&format!("{mark} is refused: {:?}", refusal.reason));
                    if !doubled && !may_have_been_tried {
                        witness.refused(mark);
                    }
                    return Err(refusal);
                }
                Err(NoAnswer::Failed(_)) => may_have_been_tried |= doubled,
                Err(NoAnswer::Lost) => may_have_been_tried = true,
            }
            self.rest(200).await;
        }
        Ok(None)
    }

    /// Counts a call and what came of it.
    pub fn told_of_call(&self, doubled: bool, answer: &Result<Answer, NoAnswer>) {
        let seen = &self.place.seen;
        seen.count(|totals| &mut totals.calls);
        if doubled {
            seen.count(|totals| &mut totals.doubled);
        }
        match answer {
            Ok(_) => {}
            Err(NoAnswer::Lost) => seen.count(|totals| &mut totals.lost_answers),
            Err(NoAnswer::Failed(tenured::engine::Failure::Refused(_))) => {
                seen.count(|totals| &mut totals.refusals);
            }
            Err(NoAnswer::Failed(_)) => seen.count(|totals| &mut totals.store_failures),
        }
    }

    /// Milliseconds until `instant`.
    #[must_use]
    pub fn left_ms(instant: Instant) -> u64 {
        millis(instant.saturating_duration_since(Instant::now()))
    }
}
