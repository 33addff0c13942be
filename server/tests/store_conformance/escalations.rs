//! Pages of open escalations across all workspaces.

use std::sync::Arc;

use tenure_core::escalation::{Escalation, EscalationKind};
use tenure_core::name::{EscalationId, Key};
use tenure_core::parts::Parts;
use tenure_core::surroundings::Surroundings;
use tenured::store::{
    AroundWrite, EscalationFilter, Guard, PAGE_MAX, Reads, Store, Version, Write,
};

use crate::harness::{Harness, acquired};
use crate::limits::HOSTILE;
use crate::sample::{apply, create, key, key_of};
use crate::surrounding::escalation;

/// A write that makes escalations with these ids the open ones of a workspace; an id in upper
/// case is of a blocking one.
fn raised(key: Key, guard: Guard, ids: &[&str]) -> Write {
    let kind = |id: &str| match id.chars().all(char::is_uppercase) {
        true => EscalationKind::Blocking,
        false => EscalationKind::NonBlocking,
    };
    let escalations = ids.iter().map(|id| escalation(id, kind(id))).collect();
    let surroundings = Arc::new(Surroundings { escalations, ..Surroundings::default() });
    let around = Some(AroundWrite { parts: Parts::ESCALATIONS, surroundings });
    Write { key, guard, around, ..create("any") }
}

/// Eleven escalations in six workspaces, as `workspace profile id`, in the order of pages.
const ALL: [&str; 11] = [
    "B main d",
    "a main B",
    "a main C",
    "a main a",
    "a other B",
    "a-b main z",
    "a/b main A",
    "a/b main y",
    "a/b/c main x",
    "c main D",
    "c main e",
];

async fn store_all(store: &impl Store, epoch: tenured::store::Epoch) {
    let of =
        |workspace, profile, ids: &[&str]| raised(key_of(workspace, profile), Guard::Absent, ids);
    let writes = vec![
        of("c", "main", &["e", "D"]),
        of("a", "other", &["B"]),
        of("a/b/c", "main", &["x"]),
        of("a", "main", &["C", "a", "B"]),
        of("a/b", "main", &["y", "A"]),
        create("b"),
        of("a-b", "main", &["z"]),
        of("B", "main", &["d"]),
    ];
    apply(store, epoch, writes).await;
}

fn place((key, open): &(Key, Escalation)) -> String {
    format!("{} {} {}", key.workspace.as_str(), key.profile.as_str(), open.id.as_str())
}

/// All pages of `limit`; each but the last is full.
async fn pages(store: &impl Reads, filter: &EscalationFilter, limit: u32) -> Vec<String> {
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.escalations(filter.clone(), after.clone(), limit).await.unwrap();
        assert!(!page.rows.is_empty() || after.is_none(), "a page led to nothing");
        found.extend(page.rows.iter().map(place));
        let Some(next) = page.next else { break };
        assert_eq!(page.rows.len(), limit as usize);
        assert_eq!(page.rows.last().map(|(key, open)| (key.clone(), open.id.clone())), {
            Some(next.clone())
        });
        after = Some(next);
    }
    found
}

/// Those of [`ALL`] that `filter` covers, told without a store.
fn covered(filter: &EscalationFilter) -> Vec<String> {
    let covers = |place: &&str| {
        let mut words = place.split(' ');
        let mut word = || words.next().unwrap();
        let (key, id) = (key_of(word(), word()), word());
        let is_blocking = id.chars().all(char::is_uppercase);
        filter.key.as_ref().is_none_or(|wanted| *wanted == key)
            && filter.prefix.as_ref().is_none_or(|prefix| key.is_under(prefix))
            && filter.kind.is_none_or(|kind| (kind == EscalationKind::Blocking) == is_blocking)
    };
    ALL.into_iter().filter(covers).map(str::to_owned).collect()
}

pub async fn pages_come_in_order_whatever_the_filter<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    store_all(&store, acquired.epoch).await;
    assert_eq!(pages(&store, &EscalationFilter::default(), 100).await, ALL);
    let keys = [None, Some(key("a")), Some(key_of("a", "other")), Some(key("b")), Some(key("z"))];
    let prefixes = [None, Some(""), Some("a"), Some("a/"), Some("a/b"), Some("c"), Some("zz")];
    let kinds = [None, Some(EscalationKind::Blocking), Some(EscalationKind::NonBlocking)];
    for key in &keys {
        for prefix in prefixes {
            for kind in kinds {
                let prefix = prefix.map(str::to_owned);
                let filter = EscalationFilter { key: key.clone(), prefix, kind };
                let wanted = covered(&filter);
                let full = u32::try_from(wanted.len().max(1)).unwrap();
                for limit in [1, 2, 3, full, full + 1, PAGE_MAX] {
                    assert_eq!(pages(&store, &filter, limit).await, wanted, "{limit}: {filter:?}");
                }
            }
        }
    }
}

