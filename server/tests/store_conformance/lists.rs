//! Lists: what they hold, in which order, page by page.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure_core::name::{ActorId, Key, MachineId};
use tenure_core::session::{Lifecycle, MachineRef, Session};
use tenured::store::{Epoch, Guard, ListFilter, PAGE_MAX, Reads, Store};

use crate::harness::{Harness, acquired};
use crate::sample::{
    apply, create, interactive, key, key_of, ordinary, program, session, tenure, write,
};

async fn store_sessions(store: &impl Store, epoch: Epoch, sessions: Vec<(Key, Session)>) {
    let write = |(key, session): (Key, Session)| write(key, Guard::Absent, 1, tenure(1, session));
    apply(store, epoch, sessions.into_iter().map(write).collect()).await;
}

async fn names(store: &impl Store, filter: ListFilter) -> Vec<String> {
    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = store.list(filter.clone(), after, 2).await.unwrap();
        assert!(page.rows.len() <= 2);
        names.extend(page.rows.iter().map(|row| row.key.workspace.as_str().to_owned()));
        after = page.next;
        if after.is_none() {
            return names;
        }
    }
}

pub async fn only_sessions_are_listed_in_the_order_of_keys<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let keys =
        [("b", "main"), ("a", "z"), ("a", "main"), ("B", "main"), ("a/b", "x"), ("a-b", "x")];
    let sessions = keys.map(|(name, profile)| (key_of(name, profile), session("s", "worker", 1)));
    store_sessions(&store, acquired.epoch, sessions.to_vec()).await;
    let mut empty = create("aa");
    Arc::make_mut(empty.tenure.as_mut().unwrap()).session = None;
    apply(&store, acquired.epoch, vec![empty]).await;
    let page = store.list(ListFilter::default(), None, 100).await.unwrap();
    let mut wanted = keys.map(|(name, profile)| key_of(name, profile));
    wanted.sort();
    assert_eq!(page.rows.iter().map(|row| row.key.clone()).collect::<Vec<_>>(), wanted);
    assert_eq!(page.next, None);
    assert_eq!(page.rows[0].stored, store.get(wanted[0].clone()).await.unwrap().unwrap());
}

pub async fn pages_follow_each_other_without_gap<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut wanted: Vec<Key> =
        (0..25).map(|n| key_of(&format!("w{}", n / 3), &format!("p{}", n % 3))).collect();
    let sessions = wanted.iter().map(|key| (key.clone(), session("s", "worker", 1))).collect();
    store_sessions(&store, acquired.epoch, sessions).await;
    wanted.sort();
    for limit in [1, 3, 24, 25, 26] {
        let mut found = Vec::new();
        let mut after = None;
        loop {
            let page = store.list(ListFilter::default(), after, limit).await.unwrap();
            found.extend(page.rows.into_iter().map(|row| row.key));
            after = page.next;
            if after.is_none() {
                break;
            }
            assert_eq!(found.last(), after.as_ref());
        }
        assert_eq!(found, wanted, "in pages of {limit}");
    }
}

const NEIGHBOURS: [&str; 10] = [
    "acme",
    "acme/api",
    "acme/api-x",
    "acme/api.x",
    "acme/api/a",
    "acme/api/a/b",
    "acme/api0",
    "acme/apix",
    "acme/API",
    "other/acme/api",
];

async fn neighbours<H: Harness>() -> (H, H::Opened) {
    let (harness, store, acquired) = acquired::<H>().await;
    let sessions = NEIGHBOURS.map(|name| (key(name), session("s", "worker", 1))).to_vec();
    store_sessions(&store, acquired.epoch, sessions).await;
    (harness, store)
}

pub async fn a_prefix_covers_whole_segments<H: Harness>() {
    let (_harness, store) = neighbours::<H>().await;
    let under = async |prefix: &str| {
        names(&store, ListFilter { prefix: Some(prefix.to_owned()), ..ListFilter::default() }).await
    };
    let below = ["acme/api", "acme/api/a", "acme/api/a/b"];
    assert_eq!(under("acme/api").await, below);
    assert_eq!(under("acme/api/").await, below, "a trailing slash is ignored");
    assert_eq!(under("acme/ap").await, [""; 0]);
    assert_eq!(under("acme/api/a/b/c").await, [""; 0]);
    assert_eq!(under("").await.len(), NEIGHBOURS.len());
    assert_eq!(under("/").await.len(), NEIGHBOURS.len());
    // As the rule in the core says it.
    for prefix in ["acme", "acme/api", "acme/API", "other", "acme/api%", "acme/api_", "*", "a"] {
        let mut wanted: Vec<&str> = NEIGHBOURS.to_vec();
        wanted.retain(|name| key(name).is_under(prefix));
        wanted.sort_unstable();
        assert_eq!(under(prefix).await, wanted, "under {prefix}");
    }
}

