//! The ledger in pages: order, filters and totals.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::ledger::{EndCause, LedgerEntry};
use tenure_core::name::{ActorId, CounterName, MachineId, ProfileName};
use tenure_core::session::{Lifecycle, MachineRef, OwnerKind};
use tenure_core::time::{Span, WallTime};
use tenure_core::totals::Totals;
use tenure_core::usage::Usage;
use tenured::store::{
    Epoch, LEDGER_LOOKED_AT_MAX, LedgerFilter, LedgerPage, LedgerQuery, PAGE_MAX, Reads, Retention,
    Store, Upkeep,
};

use crate::harness::{Harness, acquired};
use crate::sample::{apply, create, entry, key, key_of};

/// Seals entries, one workspace each time; what is sealed later may have ended earlier.
async fn seal(store: &impl Store, epoch: Epoch, carrier: &str, entries: Vec<LedgerEntry>) {
    let mut write = create(carrier);
    write.sealed = entries;
    apply(store, epoch, vec![write]).await;
}

fn query(filter: LedgerFilter, limit: u32) -> LedgerQuery {
    LedgerQuery { filter, limit, ..LedgerQuery::default() }
}

fn ids(page: &LedgerPage) -> Vec<String> {
    page.entries.iter().map(|(_, entry)| id(entry)).collect()
}

fn id(entry: &LedgerEntry) -> String {
    entry.session_id.as_ref().map_or("", |id| id.as_str()).to_owned()
}

/// All pages, one after another.
async fn all(store: &impl Store, filter: LedgerFilter, limit: u32) -> Vec<LedgerEntry> {
    let mut query = query(filter, limit);
    let mut found = Vec::new();
    loop {
        let page = store.ledger(query.clone()).await.unwrap();
        assert!(page.entries.len() <= limit as usize && page.totals.is_none());
        found.extend(page.entries.into_iter().map(|(_, entry)| entry));
        let goes_on = page.next.is_none_or(|next| query.after.is_none_or(|after| next < after));
        assert!(goes_on, "each page lies behind the one before: {query:?}");
        query.after = page.next;
        if query.after.is_none() {
            return found;
        }
    }
}

async fn found(store: &impl Store, filter: LedgerFilter) -> Vec<String> {
    all(store, filter, 2).await.iter().map(id).collect()
}

pub async fn the_last_ended_come_first_and_of_one_instant_the_last_sealed<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let ends = [("a", 20), ("b", 30), ("c", 10), ("d", 20), ("e", 20), ("f", 0)];
    let entries = ends.map(|(id, at)| entry("w", id, at, EndCause::Yielded)).to_vec();
    seal(&store, acquired.epoch, "w", entries).await;
    for limit in 1..8 {
        let listed = all(&store, LedgerFilter::default(), limit).await;
        let listed: Vec<String> = listed.iter().map(id).collect();
        assert_eq!(listed, ["b", "e", "d", "a", "c", "f"], "in pages of {limit}");
    }
}

pub async fn the_last_page_names_no_next_one<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let cause = |n| if n % 2 == 0 { EndCause::Yielded } else { EndCause::Cleared };
    let entries = (0..8).map(|n| entry("w", &format!("s{n}"), n, cause(n))).collect();
    seal(&store, acquired.epoch, "w", entries).await;
    let filter = LedgerFilter { cause: Some(EndCause::Yielded), ..LedgerFilter::default() };
    for (limit, last) in [(3, false), (4, true), (5, true)] {
        let page = store.ledger(query(filter.clone(), limit)).await.unwrap();
        assert_eq!(page.next.is_none(), last, "{limit} of 4");
        // Here the entries that are not wanted come last.
        let period = LedgerFilter { ended_since: Some(WallTime(4)), ..LedgerFilter::default() };
        let page = store.ledger(query(period, limit)).await.unwrap();
        assert_eq!(page.next.is_none(), last, "{limit} of 4 in a period");
    }
    let empty = LedgerFilter { owner: Some("nobody".to_owned()), ..LedgerFilter::default() };
    let page = store.ledger(query(empty, 5)).await.unwrap();
    assert_eq!((page.entries.len(), page.next), (0, None));
}

