//! What a commit does to the state of workspaces.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::name::{ActorId, InstanceId, MachineId, Principal};
use tenure_core::parts::Needs;
use tenure_core::session::{Activity, MachineRef, Renewal, Revision, Session};
use tenure_core::time::{LeaseInstant, Span, WallTime};
use tenure_core::workspace::Tenure;
use tenured::store::{Guard, LeaseRow, Load, Outcome, Reads, Store, Upkeep, Version, Write};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, batch, beat, create, created, free, key, loaded, loaded_outcome, ordinary, outcome,
    outcome_key, program, row_of, session, tenure, transfer, write,
};

pub async fn a_batch_is_there_after_it_was_answered<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = vec![create("acme/api"), create("acme/web")];
    let wanted: Vec<_> = writes.iter().map(|write| write.tenure.clone().unwrap()).collect();
    apply(&store, acquired.epoch, writes).await;
    for (workspace, tenure) in ["acme/api", "acme/web"].into_iter().zip(wanted) {
        let by_load = loaded(&store, workspace).await.unwrap();
        assert_eq!(by_load.tenure, *tenure);
        assert_eq!(by_load.version, Version(1));
        assert_eq!(store.get(key(workspace)).await.unwrap(), Some(by_load));
    }
    assert_eq!(loaded(&store, "acme").await, None);
}

pub async fn an_empty_batch_stores_the_mark<H: Harness>() {
    let (harness, store, first) = acquired::<H>().await;
    assert_eq!(first.lease_mark, LeaseInstant::ORIGIN);
    let mark = LeaseInstant::ORIGIN.after(Span(4_711));
    let mut empty = batch(first.epoch, Vec::new());
    empty.lease_now = mark;
    let committed = store.commit(empty).await.unwrap();
    assert!(committed.outcomes.is_empty());
    store.close().await.unwrap();
    let second = harness.open().acquire().await.unwrap();
    assert_eq!(second.lease_mark, mark);
    assert_eq!(second.log_id, first.log_id);
}

pub async fn the_mark_never_goes_back<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    for lease_now in [9, 5] {
        let mut empty = batch(acquired.epoch, Vec::new());
        empty.lease_now = LeaseInstant::ORIGIN.after(Span(lease_now));
        store.commit(empty).await.unwrap();
    }
    let mark = store.acquire().await.unwrap().lease_mark;
    assert_eq!(mark, LeaseInstant::ORIGIN.after(Span(9)));
}

pub async fn a_beat_changes_the_hot_row_and_nothing_else<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("acme/api")).await;
    let mut wanted = loaded(&store, "acme/api").await.unwrap();
    let committed = apply(&store, acquired.epoch, vec![beat("acme/api", row, 1)]).await;
    assert_eq!(committed.outcomes, [Outcome::Applied { row: Some(row), sequences: 0..0 }]);
    wanted.version = Version(2);
    wanted.tenure.revision = Some(Revision(2));
    let session = wanted.tenure.session.as_mut().unwrap();
    session.beats = 1;
    program(session).renewal = Some(Renewal {
        last_heartbeat_at: WallTime(1_700_000_000_001),
        expires_at: LeaseInstant(30_001),
    });
    assert_eq!(loaded(&store, "acme/api").await, Some(wanted));
}

pub async fn the_hot_row_wins_over_the_state_beside_it<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("acme/api");
    first.lease = Some(LeaseRow {
        version: Version(1),
        revision: Revision(44),
        last_heartbeat_at: None,
        expires_at: None,
        beats: 17,
    });
    created(&store, acquired.epoch, first).await;
    let stored = loaded(&store, "acme/api").await.unwrap();
    assert_eq!(stored.tenure.revision, Some(Revision(44)));
    let mut session = stored.tenure.session.unwrap();
    assert_eq!(session.beats, 17);
    assert_eq!(program(&mut session).renewal, None);
}

pub async fn a_chain_of_versions_is_kept<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("acme/api")).await;
    for version in 1..50 {
        apply(&store, acquired.epoch, vec![beat("acme/api", row, version)]).await;
        let stored = loaded(&store, "acme/api").await.unwrap();
        assert_eq!(stored.version, Version(version + 1));
        assert_eq!(stored.tenure.revision, Some(Revision(version + 1)));
    }
}

