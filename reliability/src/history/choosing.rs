//! Which call a client makes next: by chance, but so that calls meet, leases run out and
//! somebody is there to take over.

use prost_types::Duration;
use tenure::v1;
use tenure::v1::start_session_request::Holder;

use super::board::Heard;
use super::rpc::Asked;

/// Who acts in a run.
const ACTORS: [&str; 4] = ["ann", "bob", "cyd", "interactive"];
/// Processes of an actor.
const INSTANCES: [&str; 2] = ["one", "two"];
/// Of a hundred calls that may carry a request id, how many do.
const WITH_REQUEST_ID_PERCENT: u8 = 70;
/// The seconds that a lease may last.
const TTL_SECS: std::ops::RangeInclusive<i64> = 1..=2;
/// The milliseconds of grace that a forced takeover may leave.
const GRACE_MS: std::ops::RangeInclusive<i32> = 100..=900;

/// How often each kind of call is made while a lease is renewed, and while nobody renews it.
const WEIGHTS: [(Kind, u32, u32); 14] = [
    (Kind::Start, 18, 2),
    (Kind::Person, 1, 1),
    (Kind::Beat, 36, 0),
    (Kind::TakeOver, 6, 12),
    (Kind::ForceNow, 2, 0),
    (Kind::ForceLater, 6, 1),
    (Kind::Cancel, 2, 0),
    (Kind::Yield, 3, 0),
    (Kind::Clear, 2, 0),
    (Kind::Raise, 3, 1),
    (Kind::Resolve, 2, 0),
    (Kind::Gates, 4, 1),
    (Kind::Get, 9, 10),
    (Kind::Fence, 4, 5),
];

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Start,
    Person,
    Beat,
    TakeOver,
    ForceNow,
    ForceLater,
    Cancel,
    Yield,
    Clear,
    Raise,
    Resolve,
    Gates,
    Get,
    Fence,
}

/// The next call about `workspace`, of which `heard` was heard; `quiet` while nobody renews.
/// Where it is to be `plain`, it is about the session alone and carries no request id.
pub fn next(
    chance: &mut fastrand::Rng,
    workspace: String,
    heard: &Heard,
    quiet: bool,
    plain: bool,
) -> Asked {
    let weight = |(_, loud, still): &(Kind, u32, u32)| if quiet { *still } else { *loud };
    let mut left = chance.u32(0..WEIGHTS.iter().map(weight).sum());
    let kind = WEIGHTS.iter().find(|entry| {
        let hit = left < weight(entry);
        left = left.saturating_sub(weight(entry));
        hit
    });
    let kind = match kind.map_or(Kind::Get, |entry| entry.0) {
        // Most of what can be done needs a session, and a transfer does not last long.
        Kind::Beat if heard.session_id.is_empty() => Kind::Start,
        Kind::Start | Kind::Beat if heard.transfer && chance.u8(0..5) == 0 => Kind::Cancel,
        Kind::Raise | Kind::Resolve | Kind::Gates if plain => Kind::Get,
        kind => kind,
    };
    let mut asked = of_kind(kind, chance, workspace, heard);
    if !plain
        && chance.u8(0..100) < WITH_REQUEST_ID_PERCENT
        && let Some(id) = asked.request_id()
    {
        *id = request_id(chance);
    }
    asked
}

fn of_kind(kind: Kind, chance: &mut fastrand::Rng, workspace: String, heard: &Heard) -> Asked {
    match kind {
        Kind::Start | Kind::Person => Asked::Start(start(kind, chance, workspace, heard)),
        Kind::Beat => Asked::Beat(beat(chance, workspace, heard)),
        Kind::TakeOver => Asked::TakeOver(v1::TakeOverSessionRequest {
            workspace,
            expected_session_id: expected(chance, heard),
            successor: Some(match chance.u8(0..10) {
                0 => v1::take_over_session_request::Successor::Interactive(person()),
                _ => v1::take_over_session_request::Successor::Autonomous(program(chance)),
            }),
            reason: "it went quiet".to_owned(),
            ..v1::TakeOverSessionRequest::default()
        }),
        Kind::ForceNow | Kind::ForceLater => Asked::Force(force(kind, chance, workspace, heard)),
        Kind::Cancel => Asked::Cancel(v1::CancelForcedTakeoverRequest {
            workspace,
            expected_session_id: expected(chance, heard),
            ..v1::CancelForcedTakeoverRequest::default()
        }),
        Kind::Yield => Asked::Yield(v1::YieldSessionRequest {
            workspace,
            expected_session_id: expected(chance, heard),
            actor_id: owner(chance, heard),
            ..v1::YieldSessionRequest::default()
        }),
        Kind::Clear => Asked::Clear(v1::ClearSessionRequest {
            workspace,
            expected_session_id: expected(chance, heard),
            actor_id: owner(chance, heard),
            ..v1::ClearSessionRequest::default()
        }),
        Kind::Raise | Kind::Resolve | Kind::Gates => around(kind, chance, workspace, heard),
        Kind::Fence => Asked::Fence(v1::CheckFenceRequest {
            checks: vec![v1::FenceCheck {
                workspace,
                profile: String::new(),
                fencing_token: heard.token.max(1),
            }],
        }),
        Kind::Get => {
            Asked::Get(v1::GetSessionRequest { workspace, ..v1::GetSessionRequest::default() })
        }
    }
}

