//! What ended sessions come to: for each owner, as far as single sessions are read, and in all,
//! as the server adds them up.

use std::collections::BTreeMap;
use std::time::Duration;

use tenure::v1::{LedgerEntry, LedgerTotals, ListLedgerRequest, ListLedgerResponse, Usage};

use super::Progress;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::table::Table;
use crate::output::time::{between, humane};
use crate::output::{Output, ledger, note, words};

/// Of so many sessions, the last ended, the owners are told. The totals are of all.
const OWNERS_OF_SESSIONS_MAX: u64 = 100_000;

/// Adds ended sessions up.
pub(super) async fn run(
    request: ListLedgerRequest,
    connection: &Connection,
    output: Output,
) -> Result<(), Failure> {
    let mut request = ListLedgerRequest { totals: true, ..request };
    if output.is_json() {
        request.page_size = 1;
    }
    let mut pages = connection.client.list_ledger(request);
    let mut totals = LedgerTotals::default();
    let mut owners: BTreeMap<String, Sum> = BTreeMap::new();
    let mut progress = Progress::begin();
    let mut read = 0;
    while let Some(page) = pages.next_page().await.map_err(|error| connection.failure(error))? {
        totals = page.totals.unwrap_or(totals);
        if output.is_json() {
            let answer = ListLedgerResponse { totals: Some(totals), ..Default::default() };
            return output.answer(&answer, String::new);
        }
        for entry in
            page.entries.iter().take(usize::try_from(OWNERS_OF_SESSIONS_MAX - read).unwrap_or(0))
        {
            owners.entry(entry.actor_id.clone()).or_default().add(entry);
            read += 1;
        }
        if read >= OWNERS_OF_SESSIONS_MAX {
            break;
        }
        progress.tell(usize::try_from(read).unwrap_or(usize::MAX));
    }
    output.print(&table(owners, &Sum::of(&totals), output))?;
    if totals.sessions > read {
        let all = totals.sessions;
        note(&format!(
            "the owners are those of the last {read} sessions; the total is of all {all}"
        ));
    }
    Ok(())
}

/// What some sessions come to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Sum {
    sessions: u64,
    beats: u64,
    held: Duration,
    input_tokens: u64,
    output_tokens: u64,
    cost_microunits: u64,
}

impl Sum {
    fn of(totals: &LedgerTotals) -> Self {
        let held = totals.held.and_then(|held| Duration::try_from(held).ok()).unwrap_or_default();
        let sum = Self { sessions: totals.sessions, beats: totals.beats, held, ..Self::default() };
        sum.with_usage(totals.usage.as_ref())
    }

    fn add(&mut self, entry: &LedgerEntry) {
        let ended_at = entry.verdict.as_ref().and_then(|verdict| verdict.at);
        let held = between(entry.started_at, ended_at).unwrap_or_default();
        self.sessions += 1;
        self.beats = self.beats.saturating_add(entry.beats);
        self.held = self.held.saturating_add(held);
        *self = std::mem::take(self).with_usage(entry.usage.as_ref());
    }

    fn with_usage(mut self, usage: Option<&Usage>) -> Self {
        if let Some(usage) = usage {
            self.input_tokens = self.input_tokens.saturating_add(usage.input_tokens);
            self.output_tokens = self.output_tokens.saturating_add(usage.output_tokens);
            self.cost_microunits = self.cost_microunits.saturating_add(usage.cost_microunits);
        }
        self
    }

    fn cells(&self, owner: &str) -> Vec<String> {
        vec![
            owner.to_owned(),
            self.sessions.to_string(),
            self.beats.to_string(),
            humane(self.held),
            self.input_tokens.to_string(),
            self.output_tokens.to_string(),
            ledger::cost(self.cost_microunits),
        ]
    }
}

/// A line for each owner, whoever held longest first, and one for all.
fn table(owners: BTreeMap<String, Sum>, all: &Sum, output: Output) -> String {
    let headers = ["owner", "sessions", "beats", "held", "tokens in", "tokens out", "cost"];
    let mut table = Table::new(output, &headers);
    let mut owners: Vec<(String, Sum)> = owners.into_iter().collect();
    // Stable: equal ones stay in the order of their names.
    owners.sort_by_key(|(_, sum)| std::cmp::Reverse(sum.held));
    for (owner, sum) in &owners {
        table.add(&sum.cells(if owner.is_empty() { words::NONE } else { owner }));
    }
    table.add(&all.cells("in all"));
    table.render()
}
