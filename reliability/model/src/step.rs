//! What an action does. Whatever decides something about the workspace is asked of the server,
//! that is, of the core; whatever a client believes, of the client.

mod arriving;
mod asking;

use super::action::{Action, client_tick_ms};
use super::client::{Ages, Client, Heard, Phase, ProcessIndex, Running};
use super::history::Fate;
use super::rule::{Rule, Rules};
use super::server::{By, Setting};
use super::state::{Call, State};
use super::tally::Row;
use arriving::{deliver, serve, write};
use asking::{asks, hears, pushed, releases, repeats};

/// The most copies of one process's requests that are under way.
const CALLS_MAX: usize = 3;

/// The state after `action`; absent if nothing comes of it.
#[must_use]
pub fn after(setting: &Setting, before: &State, action: Action) -> Option<State> {
    let mut state = before.clone();
    let mut broken = Rules::NONE;
    step(setting, &mut state, action, &mut broken)?;
    state.forget();
    check(setting, before, &state, &mut broken);
    state.broken = broken.without(setting.config.unchecked);
    Some(state)
}

fn step(setting: &Setting, state: &mut State, action: Action, broken: &mut Rules) -> Option<()> {
    match action {
        Action::Tick(choice) => tick(setting, state, choice),
        Action::Settle => {
            let stored = state.server.workspace.tenure.revision;
            state.server.settle(setting, broken);
            if state.server.workspace.tenure.revision == stored {
                return None;
            }
        }
        Action::Crash { behind } => state.server.crash(behind, &setting.config, &setting.tally),
        Action::Boot => state.server.boot(setting),
        Action::Force(_)
        | Action::Cancel
        | Action::SupervisorYields
        | Action::SupervisorClears
        | Action::PlainStart(_) => of_others(setting, state, action, broken)?,
        Action::Deliver { call, twice } => deliver(setting, state, call, twice, broken)?,
        Action::Serve(process) => serve(setting, state, process, broken)?,
        Action::Write(process) => write(setting, state, process, broken)?,
        Action::Ask(process, ask) => asks(state, process, ask)?,
        Action::Repeat { process, lost } => repeats(state, process, lost)?,
        Action::Release(process) => releases(state, process)?,
        Action::Hear(process) | Action::HearStream(process) => {
            hears(setting, state, process, action)?;
        }
        Action::Push(process) => pushed(setting, state, process)?,
        Action::Send(process, question) => {
            if let Phase::Holding(lease) = &mut client(state, process)?.phase {
                lease.asked.push((question, Some(0)));
            }
        }
        Action::Cut(process) => {
            if let Phase::Holding(lease) = &mut client(state, process)?.phase {
                lease.asked.clear();
                lease.answers.clear();
            }
        }
        Action::BeginWrite(process) => {
            let client = client(state, process)?;
            client.writing = Some(client.believes_in()?);
        }
        Action::Stop(process) => client(state, process)?.running = Running::Stopped,
        Action::Suspend(process) => client(state, process)?.running = Running::Suspended,
        Action::GoOn(process) => {
            let client = client(state, process)?;
            client.running = Running::Yes;
            if client.believes_in().is_some() {
                setting.tally.count(Row::HolderGoesOn);
            }
        }
    }
    Some(())
}

fn client(state: &mut State, process: ProcessIndex) -> Option<&mut Client> {
    state.clients.get_mut(usize::from(process))
}

fn ages(setting: &Setting) -> Ages {
    let config = &setting.config;
    let ages = Ages { limit: 0, mutant: config.mutant };
    Ages { limit: ages.stop_work_after(config.ttl().0), ..ages }
}

fn tick(setting: &Setting, state: &mut State, choice: u16) {
    let config = &setting.config;
    if state.server.up {
        state.server.now = state.server.now.after(config.tick);
    }
    for (index, client) in state.clients.iter_mut().enumerate() {
        let heard = client.time_passes(client_tick_ms(config, choice, index), ages(setting));
        if heard == Heard::Lost {
            setting.tally.count(match client.running {
                Running::Yes => Row::LostByItsOwnClock,
                Running::Stopped => Row::LostWhileStopped,
                Running::Suspended => Row::LostWhileSuspended,
            });
        }
    }
}

fn of_others(
    setting: &Setting,
    state: &mut State,
    action: Action,
    broken: &mut Rules,
) -> Option<()> {
    let names = &setting.names;
    let (command, by) = match action {
        Action::Force(grace) => {
            state.forced += 1;
            let stored = state.server.workspace.session_id()?.clone();
            let successor = setting.config.forces.as_ref()?.successor;
            (names.force(successor, setting.config.ticks(grace), stored), By::Operator)
        }
        Action::Cancel => (names.cancel(), By::Operator),
        Action::SupervisorYields => (names.supervisor_yields(), By::Supervisor),
        Action::SupervisorClears => (names.supervisor_clears(), By::Supervisor),
        Action::PlainStart(actor) => {
            state.plain_starts += 1;
            (names.start(actor, None, false), By::Process(None))
        }
        _ => return None,
    };
    let verdict = state.server.carry_out(&command, None, by, setting, broken);
    if verdict.result.is_ok() {
        match action {
            Action::SupervisorYields => setting.tally.count(Row::YieldBySupervisor),
            Action::SupervisorClears => setting.tally.count(Row::ClearBySupervisor),
            _ => {}
        }
    }
    Some(())
}

/// What holds of a state, whatever led to it, and of the step to it.
fn check(setting: &Setting, before: &State, state: &State, broken: &mut Rules) {
    let server = &state.server;
    let clock = server.clock(&setting.config);
    let tenure = &server.workspace.tenure;
    server.history.check_tokens(tenure, &clock, broken);
    let recorded = tenure.session.as_ref().is_some_and(|session| session.expiry_recorded);
    broken.unless(!recorded || tenure.is_stale(&clock), Rule::NeverRevived);
    for (client, was) in state.clients.iter().zip(&before.clients) {
        if let Some(believed) = client.believes_in() {
            match server.history.fate(believed) {
                Some(Fate::Ended) => broken.add(Rule::NotBeforeStopWorkAfter),
                Some(Fate::CutShort(row)) => setting.tally.count(row),
                Some(Fate::Stored) | None => {}
            }
        }
        if let (Phase::Over(lost, _), Phase::Holding(lease)) = (&was.phase, &client.phase) {
            broken.unless(lease.tenure != *lost, Rule::LossIsFinal);
        }
    }
}

fn put(state: &mut State, call: Call) -> Option<()> {
    let own = state.calls.iter().filter(|other| other.request.process == call.request.process);
    if own.count() >= CALLS_MAX {
        return None;
    }
    let at = state.calls.partition_point(|other| *other < call);
    state.calls.insert(at, call);
    Some(())
}
