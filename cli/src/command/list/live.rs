//! `tenure list --watch`: a snapshot, kept up to date by events. A terminal shows the whole
//! list anew; anything else gets a line for each change.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use tenure::v1::event::Payload;
use tenure::v1::watch_sessions_response::Update;
use tenure::v1::{
    Event, EventFilter, Session, SnapshotPage, WatchSessionsRequest, WatchSessionsResponse,
};

use super::{List, Times, table};
use crate::command::watch::follow;
use crate::connection::Connection;
use crate::escape::escape;
use crate::failure::Failure;
use crate::output::{Output, session};

/// Moves the cursor home and clears what is below, so that the list is drawn over itself.
const REDRAW: &str = "\u{1b}[H\u{1b}[2J";

type Key = (String, String);

/// Shows the list until interrupted.
pub(super) async fn run(
    list: List,
    connection: &Connection,
    output: Output,
) -> Result<(), Failure> {
    let filter = EventFilter {
        prefix: list.prefix.clone().unwrap_or_default(),
        owner: list.owner.clone().unwrap_or_default(),
        supervisor: list.supervisor.clone().unwrap_or_default(),
        machine: list.machine.clone().unwrap_or_default(),
        types: Vec::new(),
    };
    let request = WatchSessionsRequest { from: None, snapshot: true, filter: Some(filter) };
    let mut shown = Shown { list, output, rows: Rows::default() };
    follow(connection, request, |update| shown.update(update)).await
}

struct Shown {
    list: List,
    output: Output,
    rows: Rows,
}

impl Shown {
    fn update(&mut self, update: &Update) -> Result<(), Failure> {
        let changes = self.rows.apply(update, &self.list);
        if self.output.is_json() {
            if matches!(update, Update::Progress(_)) {
                return Ok(());
            }
            let message = WatchSessionsResponse { update: Some(update.clone()) };
            return self.output.message(&message, String::new);
        }
        // An empty list is shown as such once it is known.
        let whole = matches!(update, Update::SnapshotPage(page) if page.last);
        if self.output.redraws && (whole || !changes.is_empty()) {
            let lines = table(self.rows.stored.values(), Times::Lengths, self.output);
            return self.output.print(&format!("{REDRAW}{lines}"));
        }
        for change in changes {
            self.output.print(&escape(&change))?;
        }
        Ok(())
    }
}

/// The rows, and a snapshot that is still coming in.
#[derive(Debug, Default)]
struct Rows {
    stored: BTreeMap<Key, Session>,
    coming: Option<BTreeMap<Key, Session>>,
}

impl Rows {
    /// Takes an update in, and says what changed, a line each.
    fn apply(&mut self, update: &Update, list: &List) -> Vec<String> {
        match update {
            // Before the last page, progress means that the snapshot begins anew.
            Update::Progress(_) => {
                self.coming = self.coming.take().map(|_| BTreeMap::new());
                Vec::new()
            }
            Update::SnapshotPage(page) => self.page(page, list),
            Update::Event(event) => self.event(event, list).into_iter().collect(),
        }
    }

    fn page(&mut self, page: &SnapshotPage, list: &List) -> Vec<String> {
        let coming = self.coming.get_or_insert_default();
        let selected = page.sessions.iter().filter(|session| list.selects(session));
        coming.extend(selected.map(|session| (key(session), session.clone())));
        if !page.last {
            return Vec::new();
        }
        let fresh = self.coming.take().unwrap_or_default();
        let mut changes: Vec<String> = self
            .stored
            .iter()
            .filter(|(key, _)| !fresh.contains_key(*key))
            .map(|(_, session)| line("gone", session))
            .collect();
        changes.extend(
            fresh
                .iter()
                .filter(|(key, session)| self.stored.get(*key) != Some(*session))
                .map(|(_, session)| line(session::state(session), session)),
        );
        self.stored = fresh;
        changes
    }

    fn event(&mut self, event: &Event, list: &List) -> Option<String> {
        let key = (event.workspace.clone(), event.profile.clone());
        match event.payload.as_ref()? {
            Payload::SessionStarted(started) => self.set(key, started.session.as_ref()?, list),
            Payload::SessionRefreshed(refreshed) => {
                self.set(key, refreshed.session.as_ref()?, list)
            }
            Payload::SessionExpired(expired) => self.set(key, expired.session.as_ref()?, list),
            Payload::StateImported(imported) => self.set(key, imported.session.as_ref()?, list),
            Payload::SessionEnded(_) | Payload::WorkspaceDeleted(_) => self.remove(&key),
            payload => {
                let Entry::Occupied(mut row) = self.stored.entry(key) else { return None };
                let session = row.get_mut();
                match payload {
                    Payload::TransferScheduled(it) => {
                        session.pending_transfer.clone_from(&it.transfer);
                    }
                    Payload::TransferCancelled(_) => session.pending_transfer = None,
                    Payload::ActivityChanged(it) => session.activity.clone_from(&it.activity),
                    Payload::SessionStalled(_) => session.stalled = true,
                    Payload::SessionResumed(_) => session.stalled = false,
                    _ => return None,
                }
                session.revision = session.revision.max(event.revision);
                Some(line(session::state(session), session))
            }
        }
    }

    fn set(&mut self, key: Key, session: &Session, list: &List) -> Option<String> {
        if !list.selects(session) {
            return self.remove(&key);
        }
        self.stored.insert(key, session.clone());
        Some(line(session::state(session), session))
    }

    fn remove(&mut self, key: &Key) -> Option<String> {
        self.stored.remove(key).map(|session| line("gone", &session))
    }
}

fn key(session: &Session) -> Key {
    (session.workspace.clone(), session.profile.clone())
}

fn line(state: &str, session: &Session) -> String {
    let place = session::place(&session.workspace, &session.profile);
    let mut text = format!("{state}  {place}  {}", session::owner(session));
    if let Some(activity) = &session.activity {
        text.push_str(&format!("  {}", activity.text));
    }
    if session.pending_transfer.is_some() {
        text.push_str("  (a transfer is pending)");
    }
    text
}

#[cfg(test)]
mod tests;
