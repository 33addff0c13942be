//! What may happen next, in any order: nothing is ever due in a model, all of it only may be.
//!
//! A client that is slow, a message that is late or lost, a process that is paused: each is an
//! action that does not happen yet.

use super::client::{Ask, Client, Phase, ProcessIndex, Question, Running};
use super::config::Config;
use super::history::Fate;
use super::server::Setting;
use super::state::State;

/// One step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// A tick passes; the number says by how much each client's clock advances.
    Tick(u16),
    /// A timer wakes the server, which settles.
    Settle,
    /// The server dies; whether its clock will go on from a mark before the present.
    Crash {
        /// Whether it will.
        behind: bool,
    },
    /// The server serves again.
    Boot,
    /// A client asks for the workspace.
    Ask(ProcessIndex, Ask),
    /// A client waits no longer and sends its request anew; whether the attempt before was lost.
    Repeat {
        /// Whose.
        process: ProcessIndex,
        /// Whether it never arrives.
        lost: bool,
    },
    /// A unary request arrives; whether it will arrive once more.
    Deliver {
        /// Which of those under way.
        call: usize,
        /// Whether a copy stays.
        twice: bool,
    },
    /// A client reads the answer to its request.
    Hear(ProcessIndex),
    /// A holder sends a beat or a join on its stream.
    Send(ProcessIndex, Question),
    /// The next message of a stream arrives at the server.
    Serve(ProcessIndex),
    /// A holder reads the next answer on its stream.
    HearStream(ProcessIndex),
    /// A stream breaks, with all that is on it.
    Cut(ProcessIndex),
    /// A holder reads a push about what is the case: LOST, EXPIRED or YIELD.
    Push(ProcessIndex),
    /// A holder, or one that was, gives its session up.
    Release(ProcessIndex),
    /// A holder looks at its clock and begins a write.
    BeginWrite(ProcessIndex),
    /// A write arrives at what it is for.
    Write(ProcessIndex),
    /// A process is stopped.
    Stop(ProcessIndex),
    /// A machine is suspended.
    Suspend(ProcessIndex),
    /// It goes on.
    GoOn(ProcessIndex),
    /// An operator takes over by force, with so many ticks of grace.
    Force(u64),
    /// An operator cancels what is pending.
    Cancel,
    /// The supervisor gives up.
    SupervisorYields,
    /// The supervisor clears.
    SupervisorClears,
    /// The owner starts again without naming an instance.
    PlainStart(u8),
}

/// All that may happen in `state`.
pub fn possible(setting: &Setting, state: &State, actions: &mut Vec<Action>) {
    let config = &setting.config;
    for choice in 0..tick_choices(config) {
        actions.push(Action::Tick(choice));
    }
    if state.server.up {
        of_server(config, state, actions);
        of_others(setting, state, actions);
    } else {
        actions.push(Action::Boot);
    }
    for (process, client) in (0..).zip(&state.clients) {
        of_pauses(config, process, client, actions);
        if client.writing.is_some() {
            actions.push(Action::Write(process));
        }
        if client.running == Running::Yes {
            of_asking(setting, state, process, client, actions);
            of_holding(config, state, process, client, actions);
        }
    }
}

/// In how many ways one tick can pass.
fn tick_choices(config: &Config) -> u16 {
    let rates = u16::try_from(config.client_tick_ms.len()).unwrap_or(u16::MAX);
    let clients = u32::try_from(config.processes.len()).unwrap_or(u32::MAX);
    rates.saturating_pow(clients)
}

/// By how much the clock of a client advances in a tick that passes in this way.
#[must_use]
pub fn client_tick_ms(config: &Config, choice: u16, process: usize) -> u64 {
    let rates = config.client_tick_ms.len().max(1);
    let digits = u32::try_from(process).unwrap_or(u32::MAX);
    let at = usize::from(choice) / rates.saturating_pow(digits) % rates;
    config.client_tick_ms.get(at).copied().unwrap_or(config.tick.0)
}

fn of_server(config: &Config, state: &State, actions: &mut Vec<Action>) {
    actions.push(Action::Settle);
    if state.server.crashes < config.crashes_max {
        actions.push(Action::Crash { behind: false });
        if state.server.durable_at < state.server.now {
            actions.push(Action::Crash { behind: true });
        }
    }
    for (at, call) in state.calls.iter().enumerate() {
        actions.push(Action::Deliver { call: at, twice: false });
        if config.duplicates && !call.again {
            actions.push(Action::Deliver { call: at, twice: true });
        }
    }
}

