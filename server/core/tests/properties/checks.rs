//! The invariants, checked after every step.

use std::collections::{BTreeMap, BTreeSet};

use tenure_core::r#await::{OpenTo, waiting_for};
use tenure_core::change::{Change, Changes};
use tenure_core::command::{Await, Command, RequestedHolder, Start};
use tenure_core::context::{Clock, Context};
use tenure_core::decide::{Decision, decide};
use tenure_core::gate::Gates;
use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::name::{ActorId, SessionId};
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::replay::replay;
use tenure_core::reply::{ForcedOutcome, Reply, SessionView};
use tenure_core::session::{Renewal, Revision, Session};
use tenure_core::surroundings::Found;
use tenure_core::time::LeaseInstant;
use tenure_core::workspace::Workspace;

use crate::imported;

/// What must never come again.
#[derive(Default)]
pub struct Past {
    /// The largest token or revision ever seen, whatever has been deleted since.
    newest: u64,
    minted: BTreeSet<SessionId>,
    sealed: BTreeMap<u64, EndCause>,
    /// The tokens of sessions that were seen stale: nothing revives one.
    stale: BTreeSet<u64>,
}

impl Past {
    /// A session came into being: with a new id, and a token above everything before.
    pub fn mint(&mut self, session: &Session) {
        assert!(session.token.0 > self.newest, "token {:?} does not rise", session.token);
        self.newest = session.token.0;
        if let Some(id) = &session.id {
            assert!(self.minted.insert(id.clone()), "{id:?} was minted twice");
        }
    }
}

/// Nothing is left to settle, and what was stale once has stayed so.
pub fn check_settled(workspace: &Workspace, clock: &Clock, past: &mut Past) {
    let Some(session) = &workspace.tenure.session else { return };
    if workspace.tenure.is_stale(clock) {
        assert!(session.expiry_recorded && workspace.tenure.transfer.is_none(), "not settled");
        past.stale.insert(session.token.0);
    } else {
        assert!(!session.expiry_recorded, "recorded as stale, and live");
        assert!(!past.stale.contains(&session.token.0), "a stale session came to life again");
    }
}

/// One step has led from `before` to `after`; without a command it was time that did it.
pub fn check_step(
    before: &Workspace,
    after: &Workspace,
    changes: &Changes,
    command: Option<&Command>,
    clock: &Clock,
    past: &mut Past,
) {
    let (old, new) = (&before.tenure, &after.tenure);
    assert!(new.session.is_some() || new.transfer.is_none(), "a transfer of nothing");
    check_revision(before, after, changes, past);
    let tenure_ended = old.session.is_some() && before.token() != after.token();
    let sealed: Vec<&LedgerEntry> = changes
        .iter()
        .filter_map(|change| match change {
            Change::Ended { entry } => Some(&**entry),
            _ => None,
        })
        .collect();
    assert_eq!(sealed.len(), usize::from(tenure_ended), "ended and sealed must go together");
    if let Some(session) = &new.session
        && before.token() != after.token()
    {
        past.mint(session);
        assert_eq!(Some(Revision(session.token.0)), new.revision);
        assert!(!session.expiry_recorded && new.transfer.is_none());
    }
    past.newest = past.newest.max(new.revision.map_or(0, |revision| revision.0));
    if let Some(ended) = &old.session {
        if let [entry] = sealed[..] {
            check_end(before, ended, entry, command, clock, past);
            let next = entry.successor.as_ref().map(|next| &next.session_id);
            assert_eq!(next, new.session.as_ref().and_then(|session| session.id.as_ref()));
        } else if let Some(session) = &new.session {
            assert!(expires_at(session) >= expires_at(ended), "the expiry moved back");
            assert_eq!((session.token, session.started_at), (ended.token, ended.started_at));
        }
    }
}

fn expires_at(session: &Session) -> Option<LeaseInstant> {
    let renewal: Option<Renewal> = session.autonomous().and_then(|held| held.renewal);
    renewal.map(|renewal| renewal.expires_at)
}

fn check_revision(before: &Workspace, after: &Workspace, changes: &Changes, past: &Past) {
    let (old, new) = (before.tenure.revision, after.tenure.revision);
    if changes.is_empty() {
        assert_eq!(before, after);
    } else if !changes.iter().any(raises) {
        assert_eq!(new, old, "what surrounds a session raises no revision");
    } else if imported::brought_in(changes).is_some() {
        // The file may have come further than the workspace had.
        assert!(new > old && new.is_some_and(|new| new.0 > past.newest));
    } else if let Some(old) = old {
        assert_eq!(new, Some(Revision(old.0 + 1)), "one decision is one revision");
    } else {
        assert!(new.is_some_and(|new| new.0 > past.newest), "a deleted revision came again");
    }
}

