//! `tenure history`: what happened to a workspace, newest last.

use std::collections::VecDeque;

use clap::Args;
use tenure::v1::watch_sessions_response::Update;
use tenure::v1::{
    Cursor, Event, EventFilter, ListEventsRequest, ListEventsResponse, WatchSessionsRequest,
};

use crate::arguments::{Global, Workspace};
use crate::command::watch;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::{Output, event, note};

/// How many events a page asks for.
const PAGE_SIZE: i32 = 1_000;

const EXAMPLES: &str = "\
Example:
  tenure history acme/api --limit 20 --follow";

/// Shows what happened to a workspace, newest last.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct History {
    #[command(flatten)]
    workspace: Workspace,
    /// At most so many events, the newest
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
    /// Go on with events as they happen
    #[arg(short, long)]
    follow: bool,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(history: History, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    let (events, cursor) = newest(&history, &connection).await?;
    if output.is_json() && !history.follow {
        let page = ListEventsResponse { events, next_page_token: String::new(), cursor };
        return output.answer(&page, String::new);
    }
    if events.is_empty() {
        note(&format!("nothing is known of {}", history.workspace.shown()));
    }
    for past in &events {
        show(past, output)?;
    }
    if !history.follow {
        return Ok(());
    }
    let Workspace { workspace, profile } = history.workspace;
    let filter = EventFilter { prefix: workspace.clone(), ..EventFilter::default() };
    let request = WatchSessionsRequest { from: cursor, snapshot: false, filter: Some(filter) };
    watch::follow(&connection, request, |update| match update {
        // The prefix covers other profiles, and what lies below.
        Update::Event(event) if event.workspace == workspace && event.profile == profile => {
            show(event, output)
        }
        _ => Ok(()),
    })
    .await
}

fn show(past: &Event, output: Output) -> Result<(), Failure> {
    output.message(past, || event::line(past, output.is_wide()))
}

/// The newest events, oldest of them first, and the place in the log up to which was read.
async fn newest(
    history: &History,
    connection: &Connection,
) -> Result<(Vec<Event>, Option<Cursor>), Failure> {
    let limit = history.limit as usize;
    let mut pages = connection.client.list_events(ListEventsRequest {
        workspace: history.workspace.workspace.clone(),
        profile: history.workspace.profile.clone(),
        page_size: PAGE_SIZE,
        ..ListEventsRequest::default()
    });
    let mut newest = VecDeque::new();
    let mut cursor = None;
    while let Some(page) = pages.next_page().await.map_err(|e| connection.failure(e))? {
        newest.extend(page.events);
        let surplus = newest.len().saturating_sub(limit);
        newest.drain(..surplus);
        cursor = page.cursor.or(cursor);
    }
    Ok((newest.into(), cursor))
}
