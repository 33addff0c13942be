//! What arrives: at the server, and at what is protected by tokens.

use tenure_core::command::Command;

use super::{client, put};
use crate::client::{Answer, Ask, Nth, Phase, ProcessIndex, Question};
use crate::mutant::Mutant;
use crate::rule::{Rule, Rules};
use crate::server::{By, RequestId, Server, Setting, Verdict, expiry_of};
use crate::state::{Call, State, Wants};
use crate::tally::Row;

pub(super) fn deliver(
    setting: &Setting,
    state: &mut State,
    at: usize,
    twice: bool,
    broken: &mut Rules,
) -> Option<()> {
    if at >= state.calls.len() {
        return None;
    }
    let call = state.calls.remove(at);
    let (command, about) = said(setting, state, call)?;
    // A beat needs no id: it is the same to beat twice.
    let request = (!matches!(command, Command::Heartbeat(_))).then_some(call.request);
    let verdict = state.server.carry_out(&command, request, By::Process(about), setting, broken);
    if call.waited_for {
        let answer = answer(&state.server, &verdict, about);
        client(state, call.request.process)?.answer = Some(answer);
    }
    if twice {
        put(state, Call { waited_for: false, again: true, ..call })?;
    }
    Some(())
}

pub(super) fn serve(
    setting: &Setting,
    state: &mut State,
    process: ProcessIndex,
    broken: &mut Rules,
) -> Option<()> {
    let spec = setting.config.processes.get(usize::from(process))?;
    let (Phase::Holding(lease) | Phase::Over(_, Some(lease))) = &state.client(process)?.phase
    else {
        return None;
    };
    let (question, tenure) = (lease.next_up()?, lease.tenure);
    let id = state.server.history.tenures.get(usize::from(tenure))?.id.clone()?;
    let command = match question {
        Question::Beat => setting.names.beat(spec.actor, id),
        Question::Join => setting.names.join(spec.actor, id),
    };
    let by = By::Process(Some(tenure));
    let verdict = state.server.carry_out(&command, None, by, setting, broken);
    let (answer, _) = answer(&state.server, &verdict, Some(tenure));
    if let Phase::Holding(lease) | Phase::Over(_, Some(lease)) = &mut client(state, process)?.phase
    {
        lease.answers.push(answer);
    }
    Some(())
}

pub(super) fn write(
    setting: &Setting,
    state: &mut State,
    process: ProcessIndex,
    broken: &mut Rules,
) -> Option<()> {
    let tenure = client(state, process)?.writing.take()?;
    let token =
        |nth: Nth| state.server.history.tenures.get(usize::from(nth)).map(|past| past.token);
    let largest = state.resource.largest.and_then(token);
    let compares = !setting.config.has(Mutant::TokensNotCompared);
    if compares && token(tenure) < largest {
        setting.tally.count(Row::WriteOfOldTenureRefused);
        return Some(());
    }
    setting.tally.count(Row::WriteAccepted);
    broken.unless(state.resource.newest <= Some(tenure), Rule::NoOlderWriteAfterNewer);
    if token(tenure) >= largest {
        state.resource.largest = Some(tenure);
    }
    state.resource.newest = state.resource.newest.max(Some(tenure));
    Some(())
}

/// What a process says to the server, and of which tenure.
fn said(setting: &Setting, state: &State, call: Call) -> Option<(Command, Option<Nth>)> {
    let RequestId { process, try_, .. } = call.request;
    let spec = setting.config.processes.get(usize::from(process))?;
    let names = &setting.names;
    let id = |tenure: Nth| state.server.history.tenures.get(usize::from(tenure))?.id.clone();
    Some(match call.wants {
        Wants::Workspace(Ask::Start) => {
            (names.start(spec.actor, Some((process, try_)), spec.supersedes), None)
        }
        Wants::Workspace(Ask::TakeOver) => (names.take_over(spec.actor, (process, try_)), None),
        Wants::Workspace(Ask::Adopt(tenure)) => (names.beat(spec.actor, id(tenure)?), Some(tenure)),
        Wants::Yield(tenure) => {
            let names_it = !setting.config.has(Mutant::YieldsWithoutSession);
            (names.give_up(spec.actor, id(tenure).filter(|_| names_it)), Some(tenure))
        }
    })
}

/// What a verdict tells its caller: how long which tenure runs from the decision on.
fn answer(server: &Server, verdict: &Verdict, about: Option<Nth>) -> (Answer, Nth) {
    let Ok(reply) = &verdict.result else { return (Answer::Refused, 0) };
    let granted = reply.granted().map(|granted| granted.session.token);
    let tenure = about.or_else(|| server.history.with_token(granted?));
    let expires_in = expiry_of(reply).map(|expiry| expiry.since(server.now).0);
    match (tenure, expires_in) {
        // A lease that has no time left is none.
        (Some(tenure), Some(expires_in_ms)) if expires_in_ms > 0 => {
            (Answer::Timing { expires_in_ms }, tenure)
        }
        _ => (Answer::Refused, 0),
    }
}
