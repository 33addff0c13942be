//! Await: what a waiter is given, when, and what becomes of a grant that nobody claims.
//!
//! A grant is a start, or the takeover of a stale session, decided as those are. Who is served
//! first is the engine's to keep; who can be served at all is said here.

use smallvec::smallvec;

use crate::change::{Change, Changes};
use crate::command::{Await, RequestedHolder, RequestedSuccessor, Start, TakeOver};
use crate::context::{Clock, Context};
use crate::decide::Decided;
use crate::event::SERVICE_PRINCIPAL;
use crate::ledger::EndCause;
use crate::name::{ActorId, InstanceId, Principal};
use crate::refusal::Reason;
use crate::reply::SessionView;
use crate::seal::{Ending, seal};
use crate::session::{Holder, Revision, Session};
use crate::start::{Meeting, meet, start};
use crate::takeover::take_over;
use crate::time::{LeaseInstant, Moment, Span};
use crate::transition::{Transition, transit};
use crate::workspace::{Tenure, Workspace};

/// How long a program's grant lives until its first beat, where nothing else is asked for.
pub const CLAIM_WITHIN_DEFAULT: Span = Span::from_secs(10);
/// The most that may be asked for.
pub const CLAIM_WITHIN_MAX: Span = Span::from_secs(60);

/// Why a session ended that was granted and not claimed, in the words of the ledger.
const NOT_CLAIMED: &str = "the grant was not claimed in time";

pub(crate) fn grant(workspace: &Workspace, request: &Await, context: &Context) -> Decided {
    let claim_within = Some(request.claim_within);
    let started = start(workspace, &request.start, claim_within, context);
    match (&started, &request.take_over) {
        (Err(Reason::StaleLeaseHeld | Reason::StaleAutonomousSession), Some(reason)) => {
            let takeover = TakeOver {
                successor: successor(&request.start),
                reason: reason.clone(),
                machine: request.start.machine.clone(),
                expected: request.start.expected.clone(),
            };
            take_over(workspace, &takeover, claim_within, context)
        }
        _ => started,
    }
}

/// Who takes over, where a start is not enough.
fn successor(start: &Start) -> RequestedSuccessor {
    match &start.holder {
        RequestedHolder::Interactive => RequestedSuccessor::Interactive,
        RequestedHolder::Autonomous(lease) => RequestedSuccessor::Autonomous {
            actor: lease.actor.clone(),
            ttl: Some(lease.ttl),
            supervisor: lease.supervisor.clone(),
            instance: lease.instance.clone(),
        },
    }
}

/// Ends a grant that was not claimed until its `expiry`: nobody has worked under it, so it is
/// given up and has not run out.
pub(crate) fn lapse(
    workspace: &Workspace,
    session: &Session,
    expiry: LeaseInstant,
    clock: &Clock,
) -> Result<Changes, Reason> {
    let service = Principal::imported(SERVICE_PRINCIPAL);
    let ending = Ending {
        cause: EndCause::Yielded,
        at: Moment { lease: expiry, wall: clock.now.wall_at(expiry) },
        // A session is stored, so the workspace has a revision and the floor does not matter.
        revision: workspace.next_revision(Revision::default())?,
        by: &service,
        by_actor: None,
        why: Some(NOT_CLAIMED.into()),
        successor: None,
    };
    let entry = seal(workspace, session, ending);
    let own = smallvec![Change::Ended { entry: Box::new(entry) }];
    Ok(transit(workspace, Transition::Yield, own).changes)
}

impl Reason {
    /// Whether somebody who is refused for this may be served later without asking anew: a
    /// session is in the way, and sessions end. Anything else ends a wait.
    #[must_use]
    pub const fn is_cured_by_waiting(self) -> bool {
        matches!(
            self,
            Self::LeaseHeld
                | Self::StaleLeaseHeld
                | Self::InteractiveSessionActive
                | Self::AutonomousSessionActive
                | Self::StaleAutonomousSession
        )
    }
}

/// To whom a workspace can be given as it stands; of those who wait, the first one is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenTo<'a> {
    /// To anybody: it is free, or was left by a person.
    Anybody,
    /// To its owner, and to whoever takes stale sessions over.
    OwnerAndTakers(Option<&'a ActorId>),
    /// To people, who start the session again that a person has.
    People,
    /// To its owner, who starts again: the process that holds it, or where either names none.
    Owner(Option<&'a ActorId>, Option<&'a InstanceId>),
}

impl<'a> OpenTo<'a> {
    /// To whom the workspace of `tenure` can be given at `clock`.
    #[must_use]
    pub fn of(tenure: &'a Tenure, clock: &Clock) -> Self {
        let Some(session) = &tenure.session else { return Self::Anybody };
        match (&session.holder, tenure.is_stale(clock)) {
            (Holder::Interactive, true) => Self::Anybody,
            (Holder::Interactive, false) => Self::People,
            (Holder::Autonomous(held), true) => Self::OwnerAndTakers(held.actor.as_ref()),
            (Holder::Autonomous(held), false) => {
                Self::Owner(held.actor.as_ref(), held.instance.as_ref())
            }
        }
    }

    /// Whether `request` is among those that can be served. It does not supersede: that is
    /// for a process which finds an older one when it comes, and not for one that waits.
    #[must_use]
    pub fn admits(&self, request: &Await) -> bool {
        let lease = match &request.start.holder {
            RequestedHolder::Interactive => None,
            RequestedHolder::Autonomous(lease) => Some(lease),
        };
        let owns =
            |owner: Option<&ActorId>| owner.is_some() && lease.map(|lease| &lease.actor) == owner;
        match *self {
            Self::Anybody => true,
            Self::OwnerAndTakers(owner) => request.take_over.is_some() || owns(owner),
            Self::People => lease.is_none(),
            Self::Owner(owner, process) => {
                let asking = lease.and_then(|lease| lease.instance.as_ref());
                owns(owner) && (process.is_none() || asking.is_none() || process == asking)
            }
        }
    }
}

/// What a waiter waits for, given the stored session; absent when only the queue is before it.
#[must_use]
pub fn waiting_for(standing: &SessionView, request: &Await) -> Option<Reason> {
    let SessionView { session, stale, transfer, .. } = standing;
    let takes = *stale && request.take_over.is_some();
    match meet(session, *stale, transfer.is_some(), &request.start) {
        Meeting::Refused(reason) if !takes => Some(reason),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
