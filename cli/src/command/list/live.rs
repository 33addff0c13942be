//! `tenure list --watch`: a snapshot, kept up to date by events. A terminal shows the whole
//! list anew; anything else gets a line for each change.

use std::collections::BTreeMap;

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
            let selected = self.rows.stored.values().filter(|session| self.list.selects(session));
            let lines = table(selected, Times::Lengths, self.output);
            return self.output.print(&format!("{REDRAW}{lines}"));
        }
        for change in changes {
            self.output.print(&escape(&change))?;
        }
        Ok(())
    }
}

/// All sessions that were told of, also those that the list does not select now: a later event
/// may say no more than that one of them went stale. And a snapshot that is still coming in.
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
        coming.extend(page.sessions.iter().map(|session| (key(session), session.clone())));
        if !page.last {
            return Vec::new();
        }
        let before = std::mem::take(&mut self.stored);
        self.stored = self.coming.take().unwrap_or_default();
        let mut changes = Vec::new();
        for (key, old) in &before {
            if !self.stored.contains_key(key) {
                changes.extend(change(Some(old), None, list));
            }
        }
        for (key, new) in &self.stored {
            changes.extend(change(before.get(key), Some(new), list));
        }
        changes
    }

    fn event(&mut self, event: &Event, list: &List) -> Option<String> {
        let key = (event.workspace.clone(), event.profile.clone());
        let before = self.stored.get(&key).cloned();
        match after(before.as_ref(), event)? {
            Some(session) => self.stored.insert(key.clone(), session),
            None => self.stored.remove(&key),
        };
        change(before.as_ref(), self.stored.get(&key), list)
    }
}

/// What is stored after an event; `None` when the event is not about the session.
fn after(before: Option<&Session>, event: &Event) -> Option<Option<Session>> {
    let set = |session: &Option<Session>| session.clone().map(Some);
    match event.payload.as_ref()? {
        Payload::SessionStarted(started) => return set(&started.session),
        Payload::SessionRefreshed(refreshed) => return set(&refreshed.session),
        Payload::StateImported(imported) => return set(&imported.session),
        Payload::SessionEnded(_) | Payload::WorkspaceDeleted(_) => return Some(None),
        _ => {}
    }
    let mut session = before?.clone();
    match event.payload.as_ref()? {
        Payload::SessionExpired(_) => session.stale = true,
        Payload::TransferScheduled(it) => session.pending_transfer.clone_from(&it.transfer),
        Payload::TransferCancelled(_) => session.pending_transfer = None,
        Payload::ActivityChanged(it) => session.activity.clone_from(&it.activity),
        Payload::SessionStalled(_) => session.stalled = true,
        Payload::SessionResumed(_) => session.stalled = false,
        _ => return None,
    }
    session.revision = session.revision.max(event.revision);
    Some(Some(session))
}

/// The line that says how a row of the list changed; none where it did not.
fn change(before: Option<&Session>, after: Option<&Session>, list: &List) -> Option<String> {
    let before = before.filter(|session| list.selects(session));
    let after = after.filter(|session| list.selects(session));
    match (before, after) {
        (Some(before), None) => Some(line("gone", before)),
        (before, Some(after)) if before != Some(after) => {
            Some(line(session::standing(after), after))
        }
        _ => None,
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