/// Whether a change is of the session, its lease or its transfer.
fn raises(change: &Change) -> bool {
    matches!(
        change,
        Change::Renewed { .. }
            | Change::Minted { .. }
            | Change::Refreshed { .. }
            | Change::ExpiryRecorded { .. }
            | Change::Ended { .. }
            | Change::TransferScheduled { .. }
            | Change::TransferCancelled { .. }
    ) || matches!(change, Change::Imported { what } if what.session.is_some())
}

/// The ended session is sealed once, truthfully, and with the cause that fits; and if it was
/// live, only those ended it who may.
fn check_end(
    before: &Workspace,
    ended: &Session,
    entry: &LedgerEntry,
    command: Option<&Command>,
    clock: &Clock,
    past: &mut Past,
) {
    assert_eq!((&entry.session_id, entry.token), (&ended.id, ended.token));
    assert_eq!(past.sealed.insert(ended.token.0, entry.cause), None, "sealed twice");
    let (stale, pending) = (before.tenure.is_stale(clock), before.tenure.transfer.is_some());
    let may = |actor: &Option<ActorId>| {
        ended.autonomous().is_none()
            || actor.is_some()
                && (ended.actor() == actor.as_ref() || ended.supervisor() == actor.as_ref())
    };
    let cause = match command {
        None => {
            assert!(stale, "time ended a live session");
            assert!(pending || ended.unclaimed, "time ends what a transfer or nobody waits for");
            if pending { EndCause::ForceTakenOver } else { EndCause::Yielded }
        }
        Some(Command::Await(request)) if entry.cause == EndCause::TakenOver => {
            assert!(stale && ended.autonomous().is_some() && request.take_over.is_some());
            EndCause::TakenOver
        }
        Some(Command::Start(start) | Command::Await(Await { start, .. })) => {
            if let RequestedHolder::Autonomous(lease) = &start.holder
                && !stale
            {
                assert!(start.supersede && !pending && ended.actor() == Some(&lease.actor));
                EndCause::Superseded
            } else {
                assert!(stale, "a start ended a live session");
                EndCause::Replaced
            }
        }
        Some(Command::TakeOver(_)) => {
            assert!(stale && ended.autonomous().is_some(), "not to be taken over");
            EndCause::TakenOver
        }
        Some(Command::ForceTakeOver(request)) => {
            assert!(!request.dry_run, "a dry run ended a session");
            EndCause::ForceTakenOver
        }
        Some(Command::Yield(request)) => {
            assert!(may(&request.actor));
            if pending { EndCause::ForceTakenOver } else { EndCause::Yielded }
        }
        Some(Command::Clear(request)) => {
            assert!(may(&request.actor));
            if pending { EndCause::ForceTakenOver } else { EndCause::Cleared }
        }
        Some(other) => panic!("{other:?} ended a session"),
    };
    assert_eq!(entry.cause, cause);
    // What time ended has ended when it was due, not when that was noticed.
    let due = before.tenure.effective_expiry(clock.boot_mark).filter(|_| command.is_none());
    assert_eq!(entry.ended_at, clock.now.wall_at(due.unwrap_or(clock.now.lease)));
}

