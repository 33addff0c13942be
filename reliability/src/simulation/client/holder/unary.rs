//! A holder that beats by single calls; and the one beat by which a grant is claimed.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::context::Clock;
use tenure_core::name::{ActorId, Key, SessionId};
use tenure_core::reply::{Beat, Reply};
use tenured::access::Caller;
use tenured::engine::{Failure, Request};
use tokio::time::Instant;

use super::{Client, End, Held};
use crate::simulation::client::requests;
use crate::simulation::network::NoAnswer;

/// How often somebody tries to claim a grant.
const CLAIMS_MAX: usize = 5;
/// How long an answer to a claim is waited for.
const CLAIM_PATIENCE: Duration = Duration::from_millis(500);

/// What came of one beat.
enum Beaten {
    /// It was sent then, and renewed.
    Renewed(Instant, Beat, Clock),
    Refused,
    Nothing,
}

impl Client {
    /// Renews until the work is done or lost.
    pub(super) async fn beat_by_calls(&mut self, held: &mut Held) -> End {
        while held.beats_left > 0 && !self.is_calm() {
            held.until_due().await;
            self.pause().await;
            if held.has_to_stop() {
                return End::Stopped;
            }
            // One that is slow is not waited for until all is lost.
            let left = held.until.saturating_duration_since(Instant::now());
            match self.beat_once(&held.key, &held.actor, &held.id, left / 2).await {
                Beaten::Renewed(sent, beat, clock) => {
                    if held.has_to_stop() {
                        // It has stopped before this came.
                        return End::Stopped;
                    }
                    self.renewed(held, sent, &beat, clock);
                    held.beats_left -= 1;
                }
                Beaten::Refused => return End::Lost,
                Beaten::Nothing => held.beat_at = Instant::now() + Duration::from_millis(50),
            }
        }
        End::Done
    }

    /// Claims what was granted by a beat, from which on it is believed in.
    pub async fn claim(&mut self, key: Key, actor: &ActorId, id: SessionId) -> Option<Held> {
        for _ in 0..CLAIMS_MAX {
            match self.beat_once(&key, actor, &id, CLAIM_PATIENCE).await {
                Beaten::Renewed(sent, beat, clock) => {
                    let (token, actor) = (beat.token, actor.clone());
                    let beats_left = self.rng.u32(0..20);
                    let (until, beat_at) = (sent, sent);
                    let mut held = Held { key, id, token, actor, until, beat_at, beats_left };
                    self.renewed(&mut held, sent, &beat, clock);
                    return Some(held);
                }
                Beaten::Refused => return None,
                Beaten::Nothing => self.rest(100).await,
            }
        }
        None
    }

    fn renewed(&mut self, held: &mut Held, sent: Instant, beat: &Beat, clock: Clock) {
        let timing = self.timing(beat.effective_expiry, &clock);
        let until = self.may_work_until(sent, Instant::now(), timing);
        self.place.seen.witness().beat(&held.id, held.token, beat.revision, until);
        held.until = held.until.max(until);
        held.beat_at = sent + self.own(Duration::from_millis(timing.renew_after.0));
    }

    async fn beat_once(
        &mut self,
        key: &Key,
        actor: &ActorId,
        id: &SessionId,
        patience: Duration,
    ) -> Beaten {
        let sent = Instant::now();
        let activity = (self.rng.u8(..8) == 0).then(|| Arc::from(self.name.as_str()));
        let request = Request {
            key: key.clone(),
            command: requests::beat(actor, id, activity),
            caller: Arc::new(Caller::local(None)),
            once: None,
        };
        let (answer, doubled) = self.place.network.call(request, sent + patience).await;
        self.told_of_call(doubled, &answer);
        self.pause().await;
        match answer {
            Ok(answer) => match answer.reply {
                Reply::Beat(beat) => Beaten::Renewed(sent, beat, answer.clock),
                _ => Beaten::Nothing,
            },
            Err(NoAnswer::Failed(Failure::Refused(_))) => Beaten::Refused,
            Err(_) => Beaten::Nothing,
        }
    }
}
