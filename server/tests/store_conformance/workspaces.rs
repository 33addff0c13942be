//! Workspaces as such: how they came to be known, lists of them, and their end.

use std::sync::Arc;

use tenure_core::name::{Key, Principal};
use tenure_core::parts::Parts;
use tenure_core::registration::Origin;
use tenure_core::session::Revision;
use tenure_core::time::WallTime;
use tenured::store::{
    AroundWrite, Batch, Epoch, Guard, Outcome, Reads, Retention, RowId, Store, Upkeep, Version,
    Write,
};

use crate::harness::{Harness, acquired};
use crate::retention::KEEP;
use crate::sample::{
    apply, batch, beat, create, created, free, key, key_of, loaded, ordinary, renewal, write,
};
use crate::surrounding::{at_the_limits, every_part, surrounded};

fn origin() -> Origin {
    Origin {
        registered: true,
        at: Some(WallTime(1_700_000_000_007)),
        principal: Some(Principal::imported("somebody")),
    }
}

/// A workspace that holds no session.
fn without_session(key: Key) -> Write {
    write(key, Guard::Absent, 1, free(5))
}

fn deletion(workspace: &str, row: RowId, version: u64, floor: u64) -> Write {
    Write {
        guard: Guard::At(row, Version(version)),
        lease: None,
        tenure: None,
        deleted: Some(Revision(floor)),
        events: vec![ordinary(workspace, 50)],
        ..create(workspace)
    }
}

/// Stores a workspace with surroundings and no session, and deletes it.
async fn delete(store: &impl Store, epoch: Epoch, workspace: &str) -> Outcome {
    let surroundings = Arc::new(at_the_limits(1));
    let around = Some(AroundWrite { parts: every_part(), surroundings });
    let events = vec![ordinary(workspace, 40)];
    let stored = Write { around, events, ..without_session(key(workspace)) };
    let row = created(store, epoch, stored).await;
    let deleted = deletion(workspace, row, 1, 500);
    apply(store, epoch, vec![deleted]).await.outcomes.remove(0)
}

pub async fn how_a_workspace_came_to_be_known_is_kept<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let known = Write { origin: Some(Arc::new(origin())), ..create("a") };
    let row = created(&store, acquired.epoch, known).await;
    let kept = async || loaded(&store, "a").await.unwrap().tenure.origin;
    assert_eq!(kept().await.as_deref(), Some(&origin()));
    // What does not say otherwise leaves it.
    let later = write(key("a"), Guard::At(row, Version(1)), 2, free(6));
    apply(&store, acquired.epoch, vec![later]).await;
    assert_eq!(kept().await.as_deref(), Some(&origin()));
}

pub async fn what_is_stored_is_known<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    created(&store, acquired.epoch, create("a")).await;
    assert_eq!(loaded(&store, "a").await.unwrap().tenure.origin, Some(Arc::default()));
}

pub async fn nothing_is_left_of_a_deleted_workspace_but_its_events<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    created(&store, acquired.epoch, create("other")).await;
    let outcome = delete(&store, acquired.epoch, "a").await;
    let Outcome::Applied { sequences, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!(sequences.end - sequences.start, 1);
    assert_eq!(loaded(&store, "a").await, None);
    let all = store.escalations(Default::default(), None, 1_000).await.unwrap();
    assert_eq!(all.rows, []);
    let events = store.events(Some(key("a")), 0, 10).await.unwrap().events;
    assert_eq!(events.iter().map(|event| event.event.at.0).collect::<Vec<_>>(), [40, 50]);
    let counts = store.counts().await.unwrap();
    assert_eq!((counts.workspaces, counts.sessions, counts.events), (1, 1, 2));
}

pub async fn a_deletion_raises_the_floor_for_good<H: Harness>() {
    let (harness, store, acquired) = acquired::<H>().await;
    assert_eq!(acquired.revision_floor, Revision(0));
    delete(&store, acquired.epoch, "a").await;
    store.close().await.unwrap();
    drop(store);
    let again = harness.open();
    assert_eq!(again.acquire().await.unwrap().revision_floor, Revision(500));
}

pub async fn a_deletion_is_guarded<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let stored = without_session(key("a"));
    let row = created(&store, acquired.epoch, stored).await;
    let late = deletion("a", row, 7, 500);
    assert_eq!(
        store.commit(batch(acquired.epoch, vec![late])).await.unwrap().outcomes,
        [Outcome::Conflict]
    );
    assert!(loaded(&store, "a").await.is_some());
    assert_eq!(store.events(None, 0, 10).await.unwrap().events, []);
}

