//! `tenure ledger`: sessions that have ended, one of them, or what they come to.

mod totals;

use std::time::Duration;

use clap::Args;
use jiff::Timestamp;
use tenure::v1::{
    EndCause, GetLedgerEntryRequest, LedgerEntry, LedgerFilter, ListLedgerRequest,
    ListLedgerResponse,
};

use crate::arguments::Global;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::time::parse_positive_duration;
use crate::output::{Output, ledger, note, words};

/// How many entries a page asks for at most.
const PAGE_SIZE: i32 = 1_000;

const EXAMPLES: &str = "\
Entries are kept for as long as the server's retention says. --since counts by the clock of this
machine. With -o json, --totals prints the totals of all and none of single owners.

Exits with 3 when no ended session has the id of --session, also when it has not ended yet.

Examples:
  tenure ledger acme/api
  tenure ledger --session ses_01J...
  tenure ledger --cause force_taken_over --since 7d
  tenure ledger --prefix acme --since 30d --totals";

/// Shows how sessions ended, the last ended first.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Ledger {
    /// Only this workspace [default: all]
    #[arg(value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// Which of the workspace's independent tenures is meant [default: main]
    #[arg(long, value_name = "PROFILE", requires = "workspace")]
    profile: Option<String>,
    /// Why this session ended, and who holds its workspace now
    #[arg(long, value_name = "ID", conflicts_with_all = [
        "workspace", "since", "totals", "owner", "supervisor", "machine", "prefix", "cause", "limit",
    ])]
    session: Option<String>,
    /// Only sessions that ended within this time, such as 7d
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    since: Option<Duration>,
    /// Add them up, for each owner and in all, instead of listing them
    #[arg(long, conflicts_with = "limit")]
    totals: bool,
    /// Only sessions that this actor owned; interactive means every person
    #[arg(long, value_name = "ACTOR")]
    owner: Option<String>,
    /// Only sessions with this supervisor
    #[arg(long, value_name = "ACTOR")]
    supervisor: Option<String>,
    /// Only sessions on the machine with this id
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// Only workspaces under this prefix, by whole segments
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Only sessions that ended like this, such as taken_over
    #[arg(long, value_name = "CAUSE", value_parser = parse_cause)]
    cause: Option<EndCause>,
    /// At most so many sessions, the last ended
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    limit: u32,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with, such as `NO_SUCH_LEDGER_ENTRY`.
pub async fn run(ledger: Ledger, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    if let Some(session_id) = ledger.session {
        return one(session_id, &connection, output).await;
    }
    let request = ledger.request();
    if ledger.totals {
        return totals::run(request, &connection, output).await;
    }
    list(request, ledger.limit, &connection, output).await
}

impl Ledger {
    fn request(&self) -> ListLedgerRequest {
        let or_empty = |text: &Option<String>| text.clone().unwrap_or_default();
        let filter = LedgerFilter {
            prefix: or_empty(&self.prefix),
            owner: or_empty(&self.owner),
            supervisor: or_empty(&self.supervisor),
            machine: or_empty(&self.machine),
            cause: self.cause.unwrap_or_default().into(),
            ended_since: self.since.map(ago),
            ..LedgerFilter::default()
        };
        ListLedgerRequest {
            workspace: or_empty(&self.workspace),
            profile: or_empty(&self.profile),
            page_size: PAGE_SIZE,
            filter: Some(filter),
            ..ListLedgerRequest::default()
        }
    }
}

async fn one(session_id: String, connection: &Connection, output: Output) -> Result<(), Failure> {
    let request = GetLedgerEntryRequest { session_id };
    let answer = connection.client.ledger_entry(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || ledger::end(&answer, output.is_wide()))
}

async fn list(
    mut request: ListLedgerRequest,
    limit: u32,
    connection: &Connection,
    output: Output,
) -> Result<(), Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    request.page_size = i32::try_from(limit).unwrap_or(PAGE_SIZE).min(PAGE_SIZE);
    let mut pages = connection.client.list_ledger(request);
    let mut progress = Progress::begin();
    let mut entries: Vec<LedgerEntry> = Vec::new();
    let mut more = true;
    while more && entries.len() < limit {
        let page = pages.next_page().await.map_err(|error| connection.failure(error))?;
        let Some(page) = page else { break };
        more = !page.next_page_token.is_empty();
        entries.extend(page.entries);
        progress.tell(entries.len());
    }
    more |= entries.len() > limit;
    entries.truncate(limit);
    if entries.is_empty() {
        note("no ended session is known that fits");
    }
    let answer = ListLedgerResponse { entries, ..ListLedgerResponse::default() };
    output.answer(&answer, || ledger::table(&answer.entries, output))?;
    if more {
        note(&format!("these are the last {limit}; see more with --limit, or less with a filter"));
    }
    Ok(())
}

/// Says from time to time how far a long read has come.
#[derive(Debug)]
struct Progress {
    next: std::time::Instant,
}

impl Progress {
    /// How long nothing is said.
    const EVERY: Duration = Duration::from_secs(2);

    fn begin() -> Self {
        Self { next: std::time::Instant::now() + Self::EVERY }
    }

    fn tell(&mut self, read: usize) {
        let now = std::time::Instant::now();
        if now >= self.next {
            note(&format!("{read} sessions so far"));
            self.next = now + Self::EVERY;
        }
    }
}

/// The instant that lies so far back; the first of all if there is none.
fn ago(back: Duration) -> prost_types::Timestamp {
    let then = Timestamp::now().checked_sub(back).unwrap_or(Timestamp::UNIX_EPOCH);
    prost_types::Timestamp { seconds: then.as_second(), nanos: then.subsec_nanosecond() }
}

fn parse_cause(word: &str) -> Result<EndCause, String> {
    let known = [
        EndCause::Replaced,
        EndCause::Cleared,
        EndCause::Yielded,
        EndCause::TakenOver,
        EndCause::ForceTakenOver,
        EndCause::Superseded,
    ];
    known.into_iter().find(|cause| words::end_cause((*cause).into()) == word).ok_or_else(|| {
        let words = known.map(|cause| words::end_cause(cause.into()));
        format!("expected one of {}", words.join(", "))
    })
}