fn start(
    kind: Kind,
    chance: &mut fastrand::Rng,
    workspace: String,
    heard: &Heard,
) -> v1::StartSessionRequest {
    v1::StartSessionRequest {
        workspace,
        holder: Some(match kind {
            Kind::Person => Holder::Interactive(person()),
            _ => Holder::Autonomous(program(chance)),
        }),
        supersede: chance.u8(0..4) == 0,
        expected_revision: (chance.u8(0..20) == 0).then_some(heard.revision),
        mode: v1::Mode::Research.into(),
        ..v1::StartSessionRequest::default()
    }
}

fn beat(chance: &mut fastrand::Rng, workspace: String, heard: &Heard) -> v1::HeartbeatRequest {
    let known = !heard.session_id.is_empty();
    v1::HeartbeatRequest {
        workspace,
        actor_id: owner(chance, heard),
        session_id: (known && chance.u8(0..10) > 0).then(|| heard.session_id.clone()),
        activity: (chance.u8(0..5) == 0).then(|| format!("step {}", chance.u8(..))),
        gates_revision: (chance.u8(0..10) == 0).then(|| chance.u64(0..4)),
        ..v1::HeartbeatRequest::default()
    }
}

fn force(
    kind: Kind,
    chance: &mut fastrand::Rng,
    workspace: String,
    heard: &Heard,
) -> v1::ForceTakeOverSessionRequest {
    let grace = Duration { seconds: 0, nanos: chance.i32(GRACE_MS) * 1_000_000 };
    let by_session = !heard.session_id.is_empty() && chance.bool();
    v1::ForceTakeOverSessionRequest {
        workspace,
        expected_session_id: by_session.then(|| heard.session_id.clone()),
        expected_revision: (!by_session).then_some(heard.revision),
        successor: Some(match chance.u8(0..10) {
            0 => v1::force_take_over_session_request::Successor::Interactive(person()),
            _ => v1::force_take_over_session_request::Successor::Autonomous(program(chance)),
        }),
        reason: "maintenance".to_owned(),
        grace: (kind == Kind::ForceLater).then_some(grace),
        dry_run: chance.u8(0..10) == 0,
        ..v1::ForceTakeOverSessionRequest::default()
    }
}

fn around(kind: Kind, chance: &mut fastrand::Rng, workspace: String, heard: &Heard) -> Asked {
    let actor_id = owner(chance, heard);
    match (kind, heard.escalations.is_empty(), chance.bool()) {
        (Kind::Raise, ..) => Asked::Raise(v1::RaiseEscalationRequest {
            workspace,
            actor_id,
            kind: match chance.bool() {
                true => v1::EscalationKind::Blocking.into(),
                false => v1::EscalationKind::NonBlocking.into(),
            },
            reason: "which way?".to_owned(),
            ..v1::RaiseEscalationRequest::default()
        }),
        (Kind::Resolve, false, _) => Asked::Resolve(v1::ResolveEscalationRequest {
            workspace,
            actor_id,
            escalation_id: heard.escalations[chance.usize(0..heard.escalations.len())].clone(),
            ..v1::ResolveEscalationRequest::default()
        }),
        (_, _, true) => Asked::PutGates(v1::PutGatesRequest {
            workspace,
            actor_id,
            gates: ["build", "test"].map(open_gate).to_vec(),
            ..v1::PutGatesRequest::default()
        }),
        _ => Asked::UpdateGate(v1::UpdateGateRequest {
            workspace,
            actor_id,
            name: "test".to_owned(),
            state: v1::GateState::Passed.into(),
            ..v1::UpdateGateRequest::default()
        }),
    }
}

fn open_gate(name: &str) -> v1::Gate {
    let state = v1::GateState::Open.into();
    v1::Gate { name: name.to_owned(), state, ..v1::Gate::default() }
}

fn person() -> v1::InteractiveHolder {
    v1::InteractiveHolder::default()
}

fn program(chance: &mut fastrand::Rng) -> v1::AutonomousHolder {
    let of =
        |chance: &mut fastrand::Rng, names: &[&str]| names[chance.usize(0..names.len())].to_owned();
    v1::AutonomousHolder {
        actor_id: of(chance, &ACTORS[..3]),
        lease_ttl: Some(Duration { seconds: chance.i64(TTL_SECS), nanos: 0 }),
        supervisor_id: (chance.u8(0..4) == 0).then(|| of(chance, &ACTORS[..3])),
        instance_id: chance.bool().then(|| of(chance, &INSTANCES)),
        ..v1::AutonomousHolder::default()
    }
}

/// Mostly the owner that was heard of.
fn owner(chance: &mut fastrand::Rng, heard: &Heard) -> String {
    let is_program = ACTORS[..3].contains(&&*heard.actor);
    if is_program && chance.u8(0..10) > 0 {
        heard.actor.clone()
    } else {
        ACTORS[chance.usize(0..3)].to_owned()
    }
}

fn expected(chance: &mut fastrand::Rng, heard: &Heard) -> Option<String> {
    (!heard.session_id.is_empty() && chance.bool()).then(|| heard.session_id.clone())
}

fn request_id(chance: &mut fastrand::Rng) -> String {
    let digits = format!("{:032x}", chance.u128(..));
    let (a, b, c, d, e) =
        (&digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..]);
    format!("{a}-{b}-{c}-{d}-{e}")
}
