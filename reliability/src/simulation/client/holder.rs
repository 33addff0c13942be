//! One who holds a workspace by the rules: it renews in time, stops when its own clock says so,
//! takes a loss as final, and gives up what it holds when it is done, unless it vanishes.

use std::time::Duration;

use tenure_core::name::{ActorId, Key, SessionId};
use tenure_core::refusal::Reason;
use tenure_core::reply::{Reply, SessionView};
use tenure_core::session::FencingToken;
use tenure_core::time::Span;
use tokio::time::{Instant, sleep};

use super::{Answered, Client, requests};

mod streaming;
mod unary;

/// What a holder holds.
#[derive(Debug)]
pub struct Held {
    /// Which workspace.
    pub key: Key,
    /// The session.
    pub id: SessionId,
    /// Its token.
    pub token: FencingToken,
    /// Who holds it.
    pub actor: ActorId,
    /// Until when it may work without a newer answer.
    pub until: Instant,
    /// When the next beat is due.
    pub beat_at: Instant,
    /// How many beats it means to make.
    pub beats_left: u32,
}

/// How holding has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The work is done.
    Done,
    /// The server said that the session is not the holder's any more.
    Lost,
    /// No answer came in time.
    Stopped,
}

impl Client {
    /// Holds one workspace after another, until all is calm.
    pub async fn hold_on(mut self) {
        // Two processes of one actor are two clients whose names differ in the last letter.
        let actor = ActorId::imported(self.name.trim_end_matches(['a', 'b']));
        while !self.is_calm() {
            let key = self.some_workspace();
            if let Some(held) = self.acquire(&key, &actor).await {
                self.work(held).await;
            }
            self.rest(800).await;
        }
    }

    async fn acquire(&mut self, key: &Key, actor: &ActorId) -> Option<Held> {
        let (mark, instance, ttl) = (self.mark(), self.name.clone(), self.some_ttl());
        let supersede = self.rng.u8(..4) == 0;
        let start = requests::start(&mark, actor, &instance, ttl, supersede);
        let command = tenure_core::command::Command::Start(start);
        let answered = match self.ask(key, "StartSession", &mark, command).await {
            Ok(answered) => answered,
            Err(refusal) if refusal.reason == Reason::StaleLeaseHeld => {
                self.rest(300).await;
                let mark = self.mark();
                let take_over = requests::take_over(&mark, actor, &instance, ttl);
                self.ask(key, "TakeOverSession", &mark, take_over).await.ok().flatten()
            }
            Err(_) => None,
        };
        self.granted(actor, &answered?)
    }

    /// What a start or a takeover has given to this client.
    pub fn granted(&mut self, actor: &ActorId, answered: &Answered) -> Option<Held> {
        let Answered { answer, sent, came } = answered;
        let view = match &answer.reply {
            Reply::Started(started) => &started.session,
            Reply::TakenOver(taken) => &taken.session,
            _ => return None,
        };
        let SessionView { key, revision, session, effective_expiry, .. } = view;
        let timing = self.timing(*effective_expiry, &answer.clock);
        let (id, token) = (session.id.clone()?, session.token);
        let until = self.may_work_until(*sent, *came, timing);
        self.place.seen.witness().promised(&id, token, *revision, until);
        Some(Held {
            key: key.clone(),
            id,
            token,
            actor: actor.clone(),
            until,
            beat_at: *sent + self.own(Duration::from_millis(timing.renew_after.0)),
            beats_left: self.rng.u32(0..20),
        })
    }

    /// Holds until the work is done or the session is lost, and leaves it in good order, or not.
    pub async fn work(&mut self, mut held: Held) {
        let end = if self.rng.bool() {
            self.beat_by_calls(&mut held).await
        } else {
            self.beat_on_streams(&mut held).await
        };
        self.place.seen.note(&format!("{} holds {:?} no more: {end:?}", self.name, held.id));
        match end {
            End::Stopped => self.place.seen.count(|totals| &mut totals.stopped_by_clock),
            End::Lost => {}
            // Who vanishes leaves its lease to run out.
            End::Done if self.rng.u8(..4) == 0 => {}
            End::Done => self.leave(&held).await,
        }
    }

    async fn leave(&mut self, held: &Held) {
        self.place.seen.witness().released(&held.id);
        let mark = self.mark();
        let (rpc, command) = if self.rng.u8(..5) == 0 {
            ("ClearSession", requests::clear(&mark, Some(&held.actor), Some(&held.id)))
        } else {
            ("YieldSession", requests::give_up(&mark, &held.actor, &held.id))
        };
        // A refusal says that the session has ended otherwise.
        let _ = self.ask(&held.key, rpc, &mark, command).await;
    }

    fn some_ttl(&mut self) -> Span {
        Span(self.rng.u64(1_000..3_000))
    }
}

impl Held {
    /// Sleeps until a beat is due, or until the work has to stop.
    async fn until_due(&self) {
        let due = self.beat_at.min(self.until);
        sleep(due.saturating_duration_since(Instant::now())).await;
    }

    /// Whether the work has to stop.
    fn has_to_stop(&self) -> bool {
        Instant::now() >= self.until
    }
}