pub async fn what_is_sealed_or_forgotten_between_pages_moves_nothing<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let entries = (10..20).map(|at| entry("w", &format!("s{at}"), at, EndCause::Yielded)).collect();
    seal(&store, acquired.epoch, "w", entries).await;
    let first = store.ledger(query(LedgerFilter::default(), 3)).await.unwrap();
    assert_eq!(ids(&first), ["s19", "s18", "s17"]);
    let later =
        vec![entry("v", "late", 99, EndCause::Yielded), entry("v", "old", 14, EndCause::Cleared)];
    seal(&store, acquired.epoch, "v", later).await;
    let forget = Retention {
        lease_now: tenure_core::time::LeaseInstant(0),
        events_before: WallTime(0),
        events_max: 0,
        important_events_before: WallTime(0),
        ledger_before: WallTime(12),
        machines_before: WallTime(0),
        wall_now: WallTime(0),
        rows_max: 100,
    };
    assert_eq!(store.prune(forget).await.unwrap().ledger_entries, 2);
    let rest = LedgerQuery { after: first.next, ..query(LedgerFilter::default(), 100) };
    let rest = store.ledger(rest).await.unwrap();
    assert_eq!(ids(&rest), ["s16", "s15", "old", "s14", "s13", "s12"]);
}

/// Entries that differ in one thing each.
fn mixed() -> Vec<LedgerEntry> {
    let base = |id: &str, at: u64| entry("acme/api", id, at, EndCause::Yielded);
    let actor = |name: &str| Some(ActorId::imported(name));
    let machine = MachineRef {
        id: MachineId::imported("m-1"),
        host: Arc::from("box"),
        labels: BTreeMap::new(),
    };
    let person = LedgerEntry {
        lifecycle: Lifecycle::Interactive,
        owner_kind: OwnerKind::Interactive,
        actor: None,
        ..base("person", 5)
    };
    let mut other_profile = base("profile", 8);
    other_profile.key.profile = ProfileName::imported("qa");
    vec![
        base("base", 1),
        LedgerEntry { actor: actor("worker-2"), ..base("owner", 2) },
        LedgerEntry { supervisor: actor("boss"), ..base("supervisor", 3) },
        LedgerEntry { machine: Some(machine), ..base("machine", 4) },
        person,
        LedgerEntry { actor: actor("interactive"), ..base("so called", 6) },
        LedgerEntry { cause: EndCause::ForceTakenOver, ..base("cause", 7) },
        other_profile,
        LedgerEntry { key: key("acme/web"), ..base("workspace", 9) },
        LedgerEntry { actor: None, ..base("unowned", 10) },
        LedgerEntry { actor: actor("ev\0il"), ..base("hostile", 11) },
        LedgerEntry { actor: actor("ev"), ..base("cut", 12) },
    ]
}

pub async fn each_ledger_filter_holds<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    seal(&store, acquired.epoch, "w", mixed()).await;
    let none = LedgerFilter::default;
    let text = |text: &str| Some(text.to_owned());
    let by_owner =
        async |owner: &str| found(&store, LedgerFilter { owner: text(owner), ..none() }).await;
    assert_eq!(by_owner("worker-2").await, ["owner"]);
    assert_eq!(
        by_owner("interactive").await,
        ["person"],
        "a program that is called so is not meant"
    );
    assert_eq!(by_owner("ev\0il").await, ["hostile"]);
    assert_eq!(by_owner("ev").await, ["cut"]);
    assert_eq!(by_owner("").await, [""; 0]);
    for (filter, wanted) in [
        (LedgerFilter { supervisor: text("boss"), ..none() }, &["supervisor"][..]),
        (LedgerFilter { machine: text("m-1"), ..none() }, &["machine"]),
        (LedgerFilter { machine: text("m\0"), ..none() }, &[]),
        (LedgerFilter { lifecycle: Some(Lifecycle::Interactive), ..none() }, &["person"]),
        (LedgerFilter { cause: Some(EndCause::ForceTakenOver), ..none() }, &["cause"]),
        (LedgerFilter { key: Some(key_of("acme/api", "qa")), ..none() }, &["profile"]),
        (LedgerFilter { key: Some(key("acme/web")), ..none() }, &["workspace"]),
        (LedgerFilter { key: Some(key("acme")), ..none() }, &[]),
        (LedgerFilter { key: Some(key("unknown")), ..none() }, &[]),
    ] {
        assert_eq!(found(&store, filter.clone()).await, wanted, "{filter:?}");
    }
    assert_eq!(found(&store, none()).await.len(), 12);
}

