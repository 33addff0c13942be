//! Numbers at the ends of their ranges, as a damaged or hostile store may hold them.

use proptest::prelude::*;
use tenure_core::command::{
    Clear, Command, Expected, ForceTakeOver, Heartbeat, Import, PutGates, Report, RequestedHolder,
    RequestedLease, RequestedSuccessor, Start, TakeOver, Yield,
};
use tenure_core::content::Digest;
use tenure_core::context::{Clock, Context, LeaseBounds};
use tenure_core::decide::decide;
use tenure_core::evolve::evolve;
use tenure_core::gate::GatesRevision;
use tenure_core::legacy::{LegacyContent, LegacyHolder, LegacySession};
use tenure_core::name::{
    ActorId, EscalationId, Key, Principal, SessionId, WorkStreamName, WorkspaceName,
};
use tenure_core::session::{
    Autonomous, AutonomousKind, FencingToken, Holder, Mode, REVISION_LIMIT, Renewal, Revision,
    Session, Successor, Transfer,
};
use tenure_core::settle::settle;
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};
use tenure_core::usage::Usage;
use tenure_core::work_stream::{Score, WorkStream, WorkStreams};
use tenure_core::workspace::{Tenure, Workspace};

/// A stored state and a clock, each number of which may be anything.
#[derive(Debug, Clone)]
pub struct Case {
    now: u64,
    wall: u64,
    boot_mark: u64,
    expires_at: u64,
    ttl: u64,
    deadline: Option<u64>,
    revision: Option<u64>,
    floor: u64,
    start_count: u32,
    beats: u64,
    person: bool,
    half_life: u64,
    score: u64,
    stalls_at: Option<u64>,
    gates_revision: u64,
}

fn extreme() -> impl Strategy<Value = u64> {
    prop_oneof![0..3_u64, Just(u64::MAX), (u64::MAX - 3)..u64::MAX, any::<u64>()]
}

fn near_limit() -> impl Strategy<Value = u64> {
    let limit = REVISION_LIMIT.0;
    prop_oneof![0..3_u64, (limit - 4)..(limit + 2), Just(u64::MAX)]
}

pub fn case() -> impl Strategy<Value = Case> {
    let times = (extreme(), extreme(), extreme(), extreme(), extreme());
    let counts =
        (prop::option::of(near_limit()), near_limit(), prop_oneof![Just(u32::MAX), any::<u32>()]);
    let around = (extreme(), extreme(), prop::option::of(extreme()), extreme());
    (times, prop::option::of(extreme()), counts, extreme(), any::<bool>(), around).prop_map(
        |((now, wall, boot_mark, expires_at, ttl), deadline, counts, beats, person, around)| Case {
            now,
            wall,
            boot_mark,
            expires_at,
            ttl,
            deadline,
            revision: counts.0,
            floor: counts.1,
            start_count: counts.2,
            beats,
            person,
            half_life: around.0,
            score: around.1,
            stalls_at: around.2,
            gates_revision: around.3,
        },
    )
}

/// Asks everything of the state, one command after another: nothing may panic, and no revision
/// may fall or pass the limit.
pub fn run(case: &Case) {
    let mut workspace = stored(case);
    let moment = Moment { lease: LeaseInstant(case.now), wall: WallTime(case.wall) };
    let clock = Clock { now: moment, boot_mark: LeaseInstant(case.boot_mark) };
    for (number, command) in commands(case.ttl).iter().enumerate() {
        let last = workspace.tenure.revision;
        if let Some(changes) = settle(&workspace, &clock) {
            changes.iter().for_each(|change| evolve(&mut workspace, change));
        }
        let context = Context {
            clock,
            principal: Principal::imported("p"),
            operator: true,
            address: None,
            new_session_id: SessionId::imported(&format!("ses_{number}")),
            new_escalation_id: EscalationId::imported(&format!("esc_{number}")),
            work_stream_half_life: Span(case.half_life),
            revision_floor: Revision(case.floor),
            registration_required: false,
            machine_cordoned: false,
        };
        if let Ok(decision) = decide(&workspace, command, &context) {
            decision.changes.iter().for_each(|change| evolve(&mut workspace, change));
        }
        let next = workspace.tenure.revision;
        assert!(next >= last && (next == last || next <= Some(REVISION_LIMIT)));
    }
}

