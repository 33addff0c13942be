//! Which row of the tables a step of the server took, told from what it met and what it answered.

use tenure_core::command::{Command, Start};
use tenure_core::context::{Clock, Context};
use tenure_core::decide::Decision;
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::reply::{ForcedOutcome, Reply};
use tenure_core::workspace::Workspace;

use super::server::By;
use super::tally::{Row, Tally};

/// A command was decided on `workspace`.
pub fn of_command(
    workspace: &Workspace,
    command: &Command,
    context: &Context,
    result: &Result<Decision, Refusal>,
    tally: &Tally,
) {
    let stale = workspace.tenure.is_stale(&context.clock);
    let pending = workspace.tenure.transfer.is_some();
    let outcome = match result {
        Ok(decision) => Ok(&decision.reply),
        Err(refusal) => Err(refusal.reason),
    };
    let row = match command {
        Command::Start(start) => of_start(workspace, start, outcome),
        Command::Heartbeat(_) => of_beat(outcome, pending),
        Command::Join(_) => {
            Some(if outcome.is_ok() { Row::JoinAnswered } else { Row::JoinRefused })
        }
        Command::TakeOver(_) => of_takeover(outcome, pending),
        Command::ForceTakeOver(_) => of_force(outcome, stale, pending),
        Command::CancelTransfer(_) => outcome.is_ok().then_some(Row::ForcedCancelled),
        Command::Yield(_) => of_yield(outcome, stale, pending),
        _ => None,
    };
    row.into_iter().for_each(|row| tally.count(row));
}

fn of_start(workspace: &Workspace, start: &Start, outcome: Result<&Reply, Reason>) -> Option<Row> {
    match outcome {
        Ok(Reply::Started(started)) if !started.reset => Some(Row::StartRefreshes),
        Ok(Reply::Started(started)) => {
            let cause = started.predecessor.as_ref().map(|prior| prior.cause);
            Some(match cause {
                None => Row::StartOfNothing,
                Some(tenure_core::ledger::EndCause::Superseded) => Row::StartSupersedes,
                Some(_) => Row::StartReplacesOwnStale,
            })
        }
        Err(Reason::StaleLeaseHeld) => Some(Row::StartMeetsStaleOfOther),
        Err(Reason::LeaseHeld) if !owns(workspace, start) => Some(Row::StartMeetsOtherActor),
        Err(Reason::LeaseHeld) if start.supersede => Some(Row::SupersedeWhileTransferPends),
        Err(Reason::LeaseHeld) => Some(Row::StartMeetsOtherProcess),
        _ => None,
    }
}

fn owns(workspace: &Workspace, start: &Start) -> bool {
    use tenure_core::command::RequestedHolder;
    let RequestedHolder::Autonomous(lease) = &start.holder else { return false };
    let session = workspace.tenure.session.as_ref();
    session.and_then(|session| session.actor()) == Some(&lease.actor)
}

const fn of_beat(outcome: Result<&Reply, Reason>, pending: bool) -> Option<Row> {
    match outcome {
        Ok(_) if pending => Some(Row::BeatRenewsUpToDeadline),
        Ok(_) => Some(Row::BeatRenews),
        Err(Reason::NoSession) => Some(Row::BeatOfNothing),
        Err(Reason::NotHolder) => Some(Row::BeatNotHolder),
        Err(Reason::SessionMismatch) => Some(Row::BeatSessionMismatch),
        Err(Reason::LeaseExpired) => Some(Row::BeatExpired),
        Err(_) => None,
    }
}

const fn of_takeover(outcome: Result<&Reply, Reason>, pending: bool) -> Option<Row> {
    match outcome {
        Ok(_) => Some(Row::TakeoverOfStale),
        Err(Reason::NoSession) => Some(Row::TakeoverOfNothing),
        Err(Reason::LeaseNotStale) if pending => Some(Row::TakeoverWhileTransferPends),
        Err(Reason::LeaseNotStale) => Some(Row::TakeoverOfLive),
        Err(Reason::TakeoverSameActor) => Some(Row::TakeoverBySameActor),
        Err(_) => None,
    }
}

fn of_force(outcome: Result<&Reply, Reason>, stale: bool, pending: bool) -> Option<Row> {
    let Ok(Reply::Forced(forced)) = outcome else { return None };
    Some(match forced.outcome {
        _ if pending => Row::ForcedAgain,
        ForcedOutcome::Scheduled(_) => Row::ForcedScheduled,
        ForcedOutcome::Installed(_) if stale => Row::ForcedOfStale,
        ForcedOutcome::Installed(_) => Row::ForcedAtOnce,
    })
}

const fn of_yield(outcome: Result<&Reply, Reason>, stale: bool, pending: bool) -> Option<Row> {
    match outcome {
        // A transfer that completes is counted where the session ends.
        Ok(_) if pending => None,
        Ok(_) if stale => Some(Row::YieldOfStale),
        Ok(_) => Some(Row::YieldByOwner),
        Err(Reason::NoSession) => Some(Row::YieldOfNothing),
        Err(Reason::SessionMismatch) => Some(Row::YieldSessionMismatch),
        Err(_) => None,
    }
}

/// A repeat was answered.
pub fn of_repeat(told: &Result<Reply, Refusal>, tally: &Tally) {
    tally.count(match told {
        Ok(_) => Row::RepeatTold,
        Err(refusal) if refusal.reason == Reason::LeaseExpired => Row::RepeatOfStale,
        Err(_) => Row::RepeatOfEnded,
    });
}

/// A pending transfer completes.
pub fn of_transfer(
    workspace: &Workspace,
    by: By,
    booted_since: bool,
    clock: &Clock,
    tally: &Tally,
) {
    let Some(transfer) = &workspace.tenure.transfer else { return };
    if booted_since {
        tally.count(Row::TransferAfterBoot);
    }
    tally.count(match by {
        By::Time if transfer.deadline <= clock.now.lease => Row::TransferAtDeadline,
        By::Time => Row::TransferAtExpiry,
        By::Supervisor => Row::TransferBySupervisor,
        _ => Row::TransferAtYield,
    });
}
