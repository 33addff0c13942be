//! The look at what is left, while nobody writes.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use futures_util::{StreamExt as _, stream};
use tenure::{Client, v1};

use super::book::Book;
use super::client::Ground;
use super::judge::Effects;
use super::replay::Replay;
use super::watcher::{Seen, Watcher};

/// How long the watch may take to bring what the log holds.
const WATCH_MAX: Duration = Duration::from_secs(30);

/// How often a workspace is compared that the server itself goes on changing.
const COMPARES_MAX: usize = 20;

/// How many workspaces are read at a time.
const READS: usize = 16;

/// How many events make a page.
const PAGE: i32 = 1_000;

/// Reads the log from where it left off, and compares.
pub(super) struct Verifier {
    client: Client,
    ground: Arc<Ground>,
    watcher: Watcher,
    replay: Replay,
    effects: Effects,
    read_through: v1::Cursor,
    /// All events so far.
    pub events: u64,
}

impl Verifier {
    pub(super) async fn start(client: Client, ground: Arc<Ground>) -> anyhow::Result<Self> {
        let info = client.server_info(v1::GetServerInfoRequest {}).await?;
        let beginning = v1::Cursor { log_id: info.log_id, sequence: 0 };
        let watcher = Watcher::start(&client, beginning.clone(), Arc::clone(&ground));
        Ok(Self {
            client,
            ground,
            watcher,
            replay: Replay::default(),
            effects: Effects::default(),
            read_through: beginning,
            events: 0,
        })
    }

    /// The newest event that was read.
    pub(super) fn read_through(&self) -> u64 {
        self.read_through.sequence
    }

    /// Looks for all that the round has acknowledged. What is broken goes into the book.
    pub(super) async fn look(&mut self, workspaces: &[String]) -> anyhow::Result<()> {
        self.read_log().await?;
        let calls = self.ground.book.take_calls();
        for what in self.effects.judge(&calls) {
            self.ground.book.broken(what);
        }
        let mut left = workspaces.to_vec();
        for _ in 0..COMPARES_MAX {
            left = self.compare(&left).await?;
            if left.is_empty() {
                return Ok(());
            }
            // The server has gone on: a lease expired, a transfer came due.
            self.read_log().await?;
        }
        bail!("{left:?} did not stand still although nobody wrote")
    }

    /// Reads on, folds what is read into the states, and compares it with what was watched.
    async fn read_log(&mut self) -> anyhow::Result<()> {
        let from = self.read_through.clone();
        let request =
            v1::ListEventsRequest { from: Some(from), page_size: PAGE, ..Default::default() };
        let mut pages = self.client.list_events(request);
        let mut listed = Vec::new();
        while let Some(page) = pages.next_page().await.context("the log cannot be read")? {
            for event in &page.events {
                self.take(event);
                listed.push(Seen::of(event));
            }
        }
        self.events += listed.len() as u64;
        self.compare_watch(&listed).await;
        Ok(())
    }

    fn take(&mut self, event: &v1::Event) {
        let book = &self.ground.book;
        let before = self.read_through.sequence;
        if event.log_id != self.read_through.log_id || event.sequence <= before {
            book.broken(format!("event {} of {} after {before}", event.sequence, event.log_id));
        }
        self.read_through.sequence = event.sequence;
        if let Err(what) = self.replay.take(event) {
            book.broken(what);
        }
        self.effects.take(event);
        if let Some(v1::event::Payload::SessionEnded(ended)) = &event.payload
            && let Some(entry) = &ended.entry
        {
            let text = entry.last_activity.as_ref().map(|activity| &*activity.text);
            let shown = Shown { beats: entry.beats, activity: text, revision: event.revision };
            shown.judge(book, &entry.session_id);
            book.forget_beats(&entry.session_id);
        }
    }

    async fn compare_watch(&self, listed: &[Seen]) {
        let Some(last) = listed.last() else { return };
        let begun = Instant::now();
        while self.watcher.newest() < last.sequence && begun.elapsed() < WATCH_MAX {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let watched = self.watcher.take_through(last.sequence);
        if watched == listed {
            return;
        }
        let at = watched.iter().zip(listed).position(|(watched, listed)| watched != listed);
        let at = at.unwrap_or(watched.len().min(listed.len()));
        self.ground.book.broken(format!(
            "the watch brought {} events and the log holds {}; they part at {:?} and {:?}",
            watched.len(),
            listed.len(),
            watched.get(at),
            listed.get(at)
        ));
    }

    /// Compares states with the log; those that are newer than what was read of it are left.
    async fn compare(&self, workspaces: &[String]) -> anyhow::Result<Vec<String>> {
        let mut read = stream::iter(workspaces)
            .map(|workspace| async move {
                let request =
                    v1::GetProjectionRequest { workspace: workspace.clone(), ..Default::default() };
                let answer = self.client.projection(request).await;
                answer.map(|answer| (workspace, answer.projection.unwrap_or_default()))
            })
            .buffer_unordered(READS);
        let mut left = Vec::new();
        while let Some(answer) = read.next().await {
            let (workspace, shown) = answer.context("a workspace cannot be read")?;
            let as_of = shown.cursor.as_ref().map(|cursor| cursor.sequence).unwrap_or_default();
            if as_of > self.read_through.sequence {
                left.push(workspace.clone());
            } else {
                self.compare_one(workspace, &shown);
            }
        }
        Ok(left)
    }

    fn compare_one(&self, workspace: &str, shown: &v1::Projection) {
        let book = &self.ground.book;
        let floor = book.floor(workspace);
        let state = self.replay.states.get(workspace).cloned().unwrap_or_default();
        for what in state.differs(shown) {
            book.broken(format!("{workspace}: {what}"));
        }
        // A workspace that was deleted has none; what it starts with next is held to the floor.
        if shown.session.is_some() && shown.revision < floor.max(state.revision) {
            book.broken(format!(
                "{workspace} is at revision {}, and {floor} was acknowledged, {} logged",
                shown.revision, state.revision
            ));
        }
        if let Some(session) = &shown.session {
            let text = session.activity.as_ref().map(|activity| &*activity.text);
            let now = Shown { beats: session.beats, activity: text, revision: session.revision };
            now.judge(book, &session.session_id);
        }
    }
}

/// What is stored of a session's beats.
struct Shown<'a> {
    beats: u64,
    activity: Option<&'a str>,
    revision: u64,
}

impl Shown<'_> {
    /// Every beat that was answered is counted, none more than were tried, and the newest text
    /// is not older than the newest that was answered.
    fn judge(&self, book: &Book, session_id: &str) {
        let Some(told) = book.beats(session_id) else { return };
        let (beats, revision) = (self.beats, self.revision);
        if beats < told.answered || revision < told.revision {
            book.broken(format!(
                "{session_id} has {beats} beats at revision {revision}, and was told {told:?}"
            ));
        }
        if told.by_stream {
            return;
        }
        let newest = self.activity.and_then(|text| text.parse::<u64>().ok()).unwrap_or_default();
        if beats > told.tried || newest < told.newest || newest > told.tried {
            book.broken(format!(
                "{session_id} has {beats} beats, the newest is {newest}, and was told {told:?}"
            ));
        }
    }
}
