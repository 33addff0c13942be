//! Things to store: plausible, and as plain as a test allows.

use std::sync::Arc;

use tenure_core::event::{Event, What};
use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::machine::Sighting;
use tenure_core::name::{
    ActorId, Key, MachineId, Principal, ProfileName, SessionId, WorkspaceName,
};
use tenure_core::parts::Needs;
use tenure_core::reply::{Cleared, Reply};
use tenure_core::session::{
    Autonomous, AutonomousKind, FencingToken, Holder, Lifecycle, MachineRef, Mode, OwnerKind,
    Renewal, Revision, Session, Successor, Transfer,
};
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};
use tenure_core::workspace::Tenure;
use tenured::store::{
    Batch, Committed, Epoch, Guard, LeaseRow, LeaseWrite, Load, Outcome, OutcomeKey, RowId, Store,
    Stored, StoredOutcome, Version, Write,
};

pub fn key(workspace: &str) -> Key {
    key_of(workspace, "main")
}

pub fn key_of(workspace: &str, profile: &str) -> Key {
    Key { workspace: WorkspaceName::imported(workspace), profile: ProfileName::imported(profile) }
}

pub fn moment(ms: u64) -> Moment {
    Moment { lease: LeaseInstant(ms), wall: WallTime(1_700_000_000_000 + ms) }
}

/// A program's session, minted at revision `revision`.
pub fn session(id: &str, actor: &str, revision: u64) -> Session {
    Session {
        id: Some(SessionId::imported(id)),
        holder: Holder::Autonomous(Autonomous {
            actor: Some(ActorId::imported(actor)),
            kind: AutonomousKind::RuntimeWorker,
            supervisor: None,
            instance: None,
            ttl: Some(Span::from_secs(30)),
            renewal: Some(Renewal {
                last_heartbeat_at: WallTime(1_700_000_000_000),
                expires_at: LeaseInstant(30_000),
            }),
        }),
        mode: Mode::Implement,
        token: FencingToken(revision),
        started_at: moment(0),
        last_started_at: moment(0),
        start_count: 1,
        principal: Principal::imported("local"),
        machine: None,
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: None,
        stalled: false,
        unclaimed: false,
    }
}

/// A person's session.
pub fn interactive(id: &str, revision: u64) -> Session {
    Session { holder: Holder::Interactive, ..session(id, "", revision) }
}

pub fn program(session: &mut Session) -> &mut Autonomous {
    match &mut session.holder {
        Holder::Autonomous(autonomous) => autonomous,
        Holder::Interactive => panic!("a person holds it"),
    }
}

pub fn tenure(revision: u64, session: Session) -> Tenure {
    Tenure { session: Some(session), ..free(revision) }
}

/// Of a known workspace without session. How it came to be known was not noted.
pub fn free(revision: u64) -> Tenure {
    let origin = Some(Arc::default());
    Tenure { revision: Some(Revision(revision)), origin, ..Tenure::default() }
}

pub fn transfer(deadline: u64) -> Transfer {
    Transfer {
        successor: Successor::Interactive,
        successor_session_id: SessionId::imported("ses_next"),
        reason: Arc::from("an incident"),
        principal: Principal::imported("operator"),
        revision: Revision(5),
        scheduled_at: moment(5),
        deadline: LeaseInstant(deadline),
        machine: None,
    }
}

/// The hot row that goes with `tenure`.
pub fn lease(version: u64, tenure: &Tenure) -> LeaseRow {
    let session = tenure.session.as_ref();
    let renewal = session.and_then(|session| session.autonomous()).and_then(|a| a.renewal);
    LeaseRow {
        version: Version(version),
        revision: tenure.revision.unwrap_or_default(),
        last_heartbeat_at: renewal.map(|renewal| renewal.last_heartbeat_at),
        expires_at: renewal.map(|renewal| renewal.expires_at),
        beats: session.map_or(0, |session| session.beats),
    }
}

/// A write that stores `tenure` as `version`.
pub fn write(key: Key, guard: Guard, version: u64, tenure: Tenure) -> Write {
    Write {
        key,
        guard,
        lease: Some(lease(version, &tenure)),
        tenure: Some(Arc::new(tenure)),
        around: None,
        deleted: None,
        origin: None,
        sealed: Vec::new(),
        events: Vec::new(),
        outcomes: Vec::new(),
        sightings: Vec::new(),
    }
}

/// A first write: version 1, revision 1, one program.
pub fn create(workspace: &str) -> Write {
    let id = format!("ses_{workspace}");
    write(key(workspace), Guard::Absent, 1, tenure(1, session(&id, "worker", 1)))
}

/// A heartbeat: the hot row of `version`, and nothing else.
pub fn beat(workspace: &str, row: RowId, version: u64) -> Write {
    let lease = LeaseRow {
        version: Version(version + 1),
        revision: Revision(version + 1),
        last_heartbeat_at: Some(WallTime(1_700_000_000_000 + version)),
        expires_at: Some(LeaseInstant(30_000 + version)),
        beats: version,
    };
    Write {
        key: key(workspace),
        guard: Guard::At(row, Version(version)),
        lease: Some(lease),
        tenure: None,
        around: None,
        deleted: None,
        origin: None,
        sealed: Vec::new(),
        events: Vec::new(),
        outcomes: Vec::new(),
        sightings: Vec::new(),
    }
}

