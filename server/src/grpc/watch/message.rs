//! What a watcher tells, as messages of the contract.

use prost::Message;
use tenure::v1;
use tenure::v1::watch_sessions_response::Update as Sent;
use tenure_core::context::Clock;
use tenure_core::reply::SessionView;
use tenure_core::workspace::Workspace;

use crate::grpc::convert::{event, session};
use crate::store::{Listed, LogId};
use crate::watch::Update;

/// How large a message with sessions grows before the next one is begun. A page of the
/// snapshot whose sessions have long names and many labels becomes several messages.
pub const PAGE_MESSAGE_BYTES: usize = 64 * 1024;

/// The messages of one update, in order; one, except for a large page.
pub(crate) fn of(update: Update, log_id: &LogId, clock: &Clock) -> Vec<v1::WatchSessionsResponse> {
    let sent = match update {
        Update::Progress(sequence) => {
            Sent::Progress(v1::Progress { cursor: Some(cursor(log_id, sequence)) })
        }
        Update::Event(entry) => Sent::Event(Box::new(event::shown(&entry, log_id))),
        Update::Page { rows, sequence, last } => {
            let sessions = rows.into_iter().filter_map(|row| shown(row, clock));
            return pages(sessions, &cursor(log_id, sequence), last);
        }
    };
    vec![v1::WatchSessionsResponse { update: Some(sent) }]
}

/// A place in the log, as it is sent.
pub(crate) fn cursor(log_id: &LogId, sequence: u64) -> v1::Cursor {
    v1::Cursor { log_id: log_id.0.to_string(), sequence }
}

/// A listed row, as it stands at `clock`.
fn shown(row: Listed, clock: &Clock) -> Option<v1::Session> {
    let workspace = Workspace { key: row.key, tenure: row.stored.tenure, surroundings: None };
    SessionView::of(&workspace, clock).map(|view| session::shown(&view, clock))
}

/// Distributes sessions over messages of about [`PAGE_MESSAGE_BYTES`]. At least one message,
/// and only the very last of the snapshot says so.
fn pages(
    sessions: impl Iterator<Item = v1::Session>,
    cursor: &v1::Cursor,
    last: bool,
) -> Vec<v1::WatchSessionsResponse> {
    let mut pages = vec![Vec::new()];
    let mut bytes = 0;
    for session in sessions {
        let size = session.encoded_len();
        if bytes > 0 && bytes + size > PAGE_MESSAGE_BYTES {
            pages.push(Vec::new());
            bytes = 0;
        }
        bytes += size;
        if let Some(page) = pages.last_mut() {
            page.push(session);
        }
    }
    let count = pages.len();
    let message = |(at, sessions)| {
        let last = last && at + 1 == count;
        let page = v1::SnapshotPage { sessions, cursor: Some(cursor.clone()), last };
        v1::WatchSessionsResponse { update: Some(Sent::SnapshotPage(page)) }
    };
    pages.into_iter().enumerate().map(message).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sizes(messages: Vec<v1::WatchSessionsResponse>) -> Vec<(usize, bool)> {
        let size = |message: v1::WatchSessionsResponse| match message.update {
            Some(Sent::SnapshotPage(page)) => (page.sessions.len(), page.last),
            other => panic!("{other:?} is no page"),
        };
        messages.into_iter().map(size).collect()
    }

    fn large(bytes: usize) -> v1::Session {
        v1::Session { workspace: "w".repeat(bytes), ..v1::Session::default() }
    }

    #[test]
    fn an_empty_last_page_is_one_message() {
        let cursor = v1::Cursor::default();
        assert_eq!(sizes(pages(std::iter::empty(), &cursor, true)), [(0, true)]);
    }

    #[test]
    fn large_sessions_are_spread_and_only_the_last_message_is_the_last() {
        let cursor = v1::Cursor { log_id: "log".to_owned(), sequence: 7 };
        let sessions = || std::iter::repeat_n(large(PAGE_MESSAGE_BYTES / 3), 5);
        let messages = pages(sessions(), &cursor, true);
        for message in &messages {
            assert!(message.encoded_len() < PAGE_MESSAGE_BYTES + 1_024);
            let Some(Sent::SnapshotPage(page)) = &message.update else { panic!("a page") };
            assert_eq!(page.cursor.as_ref(), Some(&cursor), "all were read at the same place");
        }
        assert_eq!(sizes(messages), [(2, false), (2, false), (1, true)]);
        assert_eq!(sizes(pages(sessions(), &cursor, false)).last(), Some(&(1, false)));
    }

    #[test]
    fn a_session_larger_than_a_message_goes_alone() {
        let sessions = [large(10), large(PAGE_MESSAGE_BYTES * 2), large(10)];
        let messages = pages(sessions.into_iter(), &v1::Cursor::default(), true);
        assert_eq!(sizes(messages), [(1, false), (1, false), (1, true)]);
    }
}
