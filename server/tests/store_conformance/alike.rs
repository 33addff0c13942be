//! Both stores answer alike, whatever they are asked: random steps, taken by each of them.

use std::sync::{Arc, LazyLock};

use fastrand::Rng;
use tenure_core::escalation::EscalationKind;
use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::machine::{Cordon, MachineChange, Sighting};
use tenure_core::name::{ActorId, EscalationId, MachineId, Principal, SessionId};
use tenure_core::parts::{Needs, Parts};
use tenure_core::session::Lifecycle;
use tenure_core::surroundings::{Signals, Surroundings};
use tenure_core::time::{LeaseInstant, WallTime};
use tenure_core::workspace::Tenure;
use tenured::store::{
    AroundWrite, Batch, Epoch, EscalationFilter, Guard, LeaseWrite, LedgerFilter, LedgerPage,
    LedgerQuery, ListFilter, Load, MachineFilter, MachinePage, MachineWrite, Retention, RowId,
    Store, Version, Write,
};

use crate::harness::{Harness, Memory, Sqlite};
use crate::sample::{
    beat, entry, free, important, interactive, key, machine, ordinary, outcome, outcome_key,
    program, session, sighting, tenure, transfer, write,
};
use crate::surrounding::{EACH_PART, a_little, signals};

const NAMES: [&str; 12] =
    ["a", "a/b", "a/b/c", "a-b", "a/b-c", "a.b", "b", "b/a", "B", "c", "c/d", "c/d/e"];
const MACHINES: [&str; 4] = ["M", "m", "m/1", "n"];
const ACTORS: [&str; 3] = ["alice", "bob", "interactive"];

fn pick<'a>(rng: &mut Rng, from: &[&'a str]) -> &'a str {
    from[rng.usize(..from.len())]
}

fn random_signals(rng: &mut Rng) -> Signals {
    if rng.bool() { Signals::default() } else { signals(rng.u64(..3)) }
}

static AROUND: LazyLock<Vec<Surroundings>> =
    LazyLock::new(|| (1..4).map(a_little).chain([Surroundings::default()]).collect());

/// Some parts of some surroundings, or none at all.
fn random_around(rng: &mut Rng) -> Option<AroundWrite> {
    let parts = EACH_PART.into_iter().filter(|_| rng.u8(..3) == 0);
    let parts = parts.fold(Parts::NONE, Parts::with);
    let mut surroundings = rng.choice(&*AROUND)?.clone();
    rng.shuffle(&mut surroundings.escalations);
    surroundings.escalations.truncate(rng.usize(..4));
    surroundings.sections.retain(|_, _| rng.bool());
    rng.bool().then(|| AroundWrite { parts, surroundings: Arc::new(surroundings) })
}

fn random_tenure(rng: &mut Rng, revision: u64) -> Tenure {
    if rng.u8(..4) == 0 {
        let signals = random_signals(rng);
        return Tenure { signals, ..free(revision) };
    }
    let id = format!("ses_{revision}");
    let mut session = match rng.u8(..4) {
        0 => interactive(&id, revision),
        _ => {
            let mut session = session(&id, pick(rng, &ACTORS), revision);
            if rng.bool() {
                let supervisor = ActorId::imported(pick(rng, &ACTORS));
                program(&mut session).supervisor = Some(supervisor);
            }
            session
        }
    };
    session.expiry_recorded = rng.bool();
    session.machine = rng.bool().then(|| machine(pick(rng, &MACHINES)));
    let mut tenure = tenure(revision, session);
    tenure.transfer = rng.bool().then(|| transfer(rng.u64(..100)));
    tenure.signals = random_signals(rng);
    tenure
}

/// A write that sometimes knows the state and sometimes is mistaken. `known` is what load said.
fn random_write(rng: &mut Rng, name: &str, known: Option<(RowId, Version)>) -> Write {
    let (row, version) = known.unwrap_or((RowId(1_000), Version(1)));
    let guard = match rng.u8(..10) {
        0 => Guard::Absent,
        1 => Guard::At(row, Version(version.0 + 1)),
        _ => known.map_or(Guard::Absent, |(row, version)| Guard::At(row, version)),
    };
    if rng.bool() {
        let around = random_around(rng);
        return Write { guard, around, ..beat(name, row, version.0) };
    }
    let mut write = write(key(name), guard, version.0 + 1, random_tenure(rng, version.0 + 1));
    write.around = random_around(rng);
    write.events = (0..rng.u64(..3)).map(|at| ordinary(name, at * 10)).collect();
    if rng.u8(..4) == 0 {
        write.events.push(important(name, rng.u64(..100)));
        write.sealed.push(random_entry(rng, name, version.0));
    }
    write.sightings = (0..rng.u8(..3)).map(|_| random_sighting(rng)).collect();
    if rng.u8(..4) == 0 {
        let id = format!("r{}", rng.u8(..4));
        write.outcomes.push(outcome(name, &id, rng.u64(..100)));
        if rng.bool() {
            write.lease = None;
        }
    }
    write
}

