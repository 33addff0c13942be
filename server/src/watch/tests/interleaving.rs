//! Any order of commits, publications, losses and reads: the reader ends with the state that is
//! stored, having seen every event after its page exactly once.

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::*;
use crate::watch::fake::{key, session_of};

/// Workspaces that the writers share.
const WORKSPACES: [&str; 6] = ["a", "a/b", "b", "b-1", "c/d", "e"];
const OWNERS: [&str; 3] = ["x", "y", NOBODY];

#[derive(Debug, Clone, Copy)]
enum Step {
    Hold {
        workspace: usize,
        owner: usize,
    },
    Leave {
        workspace: usize,
    },
    Serve,
    Publish,
    LosePublication,
    SkipSequences,
    /// Ends the steps that run at one moment.
    Pause,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..WORKSPACES.len(), 0..OWNERS.len())
            .prop_map(|(workspace, owner)| Step::Hold { workspace, owner }),
        3 => (0..WORKSPACES.len()).prop_map(|workspace| Step::Leave { workspace }),
        1 => Just(Step::Serve),
        8 => Just(Step::Publish),
        1 => Just(Step::LosePublication),
        1 => Just(Step::SkipSequences),
        9 => Just(Step::Pause),
    ]
}

/// Carries out what is to happen at one moment. Whether anything was left to do.
fn run_moment(fake: &Fake, steps: &mut impl Iterator<Item = Step>) -> bool {
    for step in steps.by_ref() {
        match step {
            Step::Hold { workspace, owner } => fake.hold(WORKSPACES[workspace], OWNERS[owner]),
            Step::Leave { workspace } => fake.leave(WORKSPACES[workspace]),
            Step::Serve => fake.serve(),
            Step::Publish => {
                fake.publish();
            }
            Step::LosePublication => {
                fake.lose_publication();
            }
            Step::SkipSequences => fake.skip_sequences(3),
            Step::Pause => return true,
        }
    }
    false
}

/// What a reader makes of the updates.
#[derive(Debug, Default)]
struct Reader {
    sessions: BTreeMap<Key, String>,
    /// The last key and the sequence of each page.
    pages: Vec<(Option<Key>, u64)>,
    events: Vec<Sequenced>,
    progress: u64,
}

fn owner_of(session: &tenure_core::session::Session) -> String {
    session.actor().map_or(NOBODY, |actor| actor.as_str()).to_owned()
}

impl Reader {
    fn take(&mut self, update: Update) {
        match update {
            Update::Progress(sequence) => {
                assert!(sequence >= self.progress, "progress goes back");
                let told = self.events.last().map_or(0, |entry| entry.sequence);
                assert!(sequence >= told, "progress is behind an event that was sent");
                self.progress = sequence;
            }
            Update::Page { rows, sequence, last } => {
                assert!(self.events.is_empty(), "events come after the snapshot");
                let end = if last { None } else { rows.last().map(|row| row.key.clone()) };
                self.pages.push((end, sequence));
                for row in rows {
                    self.sessions.insert(row.key.clone(), owner_of(session_of(&row)));
                }
            }
            Update::Event(entry) => {
                let told = self.events.last().map_or(0, |entry| entry.sequence);
                assert!(entry.sequence > told, "sequences strictly rise");
                assert!(entry.sequence > self.progress, "progress had passed an unsent event");
                if let Some(key) = &entry.event.key {
                    match &entry.event.what {
                        tenure_core::event::What::SessionStarted { session, .. } => {
                            self.sessions.insert(key.clone(), owner_of(session));
                        }
                        _ => {
                            self.sessions.remove(key);
                        }
                    }
                }
                self.events.push(*entry);
            }
        }
    }

    /// The place in the log after which this reader must see the events of `key`.
    fn sees_after(&self, key: Option<&Key>, cursor: u64) -> u64 {
        let Some(key) = key else { return cursor };
        let covers = |(end, _): &&(Option<Key>, u64)| end.as_ref().is_none_or(|end| end >= key);
        self.pages.iter().find(covers).map_or(cursor, |(_, sequence)| *sequence)
    }
}

