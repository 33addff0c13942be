//! Machines: what steps tell of them, what operators order, and in which pages they are read.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::event::What;
use tenure_core::machine::{Cordon, Held, Machine, MachineChange, Sighting};
use tenure_core::name::{MachineId, Principal};
use tenure_core::session::Session;
use tenure_core::time::WallTime;
use tenured::store::{
    CommitError, Epoch, Guard, MachineFilter, MachineWrite, PAGE_MAX, Pruned, Reads, Retention,
    Store, StoredMachine, Upkeep, Version, Write,
};

use crate::harness::{Harness, acquired};
use crate::retention::KEEP;
use crate::sample::{
    apply, batch, beat, create, created, event, key, machine, outcome, renewal, session, sighting,
    tenure, write,
};

fn id(name: &str) -> MachineId {
    MachineId::imported(name)
}

async fn found(store: &impl Reads, name: &str) -> Option<StoredMachine> {
    store.machine(id(name)).await.unwrap()
}

async fn held(store: &impl Reads, name: &str) -> (u64, u64) {
    let Held { live, stale } = found(store, name).await.unwrap().held;
    (live, stale)
}

/// A session on a machine, whose expiry is recorded or not.
fn on(name: &str, stale: bool) -> Session {
    Session { machine: Some(machine(name)), expiry_recorded: stale, ..session("s", "worker", 1) }
}

/// The first write of a workspace that a session on a machine holds.
fn start_on(workspace: &str, name: &str, stale: bool, at: u64) -> Write {
    let sightings = vec![sighting(name, at)];
    let first = write(key(workspace), Guard::Absent, 1, tenure(1, on(name, stale)));
    Write { sightings, ..first }
}

fn cordoned(at: u64) -> Cordon {
    let by = Principal::imported("operator");
    Cordon { at: WallTime(at), by, reason: Some(Arc::from("a bad disk")) }
}

async fn order(store: &impl Store, epoch: Epoch, name: &str, change: MachineChange, at: u64) {
    let mut batch = batch(epoch, Vec::new());
    batch.machines = vec![MachineWrite { id: id(name), change, at: WallTime(at) }];
    store.commit(batch).await.unwrap();
}

pub async fn a_machine_is_there_after_the_step_that_saw_it<H: Harness>() {
    let (harness, store, acquired) = acquired::<H>().await;
    assert_eq!(found(&store, "m").await, None);
    apply(&store, acquired.epoch, vec![start_on("a", "m", false, 70)]).await;
    let expected = Machine::from(&sighting("m", 70));
    let stored = found(&store, "m").await.unwrap();
    assert_eq!(stored, StoredMachine { machine: expected, held: Held { live: 1, stale: 0 } });
    store.close().await.unwrap();
    let store = harness.open();
    assert_eq!(found(&store, "m").await, Some(stored));
}

pub async fn every_field_of_a_machine_survives<H: Harness>() {
    let (harness, store, acquired) = acquired::<H>().await;
    let mut seen = sighting("m\u{202e}\"'; DROP TABLE machine --", 70);
    seen.machine.host = "höst\0\u{1b}[2J".into();
    seen.machine.labels = (0..32).map(|n| (format!("k\n{n}"), "\"{}\u{2028}".repeat(n))).collect();
    let mut first = create("a");
    first.sightings = vec![seen.clone()];
    apply(&store, acquired.epoch, vec![first]).await;
    let name = seen.machine.id.as_str();
    order(&store, acquired.epoch, name, MachineChange::Cordoned(cordoned(80)), 81).await;
    let expected =
        Machine { noted_at: WallTime(81), cordon: Some(cordoned(80)), ..Machine::from(&seen) };
    assert_eq!(found(&store, name).await.unwrap().machine, expected);
    let unseen = MachineChange::Cordoned(Cordon { reason: None, ..cordoned(90) });
    order(&store, acquired.epoch, "unseen", unseen, 90).await;
    let store = {
        store.close().await.unwrap();
        harness.open()
    };
    assert_eq!(found(&store, name).await.unwrap().machine, expected);
    let cordon = Some(Cordon { reason: None, ..cordoned(90) });
    let expected = Machine { cordon, ..Machine::unseen(id("unseen"), WallTime(90)) };
    assert_eq!(found(&store, "unseen").await.unwrap().machine, expected);
}