pub async fn a_page_goes_on_after_any_place<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    store_all(&store, acquired.epoch).await;
    let filters = [
        EscalationFilter::default(),
        EscalationFilter { prefix: Some("a".to_owned()), ..EscalationFilter::default() },
        EscalationFilter { key: Some(key("a")), ..EscalationFilter::default() },
        EscalationFilter { kind: Some(EscalationKind::Blocking), ..EscalationFilter::default() },
    ];
    // Places where nothing is, or is any more, among them.
    for workspace in ["", "A", "a", "a-a", "a/b", "a0", "b", "c", "zz"] {
        for profile in ["main", "other"] {
            for id in ["", "B", "b", "zz"] {
                let at = (key_of(workspace, profile), EscalationId::imported(id));
                for filter in &filters {
                    let page = store.escalations(filter.clone(), Some(at.clone()), 100);
                    let found: Vec<String> = page.await.unwrap().rows.iter().map(place).collect();
                    let is_later = |place: &String| {
                        let words: Vec<&str> = place.split(' ').collect();
                        words > vec![workspace, profile, id]
                    };
                    let mut wanted = covered(filter);
                    wanted.retain(is_later);
                    assert_eq!(found, wanted, "after {at:?}: {filter:?}");
                }
            }
        }
    }
}

pub async fn only_open_escalations_are_listed<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    store_all(&store, acquired.epoch).await;
    let row = crate::sample::loaded(&store, "a").await.unwrap().row;
    let mut write = raised(key("a"), Guard::At(row, Version(1)), &["a"]);
    write.lease.as_mut().unwrap().version = Version(2);
    apply(&store, acquired.epoch, vec![write]).await;
    let filter = EscalationFilter { key: Some(key("a")), ..EscalationFilter::default() };
    assert_eq!(pages(&store, &filter, 10).await, ["a main a"]);
    assert_eq!(pages(&store, &EscalationFilter::default(), 10).await.len(), ALL.len() - 2);
}

pub async fn an_escalation_is_listed_as_it_was_raised<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = HOSTILE.iter().map(|text| raised(key_of(text, text), Guard::Absent, &HOSTILE));
    apply(&store, acquired.epoch, writes.collect()).await;
    let mut wanted: Vec<(Key, Escalation)> = Vec::new();
    for text in HOSTILE {
        let key = key_of(text, text);
        let filter = EscalationFilter { key: Some(key.clone()), ..EscalationFilter::default() };
        let found = store.escalations(filter, None, 100).await.unwrap().rows;
        let whole = store.whole(key.clone()).await.unwrap().stored.unwrap();
        let mut open = whole.surroundings.unwrap().escalations;
        assert_eq!(open.len(), HOSTILE.len());
        open.sort_by(|one, other| one.id.cmp(&other.id));
        let of_one: Vec<_> = open.into_iter().map(|open| (key.clone(), open)).collect();
        assert_eq!(found, of_one);
        wanted.extend(of_one);
    }
    wanted.sort_by(|(a, one), (b, other)| (a, &one.id).cmp(&(b, &other.id)));
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = store.escalations(EscalationFilter::default(), after, 7).await.unwrap();
        found.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, wanted);
}

pub async fn a_limit_of_escalations_is_bounded<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let ids: Vec<String> = (0..100).map(|n| format!("e{n:02}")).collect();
    let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
    let writes = (0..11).map(|n| raised(key(&format!("w{n:02}")), Guard::Absent, &ids)).collect();
    apply(&store, acquired.epoch, writes).await;
    for (limit, rows) in [(0, 1), (1, 1), (PAGE_MAX, 1_000), (u32::MAX, 1_000)] {
        let page = store.escalations(EscalationFilter::default(), None, limit).await.unwrap();
        assert_eq!(page.rows.len(), rows);
        assert!(page.next.is_some());
    }
}