/// Watches while `steps` happen, some between the updates and some during the reads.
async fn watch(
    steps: Vec<Step>,
    warm_up: usize,
    filter: EventFilter,
    start: impl FnOnce(&Fake) -> Start,
    page_rows: PageRows,
) -> (Fake, u64, Reader) {
    let fake = Fake::new(3);
    let mut steps = steps.into_iter();
    for _ in 0..warm_up {
        run_moment(&fake, &mut steps);
    }
    let during: Vec<_> = steps.by_ref().collect();
    // Every other moment belongs to a read.
    let mut moments = during.split_inclusive(|step| matches!(step, Step::Pause)).map(<[_]>::to_vec);
    let (mut of_reads, mut between) = (Vec::new(), Vec::new());
    while let Some(moment) = moments.next() {
        of_reads.extend(moment);
        between.extend(moments.next().unwrap_or_default());
    }
    let mut of_reads = of_reads.into_iter();
    let mut between = between.into_iter();

    let mut watcher = open_filtered(&fake, filter, start(&fake)).await.expect("a good cursor");
    watcher.page_rows = page_rows;
    fake.around_reads(move |fake| {
        run_moment(fake, &mut of_reads);
    });
    let Update::Progress(cursor) = watcher.next().await.expect("goes on") else {
        panic!("the cursor comes first")
    };
    let mut reader = Reader { progress: cursor, ..Reader::default() };
    while run_moment(&fake, &mut between) {
        tokio::time::advance(Duration::from_secs(1)).await;
        reader.take(watcher.next().await.expect("goes on"));
    }
    for update in drain(&mut watcher).await {
        reader.take(update);
    }
    fake.around_reads(|_| {});
    fake.publish_all();
    for update in drain(&mut watcher).await {
        reader.take(update);
    }
    assert!(watcher.cursor >= fake.published_through(), "nothing published waits for more");
    // A last commit, published, brings whatever the feed has lost.
    fake.hold("last", "x");
    fake.publish_all();
    for update in drain(&mut watcher).await {
        reader.take(update);
    }
    (fake, cursor, reader)
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .expect("a runtime")
}

/// The sequences that `reader` must have seen, by the whole log.
fn expected(fake: &Fake, cursor: u64, reader: &Reader, filter: &EventFilter) -> Vec<u64> {
    let log = fake.log();
    let wanted = log.iter().filter(|entry| {
        entry.sequence > reader.sees_after(entry.event.key.as_ref(), cursor)
            && entry.sequence > cursor
            && filter.matches(&entry.event)
    });
    wanted.map(|entry| entry.sequence).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_and_the_events_after_it_are_the_stored_state(
        steps in vec(step(), 0..120),
        warm_up in 0..6_usize,
        snapshot in 1..4_u32,
        log in 1..6_u32,
    ) {
        runtime().block_on(async {
            let filter = EventFilter::default();
            let (fake, cursor, reader) = watch(
                steps, warm_up, filter.clone(), |_| Start::Snapshot, PageRows { snapshot, log },
            ).await;
            let stored: BTreeMap<_, _> = fake
                .sessions()
                .iter()
                .map(|(key, row)| (key.clone(), owner_of(session_of(row))))
                .collect();
            assert_eq!(reader.sessions, stored, "the state that the reader ends with");
            assert!(reader.sessions.contains_key(&key("last")));
            let seen: Vec<_> = reader.events.iter().map(|entry| entry.sequence).collect();
            assert_eq!(seen, expected(&fake, cursor, &reader, &filter));
        });
    }

    #[test]
    fn a_filtered_snapshot_is_followed_by_what_matters_to_it(
        steps in vec(step(), 0..120),
        warm_up in 0..6_usize,
        snapshot in 1..4_u32,
        log in 1..6_u32,
    ) {
        runtime().block_on(async {
            let filter = EventFilter { owner: Some("x".to_owned()), ..EventFilter::default() };
            let (fake, cursor, mut reader) = watch(
                steps, warm_up, filter.clone(), |_| Start::Snapshot, PageRows { snapshot, log },
            ).await;
            let is_ours = |owner: &String| owner == "x";
            let stored: BTreeMap<_, _> = fake
                .sessions()
                .iter()
                .map(|(key, row)| (key.clone(), owner_of(session_of(row))))
                .filter(|(_, owner)| is_ours(owner))
                .collect();
            reader.sessions.retain(|_, owner| is_ours(owner));
            assert_eq!(reader.sessions, stored, "the sessions of the owner");
            let seen: Vec<_> = reader.events.iter().map(|entry| entry.sequence).collect();
            assert_eq!(seen, expected(&fake, cursor, &reader, &filter));
        });
    }

    #[test]
    fn a_resumed_watch_sees_every_later_event_once(
        steps in vec(step(), 0..120),
        warm_up in 0..10_usize,
        place in 0.0..=1.0_f64,
        log in 1..6_u32,
    ) {
        runtime().block_on(async {
            let filter = EventFilter::default();
            let start = |fake: &Fake| {
                #[expect(
                    clippy::cast_possible_truncation,
                    clippy::cast_sign_loss,
                    clippy::cast_precision_loss,
                    reason = "sequences of a test are small"
                )]
                let sequence = (fake.newest() as f64 * place) as u64;
                after(fake, sequence)
            };
            let rows = PageRows { snapshot: 1, log };
            let (fake, cursor, reader) = watch(steps, warm_up, filter.clone(), start, rows).await;
            let seen: Vec<_> = reader.events.iter().map(|entry| entry.sequence).collect();
            assert_eq!(seen, expected(&fake, cursor, &reader, &filter));
        });
    }
}
