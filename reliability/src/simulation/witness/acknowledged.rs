//! What was acknowledged is durable; what was refused has not happened.

use tenure_core::fence::Fence;
use tenure_core::name::{Key, SessionId};
use tenure_core::reply::{ForcedOutcome, Reply};
use tenure_core::session::FencingToken;
use tenured::engine::Answer;
use tokio::time::Instant;

use super::Witness;

impl Witness {
    /// A request with this mark, sent then, was answered.
    pub fn acknowledged(&mut self, mark: &str, sent: Instant, answer: &Answer) {
        let Answer { reply, replayed, .. } = answer;
        self.totals.replays += u64::from(*replayed);
        self.check_granted(mark, sent, reply);
        let effect = match reply {
            // A person's session has no place for a mark.
            Reply::Started(started) if started.session.session.autonomous().is_none() => return,
            Reply::Started(started) if started.reset => "started",
            Reply::Started(_) => "refreshed",
            Reply::TakenOver(_) => "started",
            Reply::Forced(forced) => match (&forced.outcome, forced.dry_run) {
                (_, true) => return,
                (ForcedOutcome::Installed(_), _) => "started",
                (ForcedOutcome::Scheduled(_), _) => "scheduled",
            },
            Reply::TransferCancelled(_) => "cancelled",
            // With a successor it is the transfer that ends the session.
            Reply::Yielded(yielded) if yielded.successor.is_none() => "yielded",
            Reply::Cleared(cleared) if cleared.ended.is_some() && cleared.successor.is_none() => {
                "cleared"
            }
            Reply::EscalationRaised(_) => "raised",
            Reply::EscalationResolved(_) => "resolved",
            Reply::Gates(_) => "set gates",
            _ => return,
        };
        if !self.effects.contains_key(&(effect, mark.to_owned())) {
            self.violate(&format!("request {mark} was acknowledged and {effect} nothing"));
        }
    }

    /// Nobody is given a session that was over before anybody asked, not by a repeat either.
    fn check_granted(&mut self, mark: &str, sent: Instant, reply: &Reply) {
        let id = reply.granted().and_then(|view| view.session.id.as_ref());
        let Some((id, life)) = id.and_then(|id| Some((id, self.lives.get(id)?))) else { return };
        if life.over_at.is_some_and(|over_at| over_at < sent) {
            self.violate(&format!("request {mark} was given {id:?}, which was over: {life:?}"));
        }
    }

    /// A request with this mark was delivered once, and refused.
    pub fn refused(&mut self, mark: &str) {
        let happened = self.effects.keys().find(|(_, marked)| marked == mark);
        if let Some((effect, _)) = happened {
            let what = format!("request {mark} was refused and has {effect} something");
            self.violate(&what);
        }
    }

    /// Some session that has ended, for somebody who wants to check its token.
    #[must_use]
    pub fn some_ended(&self, choice: usize) -> Option<(Key, SessionId, FencingToken)> {
        let ended = self.lives.iter().filter(|(_, life)| life.ended.is_some());
        let ended: Vec<_> = ended.collect();
        let (id, life) = ended.get(choice.checked_rem(ended.len())?)?;
        Some((life.key.clone(), (*id).clone(), life.token))
    }

    /// A fence check of the token of an ended session was answered.
    pub fn fence_checked(&mut self, id: &SessionId, fence: Fence) {
        self.totals.fence_checks += 1;
        if fence.current {
            self.violate(&format!("the token of {id:?}, which has ended, is said to be current"));
        }
    }
}