fn stored(case: &Case) -> Workspace {
    let moment = Moment { lease: LeaseInstant(case.now), wall: WallTime(case.wall) };
    let renewal =
        Renewal { last_heartbeat_at: moment.wall, expires_at: LeaseInstant(case.expires_at) };
    let program = Autonomous {
        actor: Some(ActorId::imported("a")),
        kind: AutonomousKind::RuntimeWorker,
        supervisor: None,
        instance: None,
        ttl: Some(Span(case.ttl)),
        renewal: Some(renewal),
    };
    let session = Session {
        id: Some(SessionId::imported("ses_old")),
        holder: if case.person { Holder::Interactive } else { Holder::Autonomous(program) },
        mode: Mode::General,
        token: FencingToken(1),
        started_at: moment,
        last_started_at: moment,
        start_count: case.start_count,
        principal: Principal::imported("p"),
        machine: None,
        beats: case.beats,
        activity: None,
        activity_logged_at: Some(LeaseInstant(case.expires_at)),
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: case.stalls_at.map(LeaseInstant),
        stalled: false,
        unclaimed: false,
    };
    let transfer = case.deadline.map(|deadline| Transfer {
        successor: Successor::Autonomous {
            actor: ActorId::imported("b"),
            ttl: Span(case.ttl),
            supervisor: None,
            instance: None,
        },
        successor_session_id: SessionId::imported("ses_next"),
        reason: "urgent".into(),
        principal: Principal::imported("p"),
        revision: Revision(case.revision.unwrap_or_default()),
        scheduled_at: moment,
        deadline: LeaseInstant(deadline),
        machine: None,
    });
    let key =
        Key { workspace: WorkspaceName::parse("acme/api").unwrap(), profile: Default::default() };
    let (session, transfer) = case.revision.map_or((None, None), |_| (Some(session), transfer));
    let tenure =
        Tenure { revision: case.revision.map(Revision), session, transfer, ..Tenure::default() };
    let mut workspace = Workspace { tenure, ..Workspace::unknown(key) };
    workspace.tenure.signals.gates_revision = GatesRevision(case.gates_revision);
    let stream = WorkStream { name: stream(), score: Score(case.score), touched_at: moment };
    if let Some(around) = &mut workspace.surroundings {
        around.progress.work_streams =
            WorkStreams { half_life: Span(case.half_life), streams: vec![stream] };
    }
    workspace
}

fn stream() -> WorkStreamName {
    WorkStreamName::imported("parsing")
}

fn commands(ttl: u64) -> [Command; 15] {
    let actor = || ActorId::imported("a");
    let expected = Expected::default;
    let start = |holder| {
        Command::Start(Start {
            holder,
            mode: None,
            supersede: false,
            machine: None,
            expected: expected(),
        })
    };
    let lease = RequestedLease {
        actor: actor(),
        ttl: Span(ttl),
        kind: AutonomousKind::RuntimeWorker,
        supervisor: None,
        instance: None,
    };
    let beat =
        Heartbeat { actor: actor(), session_id: None, activity: Some("x".into()), report: None };
    let plain = beat.clone();
    let usage = Usage { input_tokens: ttl, wall_time: Some(Span(ttl)), ..Usage::default() };
    let report = Report {
        work_stream: Some(stream()),
        usage: Some(usage),
        gates_revision: Some(GatesRevision(ttl)),
        ..Report::default()
    };
    let telling = Heartbeat { report: Some(Box::new(report)), ..beat.clone() };
    let gates = PutGates { actor: None, gates: Vec::new(), expected: expected() };
    let taken = TakeOver {
        successor: RequestedSuccessor::Interactive,
        reason: "taken".into(),
        machine: None,
        expected: expected(),
    };
    let force = |grace| {
        Command::ForceTakeOver(ForceTakeOver {
            successor: RequestedSuccessor::Autonomous {
                actor: actor(),
                ttl: Some(Span(ttl)),
                supervisor: None,
                instance: None,
            },
            reason: "forced".into(),
            grace: Span(grace),
            dry_run: false,
            machine: None,
            expected: expected(),
        })
    };
    let lease = RequestedHolder::Autonomous(lease);
    [
        Command::Heartbeat(beat.clone()),
        start(lease.clone()),
        Command::Heartbeat(telling),
        Command::PutGates(gates),
        Command::TakeOver(taken),
        start(RequestedHolder::Interactive),
        force(ttl),
        force(u64::MAX),
        Command::Heartbeat(beat),
        Command::Yield(Yield { actor: Some(actor()), reason: None, expected: expected() }),
        start(lease),
        Command::Clear(Clear { actor: Some(actor()), reason: None, expected: expected() }),
        import(ttl, b"once"),
        Command::Heartbeat(plain),
        import(ttl, b"twice"),
    ]
}

/// A session each number of which is `n`.
fn import(n: u64, content: &[u8]) -> Command {
    let session = LegacySession {
        id: Some(SessionId::imported("old")),
        holder: LegacyHolder::Program {
            actor: Some(ActorId::imported("a")),
            kind: AutonomousKind::RuntimeWorker,
            supervisor: None,
            ttl: Span(n),
            last_heartbeat_at: Some(WallTime(n)),
        },
        mode: Mode::General,
        started_at: WallTime(n),
        last_started_at: WallTime(n),
        start_count: u32::MAX,
        revision: Revision(n),
    };
    Command::Import(Box::new(Import {
        file_name: "state.json".into(),
        digest: Digest::of(content),
        content: LegacyContent::Session(Box::new(session)),
        lease_bounds: LeaseBounds { min: Span(n), max: Span(n / 2) },
    }))
}