pub async fn a_period_begins_with_its_first_instant_and_ends_before_its_last<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let ends = [0, 9, 10, 11, 19, 20, 21, u64::MAX];
    let entries = ends.map(|at| entry("w", &at.to_string(), at, EndCause::Yielded)).to_vec();
    seal(&store, acquired.epoch, "w", entries).await;
    let period = async |since: Option<u64>, before: Option<u64>| {
        let ended_since = since.map(WallTime);
        let ended_before = before.map(WallTime);
        found(&store, LedgerFilter { ended_since, ended_before, ..LedgerFilter::default() }).await
    };
    assert_eq!(period(Some(10), Some(20)).await, ["19", "11", "10"]);
    assert_eq!(period(Some(20), Some(10)).await, [""; 0]);
    assert_eq!(period(None, Some(0)).await, [""; 0]);
    assert_eq!(period(None, Some(1)).await, ["0"]);
    let last = u64::MAX.to_string();
    assert_eq!(period(Some(21), None).await, [&*last, "21"]);
    assert_eq!(period(Some(u64::MAX), None).await, [&*last]);
    assert_eq!(period(Some(21), Some(u64::MAX)).await, ["21"]);
}

pub async fn a_ledger_prefix_covers_whole_segments<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let names =
        ["acme", "acme/api", "acme/api-x", "acme/api/a", "acme/api0", "acme/API", "other/acme"];
    let entries: Vec<_> =
        (0..).zip(names).map(|(at, name)| entry(name, name, at, EndCause::Yielded)).collect();
    seal(&store, acquired.epoch, "w", entries).await;
    for prefix in ["acme", "acme/api", "acme/api/", "other", "acme/ap", "acme/api%", "*", "", "/"] {
        let filter = LedgerFilter { prefix: Some(prefix.to_owned()), ..LedgerFilter::default() };
        let mut wanted: Vec<&str> = names.to_vec();
        wanted.retain(|name| key(name).is_under(prefix));
        wanted.reverse();
        assert_eq!(found(&store, filter).await, wanted, "under {prefix}");
    }
}

pub async fn few_under_a_prefix_and_many_are_found_alike<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut entries = Vec::new();
    for n in 0..2_500 {
        entries.push(entry("many/w", &format!("m{n}"), n % 50, EndCause::Yielded));
        if n % 100 == 0 {
            entries.push(entry("few/w", &format!("f{n}"), n % 50, EndCause::Cleared));
        }
    }
    seal(&store, acquired.epoch, "w", entries.clone()).await;
    for (prefix, count) in [("many", 2_500), ("few", 25)] {
        let filter = LedgerFilter { prefix: Some(prefix.to_owned()), ..LedgerFilter::default() };
        let mut wanted: Vec<LedgerEntry> =
            entries.iter().filter(|entry| entry.key.is_under(prefix)).cloned().collect();
        wanted.reverse();
        wanted.sort_by_key(|entry| std::cmp::Reverse(entry.ended_at));
        assert_eq!(wanted.len(), count);
        for limit in [7, 1_000] {
            assert_eq!(all(&store, filter.clone(), limit).await, wanted, "{prefix} by {limit}");
        }
    }
}