pub async fn prefixes_page_too<H: Harness>() {
    let (_harness, store) = neighbours::<H>().await;
    let filter = ListFilter { prefix: Some("acme/api".to_owned()), ..ListFilter::default() };
    // A cursor may also be the last row of an earlier page that is gone, or between the rows.
    for (after, wanted) in [
        ("acme/api", vec!["acme/api/a", "acme/api/a/b"]),
        ("acme/api-x", vec!["acme/api/a", "acme/api/a/b"]),
        ("acme/api/a", vec!["acme/api/a/b"]),
        ("acme/api/zzz", vec![]),
        ("zzz", vec![]),
        ("a", vec!["acme/api", "acme/api/a", "acme/api/a/b"]),
    ] {
        let page = store.list(filter.clone(), Some(key(after)), 10).await.unwrap();
        let found: Vec<_> = page.rows.iter().map(|row| row.key.workspace.as_str()).collect();
        assert_eq!(found, wanted, "after {after}");
    }
}

fn on(machine: &str, mut session: Session) -> Session {
    session.machine = Some(MachineRef {
        id: MachineId::imported(machine),
        host: Arc::from("host"),
        labels: BTreeMap::new(),
    });
    session
}

fn supervised(supervisor: &str, mut session: Session) -> Session {
    program(&mut session).supervisor = Some(ActorId::imported(supervisor));
    session
}

fn stale(mut session: Session) -> Session {
    session.expiry_recorded = true;
    session
}

async fn assorted<H: Harness>() -> (H, H::Opened) {
    let (harness, store, acquired) = acquired::<H>().await;
    let mut ownerless = session("s", "", 1);
    program(&mut ownerless).actor = None;
    let sessions = vec![
        (key("person"), interactive("s", 1)),
        (key("person-stale"), stale(on("m1", interactive("s", 1)))),
        (key("alice"), session("s", "alice", 1)),
        (key("alice-m1"), on("m1", session("s", "alice", 1))),
        (key("bob-boss-stale"), stale(supervised("boss", session("s", "bob", 1)))),
        (key("bob-boss-m2"), on("m2", supervised("boss", session("s", "bob", 1)))),
        (key("impostor"), session("s", "interactive", 1)),
        (key("legacy"), ownerless),
    ];
    store_sessions(&store, acquired.epoch, sessions).await;
    (harness, store)
}

pub async fn each_filter_holds<H: Harness>() {
    let (_harness, store) = assorted::<H>().await;
    let any = ListFilter::default;
    let owner = |owner: &str| ListFilter { owner: Some(owner.to_owned()), ..any() };
    assert_eq!(names(&store, owner("alice")).await, ["alice", "alice-m1"]);
    assert_eq!(names(&store, owner("interactive")).await, ["person", "person-stale"]);
    assert_eq!(names(&store, owner("nobody")).await, [""; 0]);
    assert_eq!(names(&store, owner("")).await, [""; 0]);
    let supervisor = ListFilter { supervisor: Some("boss".to_owned()), ..any() };
    assert_eq!(names(&store, supervisor).await, ["bob-boss-m2", "bob-boss-stale"]);
    let machine = ListFilter { machine: Some("m1".to_owned()), ..any() };
    assert_eq!(names(&store, machine).await, ["alice-m1", "person-stale"]);
    let stale = ListFilter { expiry_recorded: Some(true), ..any() };
    assert_eq!(names(&store, stale).await, ["bob-boss-stale", "person-stale"]);
    let live = ListFilter { expiry_recorded: Some(false), ..any() };
    assert_eq!(names(&store, live).await.len(), 6);
    let people = ListFilter { lifecycle: Some(Lifecycle::Interactive), ..any() };
    assert_eq!(names(&store, people).await, ["person", "person-stale"]);
    let programs = ListFilter { lifecycle: Some(Lifecycle::Autonomous), ..any() };
    assert_eq!(names(&store, programs).await.len(), 6);
}