pub async fn what_a_machine_holds_is_counted_by_recorded_expiry<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let starts = [("a", "m", false), ("b", "m", true), ("c", "m", false), ("d", "n", true)];
    let starts = starts.map(|(name, on, stale)| start_on(name, on, stale, 1)).to_vec();
    let committed = apply(&store, acquired.epoch, starts).await;
    assert_eq!((held(&store, "m").await, held(&store, "n").await), ((2, 1), (0, 1)));
    // One goes stale, one moves, one ends.
    let row = |at: usize| crate::sample::row_of(&committed.outcomes[at]);
    let guard = |at| Guard::At(row(at), Version(1));
    let mut ended = tenure(2, session("s", "worker", 1));
    ended.session = None;
    let changes = vec![
        write(key("a"), guard(0), 2, tenure(2, on("m", true))),
        write(key("c"), guard(2), 2, tenure(2, on("n", false))),
        write(key("d"), guard(3), 2, ended),
    ];
    apply(&store, acquired.epoch, changes).await;
    assert_eq!((held(&store, "m").await, held(&store, "n").await), ((0, 2), (1, 0)));
}

pub async fn a_conflict_leaves_no_sighting<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, start_on("a", "m", false, 1)).await;
    let before = found(&store, "m").await;
    let mut again = start_on("a", "m", false, 9);
    again.sightings.push(sighting("other", 9));
    let mut late = write(key("a"), Guard::At(row, Version(7)), 8, tenure(8, on("m", true)));
    late.sightings = vec![sighting("m", 9)];
    store.commit(batch(acquired.epoch, vec![again, late])).await.unwrap();
    assert_eq!(found(&store, "m").await, before);
    assert_eq!(found(&store, "other").await, None);
}

pub async fn beats_and_outcomes_write_no_machine<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, start_on("a", "m", false, 1)).await;
    let before = found(&store, "m").await;
    let mut beats = batch(acquired.epoch, Vec::new());
    beats.renewals = vec![renewal(row, 1)];
    store.commit(beats).await.unwrap();
    apply(&store, acquired.epoch, vec![beat("a", row, 2)]).await;
    let mut only = beat("a", row, 3);
    only.lease = None;
    only.outcomes = vec![outcome("a", "r", 9)];
    only.sightings = vec![sighting("never", 9)];
    apply(&store, acquired.epoch, vec![only]).await;
    assert_eq!(found(&store, "m").await, before);
    assert_eq!(found(&store, "never").await, None);
}

pub async fn sightings_of_one_batch_add_up<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = start_on("a", "m", false, 10);
    let ended = Sighting { stated: false, seen_at: Some(WallTime(20)), ..sighting("m", 21) };
    let mut renamed = ended.clone();
    renamed.machine.host = "renamed".into();
    first.sightings.extend([renamed, sighting("n", 21)]);
    let mut second = create("b");
    second.sightings = vec![Sighting { seen_at: None, at: WallTime(30), ..ended }];
    apply(&store, acquired.epoch, vec![first, second]).await;
    let seen = found(&store, "m").await.unwrap().machine;
    assert_eq!((seen.seen_at, seen.noted_at), (Some(WallTime(20)), WallTime(30)));
    assert_eq!(&*seen.host, "m.example", "only a start states it");
    assert_eq!(found(&store, "n").await.unwrap().machine, Machine::from(&sighting("n", 21)));
}

const NAMES: [&str; 7] = ["B", "a", "a/b", "b", "z", "ä", "日"];

/// Machines `NAMES`: the first two hold something, the second and the third are cordoned.
async fn several(store: &impl Store, epoch: Epoch) {
    let mut first = create("w");
    first.sightings = NAMES.iter().rev().map(|name| sighting(name, 5)).collect();
    let starts = vec![first, start_on("x", "B", false, 5), start_on("y", "a", true, 5)];
    apply(store, epoch, starts).await;
    for name in ["a", "a/b"] {
        order(store, epoch, name, MachineChange::Cordoned(cordoned(6)), 6).await;
    }
}