pub async fn ledger_filters_combine<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    seal(&store, acquired.epoch, "w", mixed()).await;
    let text = |text: &str| Some(text.to_owned());
    let filter = LedgerFilter {
        key: Some(key("acme/api")),
        prefix: text("acme"),
        lifecycle: Some(Lifecycle::Autonomous),
        owner: text("worker"),
        cause: Some(EndCause::Yielded),
        ended_since: Some(WallTime(2)),
        ..LedgerFilter::default()
    };
    assert_eq!(found(&store, filter.clone()).await, ["machine", "supervisor"]);
    let boss = LedgerFilter { supervisor: text("boss"), ..filter };
    assert_eq!(found(&store, boss.clone()).await, ["supervisor"]);
    assert_eq!(found(&store, LedgerFilter { machine: text("m-1"), ..boss }).await, [""; 0]);
}

pub async fn totals_are_of_all_that_is_selected_on_whatever_page<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let usage = |input_tokens, calls| Usage {
        input_tokens,
        output_tokens: 1,
        cost_microunits: 2,
        wall_time: Some(Span(3)),
        counters: [(CounterName::imported("calls"), calls)].into(),
    };
    let with = |n: u64| LedgerEntry {
        started_at: WallTime(n),
        usage: n.is_multiple_of(2).then(|| usage(n, n)),
        ..entry("w", &format!("s{n}"), 2 * n, EndCause::Yielded)
    };
    let other = LedgerEntry { beats: u64::MAX, ..entry("v", "other", 7, EndCause::Cleared) };
    let mut entries: Vec<_> = (0..10).map(with).collect();
    entries.push(other);
    seal(&store, acquired.epoch, "w", entries).await;
    let filter = LedgerFilter { cause: Some(EndCause::Yielded), ..LedgerFilter::default() };
    let mut query = LedgerQuery { totals: true, ..query(filter, 4) };
    let counters = [(CounterName::imported("calls"), 20)].into();
    let expected = Totals {
        sessions: 10,
        beats: 30,
        held: Span(45),
        usage: Usage {
            input_tokens: 20,
            output_tokens: 5,
            cost_microunits: 10,
            wall_time: Some(Span(15)),
            counters,
        },
    };
    for _ in 0..3 {
        let page = store.ledger(query.clone()).await.unwrap();
        assert_eq!(page.totals.as_ref(), Some(&expected));
        query.after = page.next;
    }
    let everything = LedgerQuery { totals: true, ..LedgerQuery::default() };
    let totals = store.ledger(everything).await.unwrap().totals.unwrap();
    assert_eq!((totals.sessions, totals.beats), (11, u64::MAX), "sums saturate");
    let under = LedgerFilter { prefix: Some("v".to_owned()), ..LedgerFilter::default() };
    let under = LedgerQuery { filter: under, totals: true, ..LedgerQuery::default() };
    assert_eq!(store.ledger(under).await.unwrap().totals.unwrap().sessions, 1);
}

pub async fn a_page_of_the_ledger_is_bounded<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let count = LEDGER_LOOKED_AT_MAX + 1_500;
    let entries = (0..count).map(|n| {
        let lifecycle = if n == 0 { Lifecycle::Interactive } else { Lifecycle::Autonomous };
        LedgerEntry {
            lifecycle,
            actor: None,
            ..entry("w", &format!("s{n}"), n as u64, EndCause::Yielded)
        }
    });
    seal(&store, acquired.epoch, "w", entries.collect()).await;
    let page = store.ledger(query(LedgerFilter::default(), u32::MAX)).await.unwrap();
    assert_eq!(page.entries.len(), PAGE_MAX as usize);
    let page = store.ledger(query(LedgerFilter::default(), 0)).await.unwrap();
    assert_eq!(page.entries.len(), 1);
    // The only one that is wanted is the last of many.
    let filter =
        LedgerFilter { lifecycle: Some(Lifecycle::Interactive), ..LedgerFilter::default() };
    let page = store.ledger(query(filter.clone(), 10)).await.unwrap();
    assert!(page.entries.is_empty() && page.next.is_some(), "it goes on behind an empty page");
    assert_eq!(found(&store, filter).await, ["s0"]);
}
