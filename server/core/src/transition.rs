//! What each transition does to what surrounds the session: the last table of semantics.md,
//! section 2. Each column is a [`Transition`], each row a function.

use std::sync::Arc;

use crate::change::{Change, Changes};
use crate::escalation::EscalationKind;
use crate::evolve::evolve;
use crate::ledger::EndCause;
use crate::name::EscalationId;
use crate::parts::Parts;
use crate::projection::Digests;
use crate::surroundings::Found;
use crate::workspace::Workspace;

/// A column of the table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Transition {
    /// A start where nothing is stored.
    FirstStart,
    /// A person starts again.
    RefreshByPerson,
    /// A program starts again.
    RefreshByProgram,
    /// A start takes the place of a stale session.
    Replacement,
    /// The next holder goes on with the work: supersede, takeover, forced takeover.
    Succession,
    /// The session is given up to nobody.
    Yield,
    /// The session is ended, and the work with it.
    Clear,
}

/// What a transition comes to.
pub(crate) struct Transited {
    /// All changes, in order.
    pub changes: Changes,
    /// What a holder finds afterwards.
    pub found: Found,
}

/// Adds to the changes of the session itself what the transition does around it. Escalations
/// and gates go while the session that leaves them is still stored, so that their events are
/// about it.
pub(crate) fn transit(workspace: &Workspace, transition: Transition, own: Changes) -> Transited {
    let mut changes = Changes::new();
    changes.extend(clears_escalations(workspace, transition));
    changes.extend(clears_gates(workspace, transition));
    changes.extend(own);
    let parts = workspace.around().held().and(drops(transition));
    if !parts.is_empty() {
        changes.push(Change::Dropped { parts });
    }
    let mut after = workspace.clone();
    changes.iter().for_each(|change| evolve(&mut after, change));
    if takes_baseline(transition) {
        changes.push(Change::BaselineTaken { digests: Arc::new(Digests::of(&after)) });
    }
    Transited { changes, found: Found::of(&after) }
}

/// Rows «escalations»: what is kept of them outlives the session.
fn clears_escalations(workspace: &Workspace, transition: Transition) -> Option<Change> {
    let goes = |kind: EscalationKind| match transition {
        Transition::Clear => true,
        Transition::Replacement => kind == EscalationKind::NonBlocking,
        Transition::FirstStart
        | Transition::RefreshByPerson
        | Transition::RefreshByProgram
        | Transition::Succession
        | Transition::Yield => false,
    };
    let going = workspace.around().escalations.iter().filter(|open| goes(open.kind));
    let ids: Box<[EscalationId]> = going.map(|going| going.id.clone()).collect();
    (!ids.is_empty()).then_some(Change::EscalationsCleared { ids })
}

/// Row «gates».
fn clears_gates(workspace: &Workspace, transition: Transition) -> Option<Change> {
    let goes = matches!(transition, Transition::Replacement | Transition::Clear)
        && !workspace.around().gates.is_empty();
    let revision = workspace.tenure.signals.gates_revision.next();
    goes.then_some(Change::GatesCleared { revision })
}

/// Rows «activity, work streams», «usage, client sections», «checkpoint», and the dropping of
/// the baseline. The activity goes with the session, of which it is a part.
const fn drops(transition: Transition) -> Parts {
    let of_the_session = Parts::PROGRESS.with(Parts::SECTIONS);
    match transition {
        Transition::FirstStart | Transition::RefreshByProgram => Parts::NONE,
        Transition::RefreshByPerson => Parts::WORK_STREAMS,
        Transition::Replacement | Transition::Succession | Transition::Yield => of_the_session,
        Transition::Clear => of_the_session.with(Parts::CHECKPOINT).with(Parts::BASELINE),
    }
}

/// Row «projection baseline». A yield leaves the one that there is.
const fn takes_baseline(transition: Transition) -> bool {
    !matches!(transition, Transition::Yield | Transition::Clear)
}

impl Transition {
    /// The transition that ends a session with `cause`.
    pub(crate) const fn ending(cause: EndCause) -> Self {
        match cause {
            EndCause::Replaced => Self::Replacement,
            EndCause::Superseded | EndCause::TakenOver | EndCause::ForceTakenOver => {
                Self::Succession
            }
            EndCause::Yielded => Self::Yield,
            EndCause::Cleared => Self::Clear,
        }
    }
}

#[cfg(test)]
mod tests;
