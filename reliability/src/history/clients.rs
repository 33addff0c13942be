//! The clients of a run: each makes one call after another, repeats some, loses some answers,
//! and takes all of it down.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::timeout;
use tonic::transport::Channel;

use super::board::Board;
use super::choosing;
use super::record::{Call, Instant, Recorder, Told};
use super::rpc::Asked;
use super::turned_clock::TurnedClock;

/// A call that takes longer than this hangs, and the run has failed.
const CALL_MAX: Duration = Duration::from_secs(60);
/// On a connection that is cut now and then an answer is waited for no longer than this.
const CUT_CALL_MAX: Duration = Duration::from_secs(10);
/// How long a client waits that gives a call up, at most, in microseconds.
const PATIENCE_US: u64 = 4_000;
/// Of a thousand calls, how many are given up.
const GIVEN_UP_PERMILLE: u32 = 25;
/// Of a thousand calls whose answer was lost, how many are made again with the same id.
const REPEATED_PERMILLE: u32 = 700;
/// Of a thousand calls that were answered, how many are made again with the same id.
const REPEATED_IDLY_PERMILLE: u32 = 30;
/// Of a thousand calls, how many are sent twice at once.
const TWICE_AT_ONCE_PERMILLE: u32 = 20;
/// Of a thousand calls, how many use the id of another.
const ID_REUSED_PERMILLE: u32 = 5;
/// Of a thousand choices, after how many nobody renews the lease for a while.
const QUIET_PERMILLE: u32 = 15;
/// For how long: longer than the longest lease, so that it runs out.
const QUIET_MS: u64 = 2_600;

/// What all clients of a run share.
#[derive(Debug)]
pub struct Shared {
    /// What they know.
    pub board: Board,
    /// Where they take down what happened.
    pub recorder: Recorder,
    /// What time it is.
    pub clock: Arc<TurnedClock>,
    /// How many calls are still to be made.
    pub left: AtomicUsize,
    /// Whether answers may be lost.
    pub losses: bool,
    /// Whether calls are about the session alone, and none is made twice.
    pub plain: bool,
}

/// One client.
#[derive(Debug)]
pub struct Client {
    /// Its number.
    pub number: usize,
    /// Its way to a server.
    pub channel: Channel,
    /// Whether that is cut now and then.
    pub cut: bool,
    /// A second way, for calls that are made twice at once.
    pub second: Channel,
    /// Where its choices come from.
    pub chance: fastrand::Rng,
    /// What it shares with the others.
    pub shared: Arc<Shared>,
}

impl Client {
    /// Makes calls until enough have been made.
    ///
    /// # Errors
    /// An answer that no call may get, or none in time.
    pub async fn work(mut self) -> anyhow::Result<()> {
        let mut last_id = None;
        while self.take_one() {
            let mut asked = self.choose();
            if self.happens(ID_REUSED_PERMILLE)
                && let (Some(id), Some(last)) = (asked.request_id(), last_id.take())
            {
                *id = last;
            }
            last_id = asked.request_id().cloned().filter(|id| !id.is_empty()).or(last_id);
            let plain = self.shared.plain;
            if !plain && self.happens(TWICE_AT_ONCE_PERMILLE) && self.take_one() {
                // The other way is not cut.
                let first = self.send(&asked, &self.channel, self.cut);
                let second = self.send(&asked, &self.second, false);
                tokio::try_join!(first, second)?;
                continue;
            }
            self.make(&asked).await?;
        }
        Ok(())
    }

    /// Makes a call, and perhaps again.
    async fn make(&mut self, asked: &Asked) -> anyhow::Result<()> {
        let has_id = asked.clone().request_id().is_some_and(|id| !id.is_empty());
        loop {
            let patience = (self.shared.losses && self.happens(GIVEN_UP_PERMILLE))
                .then(|| Duration::from_micros(self.chance.u64(0..PATIENCE_US)));
            let told = match patience {
                Some(patience) => self.give_up_after(asked, patience).await?,
                None => self.send(asked, &self.channel, self.cut).await?,
            };
            let again = match told {
                Told::Nothing(_) => REPEATED_PERMILLE,
                _ => REPEATED_IDLY_PERMILLE,
            };
            if !has_id || !self.happens(again) || !self.take_one() {
                return Ok(());
            }
        }
    }

    async fn give_up_after(&self, asked: &Asked, patience: Duration) -> anyhow::Result<Told> {
        let invoked = self.shared.recorder.now();
        let told = match timeout(patience, asked.send(&self.channel)).await {
            Ok(answer) => Told::of(answer)?,
            Err(_) => Told::Nothing("given up".to_owned()),
        };
        Ok(self.note(asked, invoked, told))
    }

    async fn send(&self, asked: &Asked, channel: &Channel, cut: bool) -> anyhow::Result<Told> {
        let invoked = self.shared.recorder.now();
        let patience = if cut { CUT_CALL_MAX } else { CALL_MAX };
        let told = match timeout(patience, asked.send(channel)).await {
            Ok(answer) => Told::of(answer)?,
            Err(_) if cut => Told::Nothing("no answer in time".to_owned()),
            Err(_) => anyhow::bail!(
                "client {} got no answer within {CALL_MAX:?}, on a connection that was not cut, \
                 to {asked:?}, made at {invoked:?}",
                self.number,
            ),
        };
        Ok(self.note(asked, invoked, told))
    }

    fn note(&self, asked: &Asked, invoked: Instant, told: Told) -> Told {
        let returned = self.shared.recorder.now();
        self.shared.board.hear(asked, &told);
        let (asked, client) = (asked.clone(), self.number);
        self.shared.recorder.note(Call { client, asked, invoked, returned, told: told.clone() });
        told
    }

    fn choose(&mut self) -> Asked {
        let at = self.chance.usize(..);
        let (workspace, heard) = self.shared.board.heard(at);
        let now_ms = self.shared.clock.elapsed_ms();
        let quiet = heard.quiet_until_ms > now_ms;
        if !quiet && self.happens(QUIET_PERMILLE) {
            self.shared.board.quiet(&workspace, now_ms + QUIET_MS);
        }
        let plain = self.shared.plain;
        choosing::next(&mut self.chance, workspace, &heard, quiet, plain)
    }

    /// Counts one more call, if any is left.
    fn take_one(&self) -> bool {
        let one_less = |left: usize| left.checked_sub(1);
        self.shared.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, one_less).is_ok()
    }

    fn happens(&mut self, permille: u32) -> bool {
        self.chance.u32(0..1_000) < permille
    }
}