pub async fn a_thousand_beats_in_any_order_are_applied_each_to_its_row<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let names: Vec<String> = (0..1_000).map(|n| format!("w{n}")).collect();
    let writes = names.iter().map(|name| create(name)).collect();
    let rows: Vec<_> =
        apply(&store, acquired.epoch, writes).await.outcomes.iter().map(row_of).collect();
    let mut order: Vec<usize> = (0..names.len()).collect();
    fastrand::Rng::with_seed(7).shuffle(&mut order);
    let beats = order.iter().map(|n| {
        let mut beat = beat(&names[*n], rows[*n], 1);
        beat.lease.as_mut().unwrap().beats = *n as u64;
        beat
    });
    let committed = apply(&store, acquired.epoch, beats.collect()).await;
    let answered: Vec<_> = committed.outcomes.iter().map(row_of).collect();
    assert_eq!(answered, order.iter().map(|n| rows[*n]).collect::<Vec<_>>());
    let keys = names.iter().map(|name| (key(name), Needs::Tenure)).collect();
    let load = Load { keys, outcomes: Vec::new() };
    let loaded = store.load(load).await.unwrap().workspaces;
    for (n, stored) in loaded.into_iter().enumerate() {
        let stored = stored.unwrap();
        assert_eq!(stored.row, rows[n]);
        assert_eq!(stored.tenure.session.unwrap().beats, n as u64);
    }
}

pub async fn a_pending_transfer_comes_and_goes<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("acme/api")).await;
    let mut pending = tenure(2, session("ses_acme/api", "worker", 1));
    pending.transfer = Some(transfer(90));
    let without = Tenure { transfer: None, revision: Some(Revision(3)), ..pending.clone() };
    let steps = [pending, without];
    for (version, tenure) in (1..).zip(steps) {
        let guard = Guard::At(row, Version(version));
        let write = write(key("acme/api"), guard, version + 1, tenure.clone());
        apply(&store, acquired.epoch, vec![write]).await;
        assert_eq!(loaded(&store, "acme/api").await.unwrap().tenure, tenure);
    }
}

pub async fn a_cleared_workspace_keeps_its_revision<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("acme/api")).await;
    let cleared = free(2);
    let write = write(key("acme/api"), Guard::At(row, Version(1)), 2, cleared.clone());
    apply(&store, acquired.epoch, vec![write]).await;
    assert_eq!(loaded(&store, "acme/api").await.unwrap().tenure, cleared);
    assert_eq!(store.get(key("acme/api")).await.unwrap().unwrap().tenure, cleared);
}

pub async fn places_are_dense_and_fixed<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = (0..20).map(|n| create(&format!("w{n}"))).collect();
    let rows: Vec<_> =
        apply(&store, acquired.epoch, writes).await.outcomes.iter().map(row_of).collect();
    assert!(rows.is_sorted());
    assert_eq!(rows[19].0 - rows[0].0, 19);
    assert_eq!(loaded(&store, "w7").await.unwrap().row, rows[7]);
}

pub async fn outcomes_are_stored_in_the_same_step<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("acme/api");
    first.outcomes = vec![outcome("acme/api", "r1", 600), outcome("acme/api", "r2", 700)];
    apply(&store, acquired.epoch, vec![first]).await;
    for (id, keep_until) in [("r1", 600), ("r2", 700)] {
        let found = loaded_outcome(&store, "acme/api", id).await;
        assert_eq!(found, Some(outcome("acme/api", id, keep_until)));
    }
    assert_eq!(loaded_outcome(&store, "acme/api", "r3").await, None);
}

/// A write of outcomes only; what else is in it must not matter.
fn outcomes_only(workspace: &str, guard: Guard) -> Write {
    let mut write = write(key(workspace), guard, 9, tenure(9, session("other", "other", 9)));
    write.lease = None;
    write.events = vec![ordinary(workspace, 1)];
    write.outcomes = vec![outcome(workspace, "r1", 600)];
    write
}