/// What comes neither from a holder nor from one that wants to be.
fn of_others(setting: &Setting, state: &State, actions: &mut Vec<Action>) {
    let config = &setting.config;
    let tenure = &state.server.workspace.tenure;
    let Some(session) = &tenure.session else { return };
    if let Some(forces) = &config.forces {
        if state.forced < forces.at_most {
            actions.extend(forces.graces.iter().map(|grace| Action::Force(*grace)));
        }
        if forces.cancels && tenure.transfer.is_some() {
            actions.push(Action::Cancel);
        }
    }
    if config.supervisor {
        actions.extend([Action::SupervisorYields, Action::SupervisorClears]);
    }
    if state.plain_starts < config.plain_starts_max
        && let Some(owner) = session.actor().and_then(|actor| setting.names.actor_index(actor))
    {
        actions.push(Action::PlainStart(owner));
    }
}

fn of_pauses(config: &Config, process: ProcessIndex, client: &Client, actions: &mut Vec<Action>) {
    if client.running != Running::Yes {
        actions.push(Action::GoOn(process));
        return;
    }
    if config.stops {
        actions.push(Action::Stop(process));
    }
    if config.suspends {
        actions.push(Action::Suspend(process));
    }
}

fn of_asking(
    setting: &Setting,
    state: &State,
    process: ProcessIndex,
    client: &Client,
    actions: &mut Vec<Action>,
) {
    let config = &setting.config;
    let Some(spec) = config.processes.get(usize::from(process)) else { return };
    match &client.phase {
        Phase::Idle | Phase::Over(_, None) if client.tries < config.tries_max => {
            actions.push(Action::Ask(process, Ask::Start));
            if spec.takes_over {
                actions.push(Action::Ask(process, Ask::TakeOver));
            }
            actions.extend(
                to_adopt(setting, state, spec.actor)
                    .filter(|_| client.phase == Phase::Idle)
                    .map(|ask| Action::Ask(process, ask)),
            );
        }
        Phase::Asking(..) => {
            if client.answer.is_some() {
                actions.push(Action::Hear(process));
            }
            if client.repeats < spec.repeats_max {
                actions.push(Action::Repeat { process, lost: true });
                let under_way = state
                    .calls
                    .iter()
                    .any(|call| call.request.process == process && call.waited_for);
                if under_way {
                    actions.push(Action::Repeat { process, lost: false });
                }
            }
        }
        _ => {}
    }
}

/// The stored session, if it was made for `actor` by another's doing and names no process.
fn to_adopt(setting: &Setting, state: &State, actor: u8) -> Option<Ask> {
    let session = state.server.workspace.tenure.session.as_ref()?;
    let held = session.autonomous().filter(|held| held.instance.is_none())?;
    let owner = held.actor.as_ref().and_then(|owner| setting.names.actor_index(owner))?;
    let last = state.server.history.last()?;
    (owner == actor).then_some(Ask::Adopt(last))
}

fn of_holding(
    config: &Config,
    state: &State,
    process: ProcessIndex,
    client: &Client,
    actions: &mut Vec<Action>,
) {
    let (lease, held) = match &client.phase {
        Phase::Holding(lease) => (lease, true),
        Phase::Over(_, Some(lease)) => (lease, false),
        Phase::Over(_, None) => {
            // One that was may still free what is left of its session.
            let releases = state.calls.iter().all(|call| call.request.process != process);
            actions.extend(releases.then_some(Action::Release(process)));
            return;
        }
        _ => return,
    };
    if !lease.answers.is_empty() {
        actions.push(Action::HearStream(process));
    }
    if state.server.up && lease.next_up().is_some() {
        actions.push(Action::Serve(process));
    }
    if !held {
        return;
    }
    if lease.asked.len() < usize::from(config.questions_max) {
        actions.push(Action::Send(process, Question::Beat));
        if config.joins {
            actions.push(Action::Send(process, Question::Join));
        }
    }
    if config.cuts && !lease.asked.is_empty() {
        actions.push(Action::Cut(process));
    }
    if to_push(state, lease.tenure).is_some() {
        actions.push(Action::Push(process));
    }
    if config.writes && client.writing.is_none() {
        actions.push(Action::BeginWrite(process));
    }
    actions.push(Action::Release(process));
}

/// What the server pushes to the holder of a tenure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushed {
    /// LOST or EXPIRED.
    Over,
    /// YIELD, with the grace that is left.
    Yield {
        /// In milliseconds.
        grace_left_ms: u64,
    },
}

/// What is to be pushed to the holder of `tenure`, as things stand.
#[must_use]
pub fn to_push(state: &State, tenure: u8) -> Option<Pushed> {
    let stored = &state.server.workspace.tenure;
    if state.server.history.fate(tenure) != Some(Fate::Stored) {
        return Some(Pushed::Over);
    }
    let session = stored.session.as_ref()?;
    if session.expiry_recorded {
        return Some(Pushed::Over);
    }
    let transfer = stored.transfer.as_ref()?;
    let grace_left_ms = transfer.deadline.since(state.server.now).0;
    (grace_left_ms > 0).then_some(Pushed::Yield { grace_left_ms })
}