/// The same, as what it is: a renewal.
pub fn renewal(row: RowId, version: u64) -> LeaseWrite {
    let lease = beat("any", row, version).lease.unwrap();
    LeaseWrite { row, expected: Version(version), lease }
}

pub fn batch(epoch: Epoch, writes: Vec<Write>) -> Batch {
    Batch {
        epoch,
        lease_now: LeaseInstant(1),
        writes,
        renewals: Vec::new(),
        service_events: Vec::new(),
        machines: Vec::new(),
    }
}

pub fn event(key: Option<Key>, at: u64, what: What) -> Event {
    Event {
        at: WallTime(at),
        key,
        session_id: None,
        revision: None,
        principal: Principal::imported("local"),
        actor: None,
        why: None,
        address: None,
        before: None,
        after: None,
        what,
    }
}

/// An event that ordinary retention covers.
pub fn ordinary(workspace: &str, at: u64) -> Event {
    let session = Box::new(session("ses_1", "a", 1));
    let expired_at = Moment { lease: LeaseInstant(at), wall: WallTime(at) };
    event(Some(key(workspace)), at, What::SessionExpired { session, expired_at })
}

/// One that is kept longer.
pub fn important(workspace: &str, at: u64) -> Event {
    event(
        Some(key(workspace)),
        at,
        What::TransferCancelled { transfer: Box::new(transfer(at)), replaced: false },
    )
}

pub fn entry(workspace: &str, session_id: &str, ended_at: u64, cause: EndCause) -> LedgerEntry {
    LedgerEntry {
        session_id: Some(SessionId::imported(session_id)),
        key: key(workspace),
        lifecycle: Lifecycle::Autonomous,
        owner_kind: OwnerKind::RuntimeWorker,
        actor: Some(ActorId::imported("worker")),
        supervisor: None,
        mode: Mode::General,
        principal: Principal::imported("local"),
        machine: None,
        token: FencingToken(1),
        started_at: WallTime(0),
        ended_at: WallTime(ended_at),
        cause,
        ended_by: Principal::imported("local"),
        ended_by_actor: None,
        why: None,
        successor: None,
        revision: Revision(2),
        start_count: 1,
        beats: 3,
        last_activity: None,
        instance: None,
        last_heartbeat_at: None,
        lease_ttl: None,
        usage: None,
        focus: None,
    }
}

pub fn outcome_key(workspace: &str, request_id: &str) -> OutcomeKey {
    OutcomeKey {
        principal: Principal::imported("local"),
        rpc: "ClearSession",
        key: key(workspace),
        request_id: Arc::from(request_id),
    }
}

pub fn outcome(workspace: &str, request_id: &str, keep_until: u64) -> StoredOutcome {
    StoredOutcome {
        key: outcome_key(workspace, request_id),
        digest: [7; 32],
        reply: Reply::Cleared(Box::new(Cleared {
            ended: None,
            successor: None,
            reason: Some(Arc::from(request_id)),
        })),
        keep_until: LeaseInstant(keep_until),
    }
}

/// A machine, as its holders name it.
pub fn machine(name: &str) -> MachineRef {
    let labels = [("zone".to_owned(), format!("zone of {name}"))].into();
    MachineRef { id: MachineId::imported(name), host: format!("{name}.example").into(), labels }
}

/// A start on a machine.
pub fn sighting(name: &str, at: u64) -> Sighting {
    let at = WallTime(at);
    Sighting { machine: machine(name), stated: true, seen_at: Some(at), at }
}

/// Commits and insists that everything was applied.
pub async fn apply(store: &impl Store, epoch: Epoch, writes: Vec<Write>) -> Committed {
    let committed = store.commit(batch(epoch, writes)).await.unwrap();
    assert!(!committed.outcomes.contains(&Outcome::Conflict), "every write applies: {committed:?}");
    committed
}

/// Commits one first write and returns its place.
pub async fn created(store: &impl Store, epoch: Epoch, write: Write) -> RowId {
    row_of(&apply(store, epoch, vec![write]).await.outcomes[0])
}

pub fn row_of(outcome: &Outcome) -> RowId {
    match outcome {
        Outcome::Applied { row: Some(row), .. } => *row,
        other => panic!("not applied to a row: {other:?}"),
    }
}

/// What `load` finds for one workspace.
pub async fn loaded(store: &impl Store, workspace: &str) -> Option<Stored> {
    let load = Load { keys: vec![(key(workspace), Needs::Tenure)], outcomes: Vec::new() };
    store.load(load).await.unwrap().workspaces.remove(0)
}

/// What `load` finds for one request.
pub async fn loaded_outcome(
    store: &impl Store,
    workspace: &str,
    request_id: &str,
) -> Option<StoredOutcome> {
    let load = Load { keys: Vec::new(), outcomes: vec![outcome_key(workspace, request_id)] };
    store.load(load).await.unwrap().outcomes.remove(0)
}