/// The machines that a filter selects, in pages of each size.
async fn selected(store: &impl Store, filter: MachineFilter) -> Vec<String> {
    let mut by_size = BTreeMap::new();
    for size in [1, 2, 3, 1_000] {
        let mut names = Vec::new();
        let mut after = None;
        loop {
            let page = store.machines(filter.clone(), after, size).await.unwrap();
            assert!(page.rows.len() <= size as usize);
            names.extend(page.rows.iter().map(|row| row.machine.id.as_str().to_owned()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        by_size.insert(size, names);
    }
    let names = by_size.remove(&1).unwrap();
    assert!(by_size.values().all(|others| *others == names), "{by_size:?}");
    names
}

pub async fn machines_are_listed_in_the_order_of_their_ids<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    assert_eq!(selected(&store, MachineFilter::default()).await, [""; 0]);
    several(&store, acquired.epoch).await;
    assert_eq!(selected(&store, MachineFilter::default()).await, NAMES);
    let page = store.machines(MachineFilter::default(), Some(id("a")), 2).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (2, Some(id("b"))));
    let row = &page.rows[0];
    assert_eq!(Some(row.clone()), found(&store, "a/b").await, "a page tells all of a machine");
}

pub async fn each_machine_filter_holds<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    several(&store, acquired.epoch).await;
    let any = MachineFilter::default;
    let label = |key: &str, value: &str| vec![(key.to_owned(), value.to_owned())];
    for (filter, expected) in [
        (MachineFilter { id: Some(id("b")), ..any() }, &["b"][..]),
        (MachineFilter { id: Some(id("c")), ..any() }, &[]),
        (MachineFilter { host: Some("z.example".to_owned()), ..any() }, &["z"]),
        (MachineFilter { host: Some("z".to_owned()), ..any() }, &[]),
        (MachineFilter { labels: label("zone", "zone of ä"), ..any() }, &["ä"]),
        (MachineFilter { labels: label("zone", "ä"), ..any() }, &[]),
        (MachineFilter { labels: label("other", "zone of ä"), ..any() }, &[]),
        (MachineFilter { cordoned: Some(true), ..any() }, &["a", "a/b"]),
        (MachineFilter { cordoned: Some(false), ..any() }, &["B", "b", "z", "ä", "日"]),
        (MachineFilter { holding: Some(true), ..any() }, &["B", "a"]),
        (MachineFilter { holding: Some(false), ..any() }, &["a/b", "b", "z", "ä", "日"]),
    ] {
        assert_eq!(selected(&store, filter.clone()).await, expected, "{filter:?}");
    }
}

pub async fn machine_filters_combine<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    several(&store, acquired.epoch).await;
    for (holding, cordoned, expected) in
        [(true, true, &["a"][..]), (true, false, &["B"]), (false, true, &["a/b"])]
    {
        let filter = MachineFilter {
            holding: Some(holding),
            cordoned: Some(cordoned),
            ..MachineFilter::default()
        };
        assert_eq!(selected(&store, filter.clone()).await, expected);
        for name in NAMES {
            let one = MachineFilter { id: Some(id(name)), ..filter.clone() };
            let wanted = if expected == [name] { 1 } else { 0 };
            assert_eq!(selected(&store, one).await.len(), wanted, "{name}");
        }
    }
}

pub async fn a_page_of_machines_is_bounded<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut first = create("w");
    first.sightings = (0..=PAGE_MAX).map(|n| sighting(&format!("m{n:05}"), 1)).collect();
    apply(&store, acquired.epoch, vec![first]).await;
    let page = store.machines(MachineFilter::default(), None, u32::MAX).await.unwrap();
    assert_eq!((page.rows.len(), page.next), (1_000, Some(id("m00999"))));
    let page = store.machines(MachineFilter::default(), None, 0).await.unwrap();
    assert_eq!(page.rows.len(), 1);
}