fn random_sighting(rng: &mut Rng) -> Sighting {
    let seen = sighting(pick(rng, &MACHINES), rng.u64(..100));
    let seen_at = rng.bool().then(|| WallTime(rng.u64(..=seen.at.0)));
    Sighting { stated: rng.bool(), seen_at, ..seen }
}

fn random_order(rng: &mut Rng) -> MachineWrite {
    let at = WallTime(rng.u64(..100));
    let reason = rng.bool().then(|| "why".into());
    let change = match rng.u8(..3) {
        0 => MachineChange::Cordoned(Cordon { at, by: Principal::imported("operator"), reason }),
        1 => MachineChange::Uncordoned,
        _ => MachineChange::Forgotten,
    };
    MachineWrite { id: MachineId::imported(pick(rng, &MACHINES)), change, at }
}

async fn same_machines(rng: &mut Rng, sqlite: &impl Store, memory: &impl Store) {
    let name = MachineId::imported(pick(rng, &MACHINES));
    let by_sqlite = sqlite.machine(name.clone()).await.unwrap();
    assert_eq!(by_sqlite, memory.machine(name).await.unwrap());
    let filter = MachineFilter {
        host: (rng.u8(..5) == 0).then(|| "m.example".to_owned()),
        cordoned: (rng.u8(..3) == 0).then(|| rng.bool()),
        holding: (rng.u8(..3) == 0).then(|| rng.bool()),
        ..MachineFilter::default()
    };
    // Which page is the last shows only in whether there is another, and that may be empty.
    let every = |page: MachinePage| page.rows;
    let by_sqlite = sqlite.machines(filter.clone(), None, 100).await.unwrap();
    let by_memory = memory.machines(filter.clone(), None, 100).await.unwrap();
    assert_eq!(every(by_sqlite), every(by_memory), "{filter:?}");
}

fn random_filter(rng: &mut Rng) -> ListFilter {
    ListFilter {
        prefix: rng.bool().then(|| pick(rng, &NAMES).to_owned()),
        lifecycle: (rng.u8(..4) == 0).then_some(Lifecycle::Autonomous),
        owner: (rng.u8(..4) == 0).then(|| pick(rng, &ACTORS).to_owned()),
        supervisor: (rng.u8(..4) == 0).then(|| pick(rng, &ACTORS).to_owned()),
        machine: (rng.u8(..4) == 0).then(|| pick(rng, &MACHINES).to_owned()),
        expiry_recorded: (rng.u8(..3) == 0).then(|| rng.bool()),
    }
}

fn random_escalation_filter(rng: &mut Rng) -> EscalationFilter {
    EscalationFilter {
        key: (rng.u8(..4) == 0).then(|| key(pick(rng, &NAMES))),
        prefix: (rng.u8(..3) == 0).then(|| pick(rng, &NAMES).to_owned()),
        kind: (rng.u8(..3) == 0).then_some(EscalationKind::Blocking),
    }
}

const CAUSES: [EndCause; 3] = [EndCause::Yielded, EndCause::Cleared, EndCause::TakenOver];

fn random_entry(rng: &mut Rng, name: &str, version: u64) -> LedgerEntry {
    let actor = (rng.u8(..4) != 0).then(|| ActorId::imported(pick(rng, &ACTORS)));
    let lifecycle = if actor.is_some() { Lifecycle::Autonomous } else { Lifecycle::Interactive };
    let supervisor = rng.bool().then(|| ActorId::imported(pick(rng, &ACTORS)));
    let cause = CAUSES[rng.usize(..CAUSES.len())];
    let sealed = entry(name, &format!("ses_{version}"), rng.u64(..60), cause);
    LedgerEntry { actor, lifecycle, supervisor, beats: rng.u64(..9), ..sealed }
}

