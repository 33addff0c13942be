//! A way through a model in words, a line a step.

use tenure_core::name::ActorId;

use super::action::Action;
use super::client::{Answer, Ask, Client, Phase, ProcessIndex, Question, Running};
use super::server::Setting;
use super::state::{State, Wants};

/// The steps of a way, and what each led to.
#[must_use]
pub fn tell(setting: &Setting, way: &[(State, Option<Action>)]) -> Vec<String> {
    let mut lines = Vec::new();
    for pair in way.windows(2) {
        let [(before, Some(action)), (after, _)] = pair else { continue };
        let what = act(setting, before, *action);
        lines.push(format!("{what:<58} {}", outcome(setting, after)));
    }
    lines
}

fn act(setting: &Setting, before: &State, action: Action) -> String {
    let who = |process: ProcessIndex| process_name(setting, process);
    match action {
        Action::Tick(_) if before.server.up => "a tick passes".into(),
        Action::Tick(_) => "a tick passes while the server is down".into(),
        Action::Settle => "a timer fires, the server settles".into(),
        Action::Crash { behind: false } => "the server dies".into(),
        Action::Crash { behind: true } => "the server dies, its mark is a tick behind".into(),
        Action::Boot => "the server boots".into(),
        Action::Ask(process, ask) => format!("{} {}", who(process), asks(ask)),
        Action::Repeat { process, lost } => {
            let before = if lost { "lost" } else { "under way" };
            format!("{} repeats its request, the last one is {before}", who(process))
        }
        Action::Deliver { call, twice } => match before.calls.get(call) {
            None => "nothing arrives".into(),
            Some(call) => {
                let what = match call.wants {
                    Wants::Workspace(Ask::Start) => "start",
                    Wants::Workspace(Ask::TakeOver) => "takeover",
                    Wants::Workspace(Ask::Adopt(_)) => "first beat",
                    Wants::Yield(_) => "yield",
                };
                let late = if call.waited_for { "" } else { " late" };
                let twice = if twice { ", and will once more" } else { "" };
                let whose = who(call.request.process);
                format!("the {what} #{} of {whose} arrives{late}{twice}", call.request.try_)
            }
        },
        Action::Hear(process) | Action::HearStream(process) => {
            format!("{} reads an answer: {}", who(process), answer(before, process))
        }
        Action::Send(process, Question::Beat) => format!("{} sends a beat", who(process)),
        Action::Send(process, Question::Join) => format!("{} sends a join", who(process)),
        Action::Serve(process) => format!("the server answers {} on its stream", who(process)),
        Action::Cut(process) => format!("the stream of {} breaks", who(process)),
        Action::Push(process) => format!("{} reads a push", who(process)),
        Action::Release(process) => format!("{} gives up, and sends a yield", who(process)),
        Action::BeginWrite(process) => {
            format!("{} looks at its clock, begins a write", who(process))
        }
        Action::Write(process) => format!("the write of {} arrives", who(process)),
        Action::Stop(process) => format!("{} is stopped", who(process)),
        Action::Suspend(process) => format!("{} is suspended", who(process)),
        Action::GoOn(process) => format!("{} goes on", who(process)),
        Action::Force(0) => "an operator takes over by force, at once".into(),
        Action::Force(grace) => format!("an operator takes over by force, {grace} ticks of grace"),
        Action::Cancel => "an operator cancels the transfer".into(),
        Action::SupervisorYields => "the supervisor yields".into(),
        Action::SupervisorClears => "the supervisor clears".into(),
        Action::PlainStart(_) => "the owner starts again from the command line".into(),
    }
}

fn process_name(setting: &Setting, process: ProcessIndex) -> String {
    let spec = setting.config.processes.get(usize::from(process));
    let actor = spec.map(|spec| setting.names.actor(spec.actor));
    format!("{}/{process}", actor.as_ref().map_or("?", ActorId::as_str))
}

fn asks(ask: Ask) -> String {
    match ask {
        Ask::Start => "sends a start".into(),
        Ask::TakeOver => "sends a takeover".into(),
        Ask::Adopt(tenure) => format!("learns of tenure {tenure}, sends a first beat"),
    }
}

fn answer(before: &State, process: ProcessIndex) -> String {
    let Some(client) = before.client(process) else { return "none".into() };
    let answer = match &client.phase {
        Phase::Holding(lease) | Phase::Over(_, Some(lease)) => lease.answers.first().copied(),
        _ => client.answer.map(|(answer, _)| answer),
    };
    match answer {
        Some(Answer::Timing { expires_in_ms }) => format!("{expires_in_ms} ms are left"),
        Some(Answer::Refused) => "refused".into(),
        None => "none".into(),
    }
}

/// Where a step led.
fn outcome(setting: &Setting, state: &State) -> String {
    let server = &state.server;
    let clock = server.clock(&setting.config);
    let tenure = &server.workspace.tenure;
    let stored = match (&tenure.session, tenure.effective_expiry(clock.boot_mark)) {
        (Some(session), Some(expiry)) => {
            let owner = session.actor().map_or("nobody", ActorId::as_str);
            let token = session.token.0;
            let left = if expiry > server.now {
                format!("{} ms left", expiry.since(server.now).0)
            } else {
                "stale".into()
            };
            format!("{owner} token {token}, {left}")
        }
        _ => "free".into(),
    };
    let pending = if tenure.transfer.is_some() { ", transfer pending" } else { "" };
    let clients = state.clients.iter().zip(0..).filter_map(|(client, process)| {
        Some(format!("; {} {}", process_name(setting, process), believes(client)?))
    });
    let clients: String = clients.collect();
    let broken = setting_broken(state);
    format!("| {stored}{pending}{clients}{broken}")
}

fn believes(client: &Client) -> Option<String> {
    let runs = match client.running {
        Running::Yes => "",
        Running::Stopped => ", stopped",
        Running::Suspended => ", suspended",
    };
    match &client.phase {
        Phase::Holding(lease) => {
            let left = lease.stop_at.saturating_sub(lease.age);
            Some(format!("works for {left} ms under tenure {}{runs}", lease.tenure))
        }
        Phase::Over(tenure, _) => Some(format!("stopped work under tenure {tenure}{runs}")),
        Phase::Idle | Phase::Asking(..) => None,
    }
}

fn setting_broken(state: &State) -> String {
    use super::rule::Rule;
    let broken = Rule::ALL.iter().filter(|rule| state.broken.has(**rule));
    broken.map(|rule| format!("  <-- BROKEN: {rule}")).collect()
}