pub async fn orders_are_done_in_the_step_with_their_events<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut batch = batch(acquired.epoch, Vec::new());
    let change = MachineChange::Cordoned(cordoned(5));
    batch.machines = vec![MachineWrite { id: id("m"), change, at: WallTime(5) }];
    batch.service_events = vec![event(None, 5, What::MachineCordoned { machine: id("m") })];
    let committed = store.commit(batch).await.unwrap();
    let page = store.events(None, 0, 10).await.unwrap();
    assert_eq!(page.events.len(), 1);
    assert_eq!(committed.service_sequences, page.events[0].sequence..page.events[0].sequence + 1);
    assert_eq!(page.events[0].event.what, What::MachineCordoned { machine: id("m") });
    assert_eq!(found(&store, "m").await.unwrap().machine.cordon, Some(cordoned(5)));
    order(&store, acquired.epoch, "m", MachineChange::Uncordoned, 6).await;
    let lifted = found(&store, "m").await.unwrap().machine;
    assert_eq!((lifted.cordon, lifted.noted_at), (None, WallTime(6)));
    order(&store, acquired.epoch, "m", MachineChange::Forgotten, 7).await;
    assert_eq!(found(&store, "m").await, None);
    // Once more is no error.
    order(&store, acquired.epoch, "m", MachineChange::Forgotten, 8).await;
    order(&store, acquired.epoch, "m", MachineChange::Uncordoned, 9).await;
    assert_eq!(found(&store, "m").await, None);
}

pub async fn a_machine_that_holds_a_session_is_not_forgotten<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    for (workspace, name, stale) in [("a", "live", false), ("b", "stale", true)] {
        apply(&store, acquired.epoch, vec![start_on(workspace, name, stale, 1)]).await;
        order(&store, acquired.epoch, name, MachineChange::Cordoned(cordoned(2)), 2).await;
        order(&store, acquired.epoch, name, MachineChange::Forgotten, 3).await;
        let left = found(&store, name).await.unwrap().machine;
        assert_eq!((left.cordon, &*left.host), (None, &*format!("{name}.example")));
    }
}

pub async fn an_earlier_epoch_orders_nothing<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    store.acquire().await.unwrap();
    let mut batch = batch(acquired.epoch, Vec::new());
    let change = MachineChange::Cordoned(cordoned(5));
    batch.machines = vec![MachineWrite { id: id("m"), change, at: WallTime(5) }];
    assert!(matches!(store.commit(batch).await, Err(CommitError::Fenced)));
    assert_eq!(found(&store, "m").await, None);
}

pub async fn machines_go_by_age_unless_they_are_cordoned_or_hold_a_session<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let epoch = acquired.epoch;
    let mut first = create("w");
    first.sightings = (10..16).map(|at| sighting(&format!("m{at}"), at)).collect();
    let starts = vec![first, start_on("a", "live", false, 1), start_on("b", "stale", true, 2)];
    apply(&store, epoch, starts).await;
    order(&store, epoch, "cordoned", MachineChange::Cordoned(cordoned(1)), 1).await;
    let retention = Retention { machines_before: WallTime(14), wall_now: WallTime(100), ..KEEP };
    // Those that hold something are looked at, too, but only once in so long a time.
    let pruned = store.prune(Retention { rows_max: 4, ..retention }).await.unwrap();
    assert_eq!(pruned, Pruned { machines: 2, ..Pruned::default() });
    for name in ["live", "stale"] {
        assert_eq!(found(&store, name).await.unwrap().machine.noted_at, WallTime(100), "{name}");
    }
    let pruned = store.prune(Retention { rows_max: 4, ..retention }).await.unwrap();
    assert_eq!(pruned, Pruned { machines: 2, ..Pruned::default() });
    assert_eq!(store.prune(retention).await.unwrap(), Pruned::default());
    let left = selected(&store, MachineFilter::default()).await;
    assert_eq!(left, ["cordoned", "live", "m14", "m15", "stale"]);
}