pub async fn nothing_is_written_to_a_deleted_workspace<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let row = created(&store, acquired.epoch, without_session(key("a"))).await;
    let deleted = deletion("a", row, 1, 500);
    apply(&store, acquired.epoch, vec![deleted]).await;
    // Decided on what was stored before.
    let late = Write { events: vec![ordinary("a", 60)], ..beat("a", row, 1) };
    let again = deletion("a", row, 1, 600);
    let renewals = vec![renewal(row, 1)];
    let batch = Batch { renewals, ..batch(acquired.epoch, vec![late, again]) };
    let committed = store.commit(batch).await.unwrap();
    assert_eq!(committed.outcomes, [Outcome::Conflict, Outcome::Conflict]);
    assert_eq!(committed.conflicting_renewals, [0]);
    assert_eq!(loaded(&store, "a").await, None);
    assert_eq!(store.events(Some(key("a")), 0, 10).await.unwrap().events.len(), 1);
}

pub async fn a_deleted_workspace_is_created_anew<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    delete(&store, acquired.epoch, "a").await;
    let row = created(&store, acquired.epoch, create("a")).await;
    let stored = loaded(&store, "a").await.unwrap();
    assert_eq!((stored.row, stored.version), (row, Version(1)));
    let around = surrounded(&store, "a").await;
    assert_eq!(around, Default::default(), "nothing of the old one comes back");
    // It is stored now, so nobody else may create it.
    assert_eq!(
        store.commit(batch(acquired.epoch, vec![create("a")])).await.unwrap().outcomes,
        [Outcome::Conflict]
    );
    assert_eq!(store.counts().await.unwrap().workspaces, 1);
    assert_eq!(store.events(Some(key("a")), 0, 10).await.unwrap().events.len(), 2);
}

pub async fn the_name_of_a_deleted_workspace_goes_with_its_last_event<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    created(&store, acquired.epoch, create("other")).await;
    delete(&store, acquired.epoch, "a").await;
    assert_eq!(store.prune(KEEP).await.unwrap().names, 0);
    let some = Retention { events_before: WallTime(45), ..KEEP };
    assert_eq!(store.prune(some).await.unwrap().names, 0);
    let all = Retention { events_before: WallTime(100), ..KEEP };
    assert_eq!(store.prune(all).await.unwrap().names, 1);
    assert_eq!(store.prune(all).await.unwrap().names, 0);
    created(&store, acquired.epoch, create("a")).await;
    assert!(loaded(&store, "other").await.is_some());
}

pub async fn workspaces_are_listed_with_a_session_or_without<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let named = |workspace, profile| without_session(key_of(workspace, profile));
    let writes = vec![
        named("a/b", "main"),
        named("a-b", "main"),
        named("a", "other"),
        create("a"),
        named("b", "main"),
    ];
    apply(&store, acquired.epoch, writes).await;
    delete(&store, acquired.epoch, "a/gone").await;
    let list = async |prefix: Option<&str>, after: Option<Key>, limit| {
        let page = store.workspaces(prefix.map(str::to_owned), after, limit).await.unwrap();
        let shown = |key: &Key| format!("{} {}", key.workspace.as_str(), key.profile.as_str());
        (page.rows.iter().map(|row| shown(&row.key)).collect::<Vec<_>>(), page.next)
    };
    let all = ["a main", "a other", "a-b main", "a/b main", "b main"];
    assert_eq!(list(None, None, 1_000).await, (all.map(str::to_owned).to_vec(), None));
    let under = list(Some("a"), None, 1_000).await.0;
    assert_eq!(under, ["a main", "a other", "a/b main"]);
    let (mut paged, mut after) = (Vec::new(), None);
    loop {
        let (rows, next) = list(None, after, 2).await;
        paged.extend(rows);
        after = next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, all);
    let page = store.workspaces(None, None, 2).await.unwrap();
    assert!(page.rows[0].stored.tenure.session.is_some());
    assert_eq!(page.rows[1].stored.tenure.revision, Some(Revision(5)));
}

pub async fn workspaces_are_listed_with_their_open_escalations<H: Harness>() {
    let (_harness, store, acquired) = acquired::<H>().await;
    let surroundings = Arc::new(at_the_limits(1));
    let open = surroundings.escalations.len();
    let around = Some(AroundWrite { parts: Parts::ESCALATIONS, surroundings });
    let asking = Write { around, ..without_session(key("a")) };
    apply(&store, acquired.epoch, vec![asking, create("b")]).await;
    let page = store.workspaces(None, None, 10).await.unwrap();
    let counts: Vec<_> = page.rows.iter().map(|row| row.open_escalations as usize).collect();
    assert_eq!(counts, [open, 0]);
}