pub async fn outcomes_alone_change_nothing_else<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("acme/api")).await;
    let before = loaded(&store, "acme/api").await;
    let write = outcomes_only("acme/api", Guard::At(row, Version(1)));
    let committed = apply(&store, acquired.epoch, vec![write]).await;
    assert_eq!(committed.outcomes, [Outcome::Applied { row: Some(row), sequences: 0..0 }]);
    assert_eq!(loaded(&store, "acme/api").await, before);
    assert!(loaded_outcome(&store, "acme/api", "r1").await.is_some());
    assert_eq!(store.events(None, 0, 10).await.unwrap().events, []);
}

pub async fn outcomes_alone_of_an_unknown_workspace_leave_it_unknown<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let write = outcomes_only("acme/api", Guard::Absent);
    let committed = apply(&store, acquired.epoch, vec![write]).await;
    assert_eq!(committed.outcomes, [Outcome::Applied { row: None, sequences: 0..0 }]);
    assert_eq!(loaded(&store, "acme/api").await, None);
    assert!(loaded_outcome(&store, "acme/api", "r1").await.is_some());
    assert_eq!(store.counts().await.unwrap().workspaces, 0);
}

pub async fn an_outcome_is_found_only_under_its_whole_key<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("acme/api");
    first.outcomes = vec![outcome("acme/api", "r1", 600)];
    apply(&store, acquired.epoch, vec![first]).await;
    let mut principal = outcome_key("acme/api", "r1");
    principal.principal = Principal::imported("other");
    let mut rpc = outcome_key("acme/api", "r1");
    rpc.rpc = "StartSession";
    let mut profile = outcome_key("acme/api", "r1");
    profile.key = crate::sample::key_of("acme/api", "other");
    let workspace = outcome_key("acme/web", "r1");
    let outcomes = vec![principal, rpc, profile, workspace, outcome_key("acme/api", "r1")];
    let found = store.load(Load { keys: Vec::new(), outcomes }).await.unwrap().outcomes;
    let found: Vec<bool> = found.iter().map(Option::is_some).collect();
    assert_eq!(found, [false, false, false, false, true]);
}

pub async fn a_later_outcome_of_the_same_request_replaces_the_first<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, create("acme/api")).await;
    for keep_until in [600, 900] {
        let mut write = outcomes_only("acme/api", Guard::At(row, Version(1)));
        write.outcomes = vec![outcome("acme/api", "r1", keep_until)];
        apply(&store, acquired.epoch, vec![write]).await;
    }
    let found = loaded_outcome(&store, "acme/api", "r1").await.unwrap();
    assert_eq!(found.keep_until, LeaseInstant(900));
}

pub async fn every_field_of_a_session_survives<H: Harness>() {
    let (harness, store, acquired) = acquired::<H>().await;
    let mut full = session("ses_1", "worker", 1);
    let program = program(&mut full);
    program.supervisor = Some(ActorId::imported("boss"));
    program.instance = Some(InstanceId::imported("pid-7"));
    full.machine = Some(MachineRef {
        id: MachineId::imported("m1"),
        host: Arc::from("host.example"),
        labels: BTreeMap::from([("zone".to_owned(), "a".to_owned())]),
    });
    full.beats = 3;
    full.start_count = 9;
    full.activity =
        Some(Activity { text: Arc::from("building"), set_at: WallTime(5), revision: Revision(1) });
    full.activity_logged_at = Some(LeaseInstant(5));
    full.expiry_recorded = true;
    let legacy = Session { id: None, ..crate::sample::interactive("", 0) };
    let wanted = [("a", tenure(1, full)), ("b", tenure(2, legacy))];
    let writes =
        wanted.iter().map(|(name, tenure)| write(key(name), Guard::Absent, 1, tenure.clone()));
    apply(&store, acquired.epoch, writes.collect()).await;
    drop(store);
    let store = harness.open();
    for (name, tenure) in wanted {
        assert_eq!(loaded(&store, name).await.unwrap().tenure, tenure);
    }
}