pub async fn filters_combine<H: Harness>() {
    let (_harness, store) = assorted::<H>().await;
    let filter = ListFilter {
        prefix: Some("bob-boss-m2".to_owned()),
        lifecycle: Some(Lifecycle::Autonomous),
        owner: Some("bob".to_owned()),
        supervisor: Some("boss".to_owned()),
        machine: Some("m2".to_owned()),
        expiry_recorded: Some(false),
    };
    assert_eq!(names(&store, filter.clone()).await, ["bob-boss-m2"]);
    let other = ListFilter { machine: Some("m1".to_owned()), ..filter };
    assert_eq!(names(&store, other).await, [""; 0]);
}

pub async fn few_among_many_are_found<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let mut wanted = Vec::new();
    let mut sessions = Vec::new();
    for n in 0..5_000_u32 {
        let name = format!("w{}", n.wrapping_mul(2_654_435_761) % 100_000);
        let session = session("s", "crowd", 1);
        if n % 1_000 == 0 {
            wanted.push(name.clone());
            sessions.push((key(&name), stale(session)));
        } else {
            sessions.push((key(&name), session));
        }
    }
    sessions.sort_by_key(|(key, _)| key.clone());
    sessions.dedup_by_key(|(key, _)| key.clone());
    let all = sessions.len();
    store_sessions(&store, acquired.epoch, sessions).await;
    wanted.sort();
    let few = ListFilter { expiry_recorded: Some(true), ..ListFilter::default() };
    assert_eq!(names(&store, few.clone()).await, wanted);
    // Both conditions have an index, and the crowd's is of no use.
    let both = ListFilter { owner: Some("crowd".to_owned()), ..few };
    assert_eq!(names(&store, both).await, wanted);
    let crowd = ListFilter { owner: Some("crowd".to_owned()), ..ListFilter::default() };
    let mut found = 0;
    let mut after = None;
    loop {
        let page = store.list(crowd.clone(), after, PAGE_MAX).await.unwrap();
        assert!(page.rows.is_sorted_by(|a, b| a.key < b.key));
        found += page.rows.len();
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(found, all);
}

pub async fn a_page_has_the_sequence_of_its_snapshot<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    assert_eq!(store.list(ListFilter::default(), None, 1).await.unwrap().sequence, 0);
    for n in 0..3 {
        let mut write = create(&format!("w{n}"));
        write.events = vec![ordinary("w", 1), ordinary("w", 2)];
        apply(&store, acquired.epoch, vec![write]).await;
        let page = store.list(ListFilter::default(), None, 10).await.unwrap();
        let newest = store.events(None, 0, 1).await.unwrap().newest;
        assert_eq!((page.sequence, page.rows.len()), (newest, n + 1));
    }
}

pub async fn a_limit_is_bounded<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let writes = (0..PAGE_MAX + 5)
        .map(|n| {
            let mut write = create(&format!("w{n:05}"));
            write.events = vec![ordinary("w", 1)];
            write
        })
        .collect();
    apply(&store, acquired.epoch, writes).await;
    let most = PAGE_MAX as usize;
    assert_eq!(store.list(ListFilter::default(), None, u32::MAX).await.unwrap().rows.len(), most);
    assert_eq!(store.events(None, 0, u32::MAX).await.unwrap().events.len(), most);
    assert_eq!(store.leases(None, u32::MAX).await.unwrap().len(), most);
    assert_eq!(store.list(ListFilter::default(), None, 0).await.unwrap().rows.len(), 1);
    assert_eq!(store.events(None, 0, 0).await.unwrap().events.len(), 1);
    assert_eq!(store.leases(None, 0).await.unwrap().len(), 1);
}

pub async fn workspaces_are_read_in_the_order_that_was_asked_for<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    for name in ["a", "b"] {
        apply(&store, acquired.epoch, vec![create(name)]).await;
    }
    let mut empty = create("free");
    Arc::make_mut(empty.tenure.as_mut().unwrap()).session = None;
    apply(&store, acquired.epoch, vec![empty]).await;
    let wanted = ["b", "unknown", "a", "free", "b"].map(key).to_vec();
    let found = store.get_each(wanted.clone()).await.unwrap();
    let mut one_by_one = Vec::new();
    for key in wanted {
        one_by_one.push(store.get(key).await.unwrap());
    }
    assert_eq!(found, one_by_one);
    let held = |at: usize| found[at].as_ref().map(|stored| stored.tenure.session.is_some());
    assert_eq!([0, 1, 2, 3, 4].map(held), [Some(true), None, Some(true), Some(false), Some(true)]);
    assert_eq!(store.get_each(Vec::new()).await.unwrap(), []);
}