fn random_ledger_filter(rng: &mut Rng) -> LedgerFilter {
    let text =
        |rng: &mut Rng, from: &[&str]| (rng.u8(..4) == 0).then(|| pick(rng, from).to_owned());
    LedgerFilter {
        key: (rng.u8(..5) == 0).then(|| key(pick(rng, &NAMES))),
        prefix: text(rng, &NAMES),
        lifecycle: (rng.u8(..5) == 0).then_some(Lifecycle::Autonomous),
        owner: text(rng, &ACTORS),
        supervisor: text(rng, &ACTORS),
        machine: None,
        cause: (rng.u8(..4) == 0).then(|| CAUSES[rng.usize(..CAUSES.len())]),
        ended_since: (rng.u8(..4) == 0).then(|| WallTime(rng.u64(..60))),
        ended_before: (rng.u8(..4) == 0).then(|| WallTime(rng.u64(..60))),
    }
}

/// Reads all pages of both ledgers, and the totals with each page.
async fn same_ledger(rng: &mut Rng, sqlite: &impl Store, memory: &impl Store) {
    let filter = random_ledger_filter(rng);
    let query = LedgerQuery { filter, after: None, limit: rng.u32(1..5), totals: true };
    let (mut of_sqlite, mut of_memory) = (query.clone(), query.clone());
    loop {
        let by_sqlite = sqlite.ledger(of_sqlite.clone()).await.unwrap();
        let by_memory = memory.ledger(of_memory.clone()).await.unwrap();
        // Places are a store's own affair.
        let entries = |page: &LedgerPage| -> Vec<LedgerEntry> {
            page.entries.iter().map(|(_, entry)| entry.clone()).collect()
        };
        assert_eq!(entries(&by_sqlite), entries(&by_memory), "{query:?}");
        assert_eq!(by_sqlite.totals, by_memory.totals, "{query:?}");
        assert_eq!(by_sqlite.next.is_some(), by_memory.next.is_some(), "{query:?}");
        if by_sqlite.next.is_none() {
            return;
        }
        of_sqlite.after = by_sqlite.next;
        of_memory.after = by_memory.next;
    }
}

/// Loads all workspaces and compares them; what was found becomes what writers know.
async fn same_state(
    rng: &mut Rng,
    sqlite: &impl Store,
    memory: &impl Store,
) -> Vec<Option<(RowId, Version)>> {
    let mut needs = || if rng.u8(..3) == 0 { Needs::Everything } else { Needs::Tenure };
    let load = Load {
        keys: NAMES.map(|name| (key(name), needs())).to_vec(),
        outcomes: NAMES.iter().map(|name| outcome_key(name, "r1")).collect(),
    };
    let by_sqlite = sqlite.load(load.clone()).await.unwrap();
    let by_memory = memory.load(load).await.unwrap();
    assert_eq!(by_sqlite.workspaces, by_memory.workspaces);
    assert_eq!(by_sqlite.outcomes, by_memory.outcomes);
    let known = by_sqlite.workspaces.into_iter();
    known.map(|stored| stored.map(|stored| (stored.row, stored.version))).collect()
}

async fn same_reads(rng: &mut Rng, sqlite: &impl Store, memory: &impl Store) {
    let filter = random_filter(rng);
    let after = rng.bool().then(|| key(pick(rng, &NAMES)));
    let limit = rng.u32(1..5);
    let by_sqlite = sqlite.list(filter.clone(), after.clone(), limit).await.unwrap();
    let by_memory = memory.list(filter.clone(), after.clone(), limit).await.unwrap();
    assert_eq!(format!("{by_sqlite:?}"), format!("{by_memory:?}"), "{filter:?} after {after:?}");

    let filter = random_escalation_filter(rng);
    let id = EscalationId::imported(&format!("esc_{}_99{}", rng.u8(..4), rng.u8(5..10)));
    let after = rng.bool().then(|| (key(pick(rng, &NAMES)), id));
    let by_sqlite = sqlite.escalations(filter.clone(), after.clone(), limit).await.unwrap();
    let by_memory = memory.escalations(filter.clone(), after.clone(), limit).await.unwrap();
    assert_eq!(format!("{by_sqlite:?}"), format!("{by_memory:?}"), "{filter:?} after {after:?}");

    let name = key(pick(rng, &NAMES));
    let by_sqlite = sqlite.whole(name.clone()).await.unwrap();
    assert_eq!(format!("{by_sqlite:?}"), format!("{:?}", memory.whole(name).await.unwrap()));

    let of = rng.bool().then(|| key(pick(rng, &NAMES)));
    let after = rng.u64(..20);
    let by_sqlite = sqlite.events(of.clone(), after, limit).await.unwrap();
    let by_memory = memory.events(of.clone(), after, limit).await.unwrap();
    assert_eq!(format!("{by_sqlite:?}"), format!("{by_memory:?}"), "{of:?} after {after:?}");

    let id = SessionId::imported(&format!("ses_{}", rng.u64(..20)));
    assert_eq!(
        sqlite.ledger_entry(id.clone()).await.unwrap(),
        memory.ledger_entry(id).await.unwrap()
    );
    let after = rng.bool().then(|| RowId(rng.i64(..8)));
    assert_eq!(
        sqlite.leases(after, limit).await.unwrap(),
        memory.leases(after, limit).await.unwrap()
    );
    assert_eq!(sqlite.counts().await.unwrap(), memory.counts().await.unwrap());
    let keys: Vec<_> = (0..rng.usize(..4)).map(|_| key(pick(rng, &NAMES))).collect();
    assert_eq!(sqlite.get_each(keys.clone()).await.unwrap(), memory.get_each(keys).await.unwrap());
    same_ledger(rng, sqlite, memory).await;
    same_machines(rng, sqlite, memory).await;
}

