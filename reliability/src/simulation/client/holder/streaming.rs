//! A holder that beats on streams, and opens another one when one breaks.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure_core::context::Clock;
use tenure_core::session::Revision;
use tenure_core::time::LeaseInstant;
use tenured::engine::outbox::{
    Delivery, Incoming, IncomingBeat, IncomingJoin, JoinedResult, Push, RefusedResult,
    RenewedResult, WhyRefused,
};
use tokio::time::{Instant, sleep_until, timeout_at};

use super::{Client, End, Held};
use crate::simulation::streams::Heartbeats;

/// The handle of the one session of each stream.
const HANDLE: u32 = 1;
/// A stream on which no answer came for so long is given up.
const SILENCE_MAX: Duration = Duration::from_millis(700);
/// How long one who has lost its session listens on.
const LISTENS_ON_FOR: Duration = Duration::from_millis(300);

/// A stream as its holder knows it.
#[derive(Debug)]
struct Stream {
    last_message: u64,
    /// When each message was sent that may still be answered.
    sent: BTreeMap<u64, Instant>,
    heard_at: Instant,
    is_final: bool,
}

impl Client {
    /// Renews until the work is done or lost.
    pub(super) async fn beat_on_streams(&mut self, held: &mut Held) -> End {
        while held.beats_left > 0 && !self.is_calm() {
            if held.has_to_stop() {
                return End::Stopped;
            }
            if let Some(heartbeats) = self.place.network.open_heartbeats().await
                && let Some(end) = self.on_stream(heartbeats, held).await
            {
                return end;
            }
            self.place.seen.count(|totals| &mut totals.broken_streams);
            self.rest(100).await;
        }
        End::Done
    }

    /// Until the end, or absent if the stream breaks.
    async fn on_stream(&mut self, mut heartbeats: Heartbeats, held: &mut Held) -> Option<End> {
        let heard_at = Instant::now();
        let mut stream =
            Stream { last_message: 0, sent: BTreeMap::new(), heard_at, is_final: false };
        if !send(&heartbeats, &mut stream, held, true) {
            return None;
        }
        loop {
            let is_due = tokio::select! {
                biased;
                delivery = heartbeats.from_server.recv() => {
                    self.pause().await;
                    if held.has_to_stop() {
                        return Some(End::Stopped);
                    }
                    if let Some(end) = self.receive(delivery?, &mut stream, held) {
                        self.listens_on(heartbeats, stream, held).await;
                        return Some(end);
                    }
                    false
                }
                () = held.until_due() => true,
                () = sleep_until(stream.heard_at + SILENCE_MAX) => return None,
            };
            if !is_due {
                continue;
            }
            self.pause().await;
            if held.has_to_stop() {
                return Some(End::Stopped);
            }
            if held.beats_left == 0 || self.is_calm() {
                return Some(End::Done);
            }
            if !send(&heartbeats, &mut stream, held, false) {
                return None;
            }
            // Again soon, if no answer comes; at times much too soon, so that beats meet.
            let soon_ms = if self.rng.u8(..4) == 0 { 1 } else { 150 };
            held.beat_at = Instant::now() + Duration::from_millis(soon_ms);
        }
    }

    /// Beats once more although the end was told, to hear whether anything but a refusal comes.
    async fn listens_on(&mut self, mut to: Heartbeats, mut stream: Stream, held: &mut Held) {
        send(&to, &mut stream, held, false);
        let over = Instant::now() + LISTENS_ON_FOR;
        while let Ok(Some(came)) = timeout_at(over, to.from_server.recv()).await {
            self.receive(came, &mut stream, held);
        }
    }

    /// Takes in what came; the end, if this is it.
    fn receive(&mut self, came: Delivery, stream: &mut Stream, held: &mut Held) -> Option<End> {
        stream.heard_at = Instant::now();
        let Delivery { joined, renewed, refused, pushes } = came;
        // A push may overtake results; a success that is in hand counts for nothing then.
        let pushed = pushes.iter().filter_map(|(_, push)| self.pushed(push, stream, held)).last();
        let renewed = renewed.into_iter().filter(|result| result.handle == HANDLE);
        let renewed: Vec<_> = renewed.collect();
        if stream.is_final && !(renewed.is_empty() && joined.is_empty()) {
            let same = if pushes.is_empty() { "after" } else { "with" };
            let what = format!("{:?} had a success {same} a final push", held.id);
            let what = format!("{what}: {joined:?}, {renewed:?}");
            self.place.seen.witness().violate(&what);
        }
        let end = pushed.or_else(|| refused.iter().find_map(refused_for_good));
        if end.is_some() {
            return end;
        }
        for JoinedResult { message_id, session, clock, .. } in joined {
            let promise = (session.effective_expiry, session.revision, clock);
            self.promise(stream, held, message_id, promise);
        }
        for result in renewed {
            let RenewedResult { message_id, effective_expiry, revision, clock, .. } = result;
            self.promise(stream, held, message_id, (effective_expiry, revision, clock));
            held.beats_left = held.beats_left.saturating_sub(1);
        }
        None
    }

    fn promise(
        &mut self,
        stream: &mut Stream,
        held: &mut Held,
        message_id: u64,
        (expiry, revision, clock): (LeaseInstant, Revision, Clock),
    ) {
        let Some(sent) = stream.sent.get(&message_id).copied() else { return };
        stream.sent = stream.sent.split_off(&message_id);
        let timing = self.timing(expiry, &clock);
        let until = self.may_work_until(sent, Instant::now(), timing);
        self.place.seen.witness().beat(&held.id, held.token, revision, until);
        held.until = held.until.max(until);
        held.beat_at = sent + self.own(Duration::from_millis(timing.renew_after.0));
    }

    fn pushed(&mut self, push: &Push, stream: &mut Stream, held: &mut Held) -> Option<End> {
        let (revision, has_ended) = match push {
            Push::Lost(entry) => (entry.revision, true),
            Push::Expired { revision, .. } => (*revision, false),
            Push::YieldRequested { .. } => {
                // Some are in no hurry.
                if self.rng.bool() {
                    held.beats_left = held.beats_left.min(1);
                }
                return None;
            }
            _ => return None,
        };
        stream.is_final = true;
        self.place.seen.witness().lost(&held.id, revision, has_ended);
        Some(End::Lost)
    }
}

fn send(to: &Heartbeats, stream: &mut Stream, held: &Held, joins: bool) -> bool {
    stream.last_message += 1;
    let message_id = stream.last_message;
    stream.sent.insert(message_id, Instant::now());
    let identity = Ok((held.key.clone(), held.id.clone(), held.actor.clone()));
    let join = joins.then_some(IncomingJoin { handle: HANDLE, identity });
    let beat = IncomingBeat { handle: HANDLE, activity: Ok(None), report: None };
    to.to_server.send(Incoming {
        message_id,
        joins: join.into_iter().collect(),
        beats: if joins { Vec::new() } else { vec![beat] },
        leaves: Vec::new(),
    })
}

/// A refusal by the rules is final; anything else may be tried again.
fn refused_for_good(result: &RefusedResult) -> Option<End> {
    matches!(result.why, WhyRefused::Rules(_)).then_some(End::Lost)
}
