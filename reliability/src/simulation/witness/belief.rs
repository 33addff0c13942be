//! What holders believe, and whether anything contradicts it that is no listed cause.
//!
//! A holder believes in its lease until `stop_work_after` has passed on its own clock since it
//! sent what was last answered. No lease may pass on before that, but by the causes that
//! `docs/semantics.md`, section 4, lists.

use tenure_core::ledger::EndCause;
use tenure_core::name::SessionId;
use tenure_core::session::{FencingToken, Revision};
use tokio::time::Instant;

use super::Witness;
use super::tenure::{Ended, Life};

/// What the holder of a session believes.
#[derive(Debug)]
pub struct Belief {
    /// Until when.
    until: Instant,
    /// At which revision that was promised.
    promised_at: Revision,
    /// Whether it has stopped by itself, and gives the session up.
    released: bool,
}

impl Witness {
    /// A holder was told that the session is its own, and believes so until `until`.
    pub fn promised(
        &mut self,
        id: &SessionId,
        token: FencingToken,
        revision: Revision,
        until: Instant,
    ) {
        let Some(life) = self.lives.get(id) else {
            return self.violate(&format!("{id:?} was promised and is not in the log"));
        };
        let newest = self.standing.get(&life.key).map_or(Revision(0), |standing| standing.revision);
        let ended = life.ended.as_ref().map(|ended| ended.revision);
        if life.token != token || revision < life.began || revision > newest {
            let what = format!("{id:?}, {token:?} at {revision:?} was promised: {life:?}");
            return self.violate(&format!("{what}, durable until {newest:?}"));
        }
        if ended.is_some_and(|ended| revision >= ended) {
            return self.violate(&format!("{id:?} was renewed at {revision:?} after its end"));
        }
        if life.expired.is_some_and(|expired| revision >= expired) {
            return self.violate(&format!("{id:?} was renewed at {revision:?} after its expiry"));
        }
        let belief = self.beliefs.entry(id.clone());
        let belief = belief.or_insert(Belief { until, promised_at: revision, released: false });
        if until >= belief.until {
            (belief.until, belief.promised_at) = (until, revision);
        }
        self.judge(id);
    }

    /// A beat was acknowledged to a holder.
    pub fn beat(
        &mut self,
        id: &SessionId,
        token: FencingToken,
        revision: Revision,
        until: Instant,
    ) {
        self.totals.beats += 1;
        self.promised(id, token, revision, until);
    }

    /// A holder was told that its session was lost, or has expired.
    pub fn lost(&mut self, id: &SessionId, revision: Revision, has_ended: bool) {
        self.totals.final_pushes += 1;
        let Some(life) = self.lives.get(id) else { return };
        let at = match has_ended {
            true => life.ended.as_ref().map(|ended| ended.revision),
            false => life.expired,
        };
        if at != Some(revision) {
            self.violate(&format!("{id:?} was said to be lost at {revision:?}, not {at:?}"));
        }
    }

    /// The holder stops before it asks for its session to be ended.
    pub fn released(&mut self, id: &SessionId) {
        if let Some(belief) = self.beliefs.get_mut(id) {
            belief.released = true;
        }
    }

    /// Whether the holder's belief and what has become of the session go together.
    pub(super) fn judge(&mut self, id: &SessionId) {
        let now = Instant::now();
        let (Some(belief), Some(life)) = (self.beliefs.get(id), self.lives.get(id)) else { return };
        if belief.released || belief.until <= now {
            return;
        }
        let left_ms = (belief.until - now).as_millis();
        match fate(belief, life) {
            Fate::Stands => {}
            Fate::CutShort => self.totals.cut_short += 1,
            Fate::Broken => {
                let what = format!("{id:?} passed on {left_ms} ms before its holder stops");
                self.violate(&format!("{what}: {belief:?}, {life:?}"));
            }
        }
    }
}

enum Fate {
    Stands,
    CutShort,
    Broken,
}

fn fate(belief: &Belief, life: &Life) -> Fate {
    let Some(Ended { cause, was_asked_for, by_transfer, .. }) = &life.ended else {
        return if life.expired.is_some() { Fate::Broken } else { Fate::Stands };
    };
    match cause {
        // By the clock alone.
        EndCause::Replaced | EndCause::TakenOver => Fate::Broken,
        EndCause::Yielded if !was_asked_for => Fate::Broken,
        // At its deadline, with a grace at least as long as what had been promised.
        EndCause::ForceTakenOver if *by_transfer && !was_asked_for => {
            let scheduled = life.transfer_scheduled.unwrap_or_default();
            if belief.promised_at < scheduled { Fate::CutShort } else { Fate::Broken }
        }
        EndCause::Yielded | EndCause::Cleared | EndCause::Superseded | EndCause::ForceTakenOver => {
            Fate::CutShort
        }
    }
}