async fn same_prune(rng: &mut Rng, sqlite: &impl Store, memory: &impl Store) {
    let retention = Retention {
        lease_now: LeaseInstant(rng.u64(..100)),
        events_before: WallTime(rng.u64(..30)),
        events_max: rng.u64(..10),
        important_events_before: WallTime(rng.u64(..30)),
        ledger_before: WallTime(rng.u64(..60)),
        machines_before: WallTime(rng.u64(..100)),
        wall_now: WallTime(100),
        // Which rows go first is a store's own affair, so all go at once.
        rows_max: 1_000,
    };
    let by_sqlite = sqlite.prune(retention).await.unwrap();
    assert_eq!(by_sqlite, memory.prune(retention).await.unwrap(), "{retention:?}");
}

/// Whether a write changes the hot row and nothing else.
fn is_renewal(write: &Write) -> bool {
    matches!(write.guard, Guard::At(..))
        && write.lease.is_some()
        && write.tenure.is_none()
        && write.around.is_none()
        && write.sealed.is_empty()
        && write.events.is_empty()
        && write.outcomes.is_empty()
        && write.sightings.is_empty()
}

fn renewal(write: &Write) -> LeaseWrite {
    match (write.guard, &write.lease) {
        (Guard::At(row, expected), Some(lease)) => LeaseWrite { row, expected, lease: *lease },
        other => panic!("no renewal: {other:?}"),
    }
}

async fn run(seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let (sqlite, memory) = (Sqlite::empty(), Memory::empty());
    let (sqlite, memory) = (sqlite.open(), memory.open());
    let epoch = sqlite.acquire().await.unwrap().epoch;
    assert_eq!(memory.acquire().await.unwrap().epoch, epoch);
    for _ in 0..60 {
        let known = same_state(&mut rng, &sqlite, &memory).await;
        let mut writes = Vec::new();
        for (name, known) in NAMES.iter().zip(known) {
            if rng.u8(..3) == 0 {
                writes.push(random_write(&mut rng, name, known));
            }
        }
        rng.shuffle(&mut writes);
        let renewals =
            writes.extract_if(.., |write| is_renewal(write)).map(|write| renewal(&write)).collect();
        let epoch = if rng.u8(..20) == 0 { Epoch(epoch.0 + 1) } else { epoch };
        let lease_now = LeaseInstant(rng.u64(..100));
        let batch = Batch {
            epoch,
            lease_now,
            writes,
            renewals,
            service_events: Vec::new(),
            machines: (0..rng.u8(..3)).map(|_| random_order(&mut rng)).collect(),
        };
        let by_sqlite = sqlite.commit(batch.clone()).await;
        let by_memory = memory.commit(batch.clone()).await;
        assert_eq!(format!("{by_sqlite:?}"), format!("{by_memory:?}"), "{batch:#?}");
        same_reads(&mut rng, &sqlite, &memory).await;
        if rng.u8(..10) == 0 {
            same_prune(&mut rng, &sqlite, &memory).await;
        }
    }
}

#[tokio::test]
async fn both_stores_answer_random_steps_alike() {
    for seed in 0..12 {
        println!("seed {seed}");
        run(seed).await;
    }
}
