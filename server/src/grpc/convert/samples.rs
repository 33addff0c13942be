//! Domain values for the tests of converters.

use std::sync::Arc;

use tenure_core::checkpoint::{Checkpoint, CheckpointOrigin};
use tenure_core::content::{Content, Digest};
use tenure_core::context::Clock;
use tenure_core::escalation::{Blocking, Escalation, EscalationKind};
use tenure_core::gate::{Gate, GateState, Gates, GatesRevision};
use tenure_core::handoff::{ActionState, Handoff, HandoffAction};
use tenure_core::ledger::{EndCause, LedgerEntry, NextHolder};
use tenure_core::legacy::BroughtIn;
use tenure_core::name::{
    ActorId, EscalationId, GateName, InstanceId, Key, MachineId, Principal, ProfileName, SessionId,
    WorkspaceName,
};
use tenure_core::reply::SessionView;
use tenure_core::session::{
    Activity, Autonomous, AutonomousKind, FencingToken, Holder, Lifecycle, MachineRef, Mode,
    OwnerKind, Renewal, Revision, Session, Successor, Transfer,
};
use tenure_core::surroundings::Signals;
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};

/// The lease clock when the sample session was started.
pub const NOW: u64 = 100_000;
const WALL_AHEAD: u64 = 1_700_000_000_000;

pub fn moment(lease: u64) -> Moment {
    Moment { lease: LeaseInstant(lease), wall: WallTime(lease + WALL_AHEAD) }
}

pub fn clock_at(lease: u64) -> Clock {
    Clock { now: moment(lease), boot_mark: LeaseInstant(0) }
}

pub fn key() -> Key {
    Key { workspace: WorkspaceName::parse("acme/api").unwrap(), profile: ProfileName::default() }
}

pub fn session() -> Session {
    Session {
        id: Some(SessionId::imported("ses_1")),
        holder: Holder::Autonomous(Autonomous {
            actor: Some(ActorId::imported("worker-1")),
            kind: AutonomousKind::RuntimeWorker,
            supervisor: Some(ActorId::imported("boss")),
            instance: Some(InstanceId::imported("i-1")),
            ttl: Some(Span::from_secs(30)),
            renewal: Some(Renewal {
                last_heartbeat_at: moment(NOW).wall,
                expires_at: LeaseInstant(NOW + 30_000),
            }),
        }),
        mode: Mode::Implement,
        token: FencingToken(7),
        started_at: moment(NOW),
        last_started_at: moment(NOW),
        start_count: 1,
        principal: Principal::imported("local"),
        machine: Some(machine()),
        beats: 3,
        activity: Some(activity()),
        activity_logged_at: None,
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: None,
        stalled: false,
        unclaimed: false,
    }
}

pub fn activity() -> Activity {
    Activity { text: Arc::from("reading"), set_at: moment(NOW).wall, revision: Revision(8) }
}

pub fn machine() -> MachineRef {
    MachineRef {
        id: MachineId::imported("m-1"),
        host: Arc::from("box"),
        labels: [("os".to_owned(), "linux".to_owned())].into(),
    }
}

pub fn view_at(clock: &Clock) -> SessionView {
    SessionView::new(key(), Revision(9), session(), None, clock)
}

pub fn transfer() -> Transfer {
    Transfer {
        successor: Successor::Autonomous {
            actor: ActorId::imported("worker-2"),
            ttl: Span::from_secs(30),
            supervisor: None,
            instance: None,
        },
        successor_session_id: SessionId::imported("ses_2"),
        reason: Arc::from("night shift"),
        principal: Principal::imported("ops"),
        revision: Revision(9),
        scheduled_at: moment(NOW),
        deadline: LeaseInstant(NOW + 30_000),
        machine: None,
    }
}

pub fn signals() -> Signals {
    let oldest = EscalationId::imported("esc_1");
    let blocking = Blocking { count: 2, oldest, reason: Arc::from("which?") };
    Signals { gates_revision: GatesRevision(5), blocking: Some(Arc::new(blocking)) }
}

pub fn ledger_entry() -> LedgerEntry {
    LedgerEntry {
        session_id: Some(SessionId::imported("ses_1")),
        key: key(),
        lifecycle: Lifecycle::Autonomous,
        owner_kind: OwnerKind::RuntimeWorker,
        actor: Some(ActorId::imported("worker-1")),
        supervisor: None,
        mode: Mode::General,
        principal: Principal::imported("local"),
        machine: Some(machine()),
        token: FencingToken(7),
        started_at: moment(NOW).wall,
        ended_at: moment(NOW + 60_000).wall,
        cause: EndCause::TakenOver,
        ended_by: Principal::imported("ops"),
        ended_by_actor: Some(ActorId::imported("worker-2")),
        why: Some(Arc::from("it was silent")),
        successor: Some(NextHolder {
            session_id: SessionId::imported("ses_2"),
            actor: Some(ActorId::imported("worker-2")),
        }),
        revision: Revision(12),
        start_count: 1,
        beats: 3,
        last_activity: Some(activity()),
        instance: None,
        last_heartbeat_at: None,
        lease_ttl: None,
        usage: None,
        focus: None,
    }
}

pub fn escalation() -> Escalation {
    Escalation {
        id: EscalationId::imported("esc_1"),
        kind: EscalationKind::Blocking,
        reason: Arc::from("may I?"),
        raised_at: moment(NOW).wall,
        actor: Some(ActorId::imported("worker-1")),
        principal: Principal::imported("local"),
        session_id: Some(SessionId::imported("ses_1")),
    }
}

pub fn gate(name: &str, state: GateState) -> Gate {
    Gate {
        name: GateName::imported(name),
        state,
        note: Some(Arc::from("by hand")),
        updated_at: moment(NOW).wall,
        updated_by_actor: None,
        updated_by: Principal::imported("local"),
    }
}

pub fn gates() -> Gates {
    let list = [gate("build", GateState::Waived), gate("review", GateState::Failed)];
    Gates { list: list.into(), revision: GatesRevision(3), applied: Some(GatesRevision(2)) }
}

pub fn handoff() -> Handoff {
    let action = HandoffAction { text: Arc::from("test it"), state: ActionState::Dropped };
    Handoff {
        title: Arc::from("the parser"),
        actions: vec![action],
        put_at: moment(NOW).wall,
        actor: Some(ActorId::imported("worker-1")),
        principal: Principal::imported("local"),
        session_id: None,
    }
}

pub fn checkpoint() -> Checkpoint {
    let origin = CheckpointOrigin {
        set_at: moment(NOW).wall,
        session_id: Some(SessionId::imported("ses_1")),
        actor: ActorId::imported("worker-1"),
        revision: Revision(8),
    };
    Checkpoint { content: Content::new(&b"half-way"[..]), origin }
}

pub fn brought_in() -> BroughtIn {
    BroughtIn {
        file_name: "state.json".into(),
        digest: Digest::of(b"state"),
        session: Some(session()),
        escalations: vec![escalation()],
    }
}