/// The reply tells what is the case after its changes.
pub fn check_reply(before: &Workspace, after: &Workspace, decision: &Decision, clock: &Clock) {
    let view = SessionView::of(after, clock);
    match &decision.reply {
        Reply::Started(started) => {
            assert_eq!(Some(&started.session), view.as_ref());
            assert_eq!(started.found, Found::of(after));
        }
        Reply::TakenOver(taken) => {
            assert_eq!(Some(&taken.session), view.as_ref());
            assert_eq!(taken.found, Found::of(after));
        }
        Reply::Joined(joined) => {
            // Nothing is renewed, so boot grace is not promised.
            let mut view = view.unwrap();
            let lasting = after.tenure.lasting_expiry().unwrap();
            view.effective_expiry = view.effective_expiry.min(lasting);
            assert_eq!(joined.session, view);
            assert_eq!(joined.signals, after.tenure.signals);
        }
        Reply::TransferCancelled(answer) => {
            assert_eq!(Some(&answer.session), view.as_ref());
            assert_eq!(Some(&answer.cancelled), before.tenure.transfer.as_ref());
        }
        Reply::Beat(beat) => {
            assert!(!before.tenure.is_stale(clock), "a beat revived an expired lease");
            let view = view.unwrap();
            assert!(beat.session_id.is_none() || beat.session_id == view.session.id);
            assert_eq!(beat.token, view.session.token);
            assert_eq!((beat.revision, &beat.activity), (view.revision, &view.session.activity));
            assert_eq!(beat.effective_expiry, view.effective_expiry);
            assert_eq!(beat.transfer.as_deref(), view.transfer.as_ref());
            assert_eq!(beat.signals, after.tenure.signals);
        }
        Reply::Forced(forced) => {
            assert_eq!(Some(&forced.prior), SessionView::of(before, clock).as_ref());
            assert_eq!(forced.found, Found::of(after));
            match &forced.outcome {
                _ if forced.dry_run => assert_eq!(before, after),
                ForcedOutcome::Installed(installed) => {
                    assert_eq!(Some(&**installed), view.as_ref());
                }
                ForcedOutcome::Scheduled(transfer) => {
                    assert_eq!(Some(&**transfer), after.tenure.transfer.as_ref());
                }
            }
        }
        Reply::Yielded(yielded) => {
            assert_eq!(yielded.successor, view);
            assert_eq!(Some(yielded.ended.token), before.token());
        }
        Reply::Cleared(cleared) => {
            assert_eq!(cleared.successor, view);
            assert_eq!(cleared.ended.as_ref().map(|ended| ended.token), before.token());
        }
        Reply::EscalationRaised(raised) => {
            assert_eq!(after.around().escalations.last(), Some(&**raised));
        }
        Reply::EscalationResolved(resolved) => {
            let open = &after.around().escalations;
            assert!(open.iter().all(|open| open.id != resolved.escalation.id));
            let blocking = after.tenure.signals.blocking.as_ref();
            assert_eq!(resolved.blocking, blocking.map_or(0, |blocking| blocking.count));
        }
        Reply::Registered(registered) => {
            assert_eq!(after.tenure.origin.as_deref(), Some(&registered.origin));
            assert_eq!(registered.created, before.tenure.origin != after.tenure.origin);
        }
        Reply::WorkspaceDeleted(_) => panic!("deletions are checked where they are made"),
        Reply::Gates(gates) => assert_eq!(**gates, Gates::of(after)),
        Reply::Imported(reply) => imported::check(before, after, &decision.changes, reply),
        Reply::HandoffPut(handoff) => {
            assert_eq!(after.around().handoff.as_ref(), Some(handoff));
        }
    }
    let stored = serde_json::to_string(&decision.reply).unwrap();
    assert_eq!(serde_json::from_str::<Reply>(&stored).unwrap(), decision.reply);
}

/// Who is refused for now waits for what can end; who is served could be served, and without
/// superseding anybody if it had waited.
pub fn check_wait(workspace: &Workspace, request: &Await, context: &Context) {
    let open = OpenTo::of(&workspace.tenure, &context.clock);
    let waits =
        Await { start: Start { supersede: false, ..request.start.clone() }, ..request.clone() };
    let view = SessionView::of(workspace, &context.clock);
    let waits_for = view.as_ref().and_then(|view| waiting_for(view, &waits));
    match decide(workspace, &Command::Await(waits.clone()), context) {
        Ok(_) => assert!(open.admits(&waits) && waits_for.is_none()),
        Err(refusal) if refusal.reason.is_cured_by_waiting() => {
            assert!(!open.admits(&waits), "would wait although it is admitted");
            assert_eq!(waits_for, Some(refusal.reason));
        }
        Err(_) => {}
    }
}

/// The refusal tells what is stored, shortly, and to no worker how to force.
pub fn check_refusal(workspace: &Workspace, refusal: &Refusal, context: &Context) {
    let stored = SessionView::of(workspace, &context.clock);
    assert_eq!(refusal.standing.as_deref(), stored.as_ref());
    let words = refusal.to_string();
    assert!(words.len() < 1_500);
    assert!(context.operator || !words.contains("force"), "{words}");
}

/// A repeat is told its answer, unless that granted what is gone, or has only boot grace left.
/// Whether it was told.
pub fn check_repeat(workspace: &Workspace, answer: &Reply, context: &Context) -> bool {
    let told = replay(workspace, answer, context);
    let Some(granted) = answer.granted() else {
        assert_eq!(told.as_ref(), Ok(answer));
        return true;
    };
    let current = SessionView::of(workspace, &context.clock)
        .filter(|current| current.session.id == granted.session.id);
    let lasts = |current: &SessionView| {
        current.effective_expiry.min(workspace.tenure.lasting_expiry().unwrap())
    };
    match (current, told) {
        (Some(current), Ok(told)) => {
            assert!(!current.stale, "told again of a stale grant");
            assert_eq!(told.granted().unwrap().effective_expiry, lasts(&current));
            true
        }
        (Some(current), Err(refusal)) => {
            let lasts = lasts(&current) > context.clock.now.lease;
            assert!(!lasts, "a live grant was denied");
            assert_eq!(refusal.reason, Reason::LeaseExpired);
            false
        }
        (None, Ok(_)) => panic!("told again of a grant that is gone"),
        (None, Err(refusal)) => {
            assert_eq!(refusal.reason, Reason::SessionMismatch);
            false
        }
    }
}
