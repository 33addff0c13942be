//! What a client does of its own: it asks, repeats, reads, and gives up.

use super::{ages, client, put};
use crate::action::{Action, Pushed, to_push};
use crate::client::{Ask, Heard, Lease, Phase, ProcessIndex};
use crate::server::{RequestId, Setting};
use crate::state::{Call, State, Wants};
use crate::tally::Row;

pub(super) fn asks(state: &mut State, process: ProcessIndex, ask: Ask) -> Option<()> {
    let client = client(state, process)?;
    client.tries += 1;
    client.repeats = 0;
    client.answer = None;
    client.phase = Phase::Asking(ask, 0);
    let request = RequestId { process, try_: client.tries, yields: false };
    put(state, Call { request, wants: Wants::Workspace(ask), waited_for: true, again: false })
}

/// The attempt before is waited for no longer, so that its answer, if it comes, goes nowhere.
pub(super) fn repeats(state: &mut State, process: ProcessIndex, lost: bool) -> Option<()> {
    let client = client(state, process)?;
    let Phase::Asking(ask, age) = &mut client.phase else { return None };
    *age = 0;
    let (ask, try_) = (*ask, client.tries);
    client.repeats += 1;
    client.answer = None;
    state.calls.retain(|call| !(lost && call.request.process == process && call.waited_for));
    for call in state.calls.iter_mut().filter(|call| call.request.process == process) {
        call.waited_for = false;
    }
    let request = RequestId { process, try_, yields: false };
    put(state, Call { request, wants: Wants::Workspace(ask), waited_for: true, again: false })
}

/// It stops before it says so.
pub(super) fn releases(state: &mut State, process: ProcessIndex) -> Option<()> {
    let client = client(state, process)?;
    let (Phase::Holding(Lease { tenure, .. }) | Phase::Over(tenure, _)) = &client.phase else {
        return None;
    };
    let (tenure, try_) = (*tenure, client.tries);
    client.phase = Phase::Idle;
    let request = RequestId { process, try_, yields: true };
    put(state, Call { request, wants: Wants::Yield(tenure), waited_for: false, again: false })
}

pub(super) fn hears(
    setting: &Setting,
    state: &mut State,
    process: ProcessIndex,
    action: Action,
) -> Option<()> {
    let ages = ages(setting);
    let client = client(state, process)?;
    let heard = match action {
        Action::Hear(_) => client.hear(ages),
        _ => client.hear_stream(ages),
    };
    match heard {
        Heard::Lost => setting.tally.count(Row::LostByRefusal),
        Heard::TooLate => setting.tally.count(Row::AnswerCameTooLate),
        Heard::Holds | Heard::Nothing => {}
    }
    Some(())
}

pub(super) fn pushed(setting: &Setting, state: &mut State, process: ProcessIndex) -> Option<()> {
    let ages = ages(setting);
    let Phase::Holding(lease) = &state.client(process)?.phase else { return None };
    match to_push(state, lease.tenure)? {
        Pushed::Over => {
            client(state, process)?.lose(ages);
            setting.tally.count(Row::LostByPush);
        }
        Pushed::Yield { grace_left_ms } => {
            client(state, process)?.hear_yield(grace_left_ms, ages);
            setting.tally.count(Row::YieldAsked);
        }
    }
    Some(())
}
