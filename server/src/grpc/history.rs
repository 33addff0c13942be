//! `HistoryService`: past events and ended sessions.
//!
//! Must not know: how events are filtered and paged (see [`crate::watch::listing`]).

use std::sync::Arc;

use prost::Message;
use tenure::v1;
use tenure::v1::history_service_server::HistoryService;
use tenure_core::name::SessionId;
use tenure_core::reply::SessionView;
use tenure_core::workspace::Workspace;
use tonic::{Request, Response, Status};

use crate::grpc::convert::list::{key_or_all, page_size, session_id};
use crate::grpc::convert::violation::Violations;
use crate::grpc::convert::{event, ledger, ledger_list, session};
use crate::grpc::page_token::Scope;
use crate::grpc::status;
use crate::grpc::watch::{message, over, request};
use crate::store::{LedgerPage, LogId, Reads, Sequenced};
use crate::watch::listing::{EventListing, EventQuery, Origin, list_events};
use crate::watch::{Cursor, Feed};

/// How large an answer with events grows before the rest is left to the next page.
pub const EVENTS_MESSAGE_BYTES: usize = 1024 * 1024;
/// The same for an answer with ended sessions.
pub const LEDGER_MESSAGE_BYTES: usize = 1024 * 1024;

/// What continues an unbounded listing, in a page token.
const KEPT: u8 = b'k';
/// What continues a listing from a cursor, in a page token.
const AFTER: u8 = b'c';

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct History {
    reads: Arc<dyn Reads>,
    feed: Arc<dyn Feed>,
}

impl History {
    /// The history that `reads` holds, of the log of `feed`.
    #[must_use]
    pub fn new(reads: Arc<dyn Reads>, feed: Arc<dyn Feed>) -> Self {
        Self { reads, feed }
    }
}

#[tonic::async_trait]
impl HistoryService for History {
    async fn list_events(
        &self,
        request: Request<v1::ListEventsRequest>,
    ) -> Result<Response<v1::ListEventsResponse>, Status> {
        let log_id = self.feed.log_id();
        let (query, pages) = parse(request.into_inner(), log_id)
            .map_err(|violations| status::invalid(&violations))?;
        let listing = list_events(&*self.reads, log_id, &query)
            .await
            .map_err(|refused| over::status(&refused, log_id))?;
        Ok(Response::new(pages.answer(listing, log_id)))
    }

    async fn list_ledger(
        &self,
        request: Request<v1::ListLedgerRequest>,
    ) -> Result<Response<v1::ListLedgerResponse>, Status> {
        let (query, scope) = ledger_list::parse(request.into_inner())
            .map_err(|violations| status::invalid(&violations))?;
        let page = self.reads.ledger(query).await.map_err(|error| over::store(&error))?;
        Ok(Response::new(ledger_answer(&page, &scope)))
    }

    async fn get_ledger_entry(
        &self,
        request: Request<v1::GetLedgerEntryRequest>,
    ) -> Result<Response<v1::GetLedgerEntryResponse>, Status> {
        let id = parse_session_id(&request.into_inner())
            .map_err(|violations| status::invalid(&violations))?;
        let failed = |error| over::store(&error);
        let Some(entry) = self.reads.ledger_entry(id).await.map_err(failed)? else {
            return Err(over::no_such_ledger_entry());
        };
        let key = entry.key.clone();
        let stored = self.reads.get(key.clone()).await.map_err(failed)?;
        let clock = self.feed.clock();
        let current = stored.and_then(|stored| {
            SessionView::of(&Workspace { key, tenure: stored.tenure, surroundings: None }, &clock)
        });
        Ok(Response::new(v1::GetLedgerEntryResponse {
            entry: Some(ledger::entry(&entry)),
            current: current.map(|view| session::shown(&view, &clock)),
        }))
    }
}

/// How the pages of one listing of events are continued.
#[derive(Debug)]
struct Pages {
    scope: Scope,
    kind: u8,
}

impl Pages {
    fn answer(&self, listing: EventListing, log_id: &LogId) -> v1::ListEventsResponse {
        let EventListing { events, mut through, mut more } = listing;
        let (sent, left) = fit(&events, log_id);
        if left > 0 {
            through = sent.last().map_or(through, |event| event.sequence);
            more = true;
        }
        let next_page_token = if more {
            let mut position = vec![self.kind];
            position.extend_from_slice(&through.to_be_bytes());
            position.extend_from_slice(log_id.0.as_bytes());
            self.scope.seal(&position)
        } else {
            String::new()
        };
        let cursor = Some(message::cursor(log_id, through));
        v1::ListEventsResponse { events: sent, next_page_token, cursor }
    }
}

/// As many events, from the first, as fit into one answer, and how many are left. One always
/// fits.
fn fit(events: &[Sequenced], log_id: &LogId) -> (Vec<v1::Event>, usize) {
    let mut sent = Vec::with_capacity(events.len());
    let mut bytes = 0;
    for entry in events {
        let shown = event::shown(entry, log_id);
        bytes += shown.encoded_len();
        if bytes > EVENTS_MESSAGE_BYTES && !sent.is_empty() {
            break;
        }
        sent.push(shown);
    }
    let left = events.len() - sent.len();
    (sent, left)
}

/// As much of a page, from its first entry, as fits into one answer. One entry always fits.
fn ledger_answer(page: &LedgerPage, scope: &Scope) -> v1::ListLedgerResponse {
    let mut entries = Vec::with_capacity(page.entries.len());
    let mut next = page.next;
    let mut bytes = 0;
    let mut last = None;
    for (place, sealed) in &page.entries {
        let shown = ledger::entry(sealed);
        bytes += shown.encoded_len();
        if bytes > LEDGER_MESSAGE_BYTES && !entries.is_empty() {
            next = last;
            break;
        }
        entries.push(shown);
        last = Some(*place);
    }
    v1::ListLedgerResponse {
        entries,
        next_page_token: next
            .map_or_else(String::new, |place| ledger_list::token_after(place, scope)),
        totals: page.totals.as_ref().map(ledger_list::totals),
    }
}

fn parse(
    request: v1::ListEventsRequest,
    log_id: &LogId,
) -> Result<(EventQuery, Pages), Violations> {
    let mut violations = Violations::default();
    let scope = scope(&request);
    let key = key_or_all(&request.workspace, &request.profile, &mut violations);
    let limit = page_size(request.page_size, &mut violations);
    let from = request.from.and_then(|from| request::cursor(from, &mut violations));
    let origin = if request.page_token.is_empty() {
        from.map_or_else(|| Origin::Kept { after: beginning(log_id) }, Origin::After)
    } else {
        if from.is_some() {
            violations.add("from", "must be left out together with `page_token`, which continues");
        }
        scope.open(&request.page_token).and_then(|position| origin(&position)).unwrap_or_else(
            || {
                violations.add(
                    "page_token",
                    "is not a token of this list with this filter: start with the first page again",
                );
                Origin::Kept { after: beginning(log_id) }
            },
        )
    };
    let filter = request::filter(request.filter, &mut violations);
    if !violations.is_empty() {
        return Err(violations);
    }
    let kind = if matches!(origin, Origin::After(_)) { AFTER } else { KEPT };
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    Ok((EventQuery { key, filter, origin, limit }, Pages { scope, kind }))
}

/// What the page tokens of a listing belong to: everything but where it stands and how many
/// events a page has.
fn scope(request: &v1::ListEventsRequest) -> Scope {
    let listed = v1::ListEventsRequest {
        workspace: request.workspace.clone(),
        profile: request.profile.clone(),
        filter: request.filter.clone(),
        ..v1::ListEventsRequest::default()
    };
    Scope::new("ListEvents", &listed.encode_to_vec())
}

fn origin(position: &[u8]) -> Option<Origin> {
    let (&kind, rest) = position.split_first()?;
    let (sequence, log_id) = rest.split_first_chunk::<8>()?;
    let log_id = LogId(std::str::from_utf8(log_id).ok()?.into());
    let cursor = Cursor { log_id, sequence: u64::from_be_bytes(*sequence) };
    match kind {
        KEPT => Some(Origin::Kept { after: cursor }),
        AFTER => Some(Origin::After(cursor)),
        _ => None,
    }
}

fn beginning(log_id: &LogId) -> Cursor {
    Cursor { log_id: log_id.clone(), sequence: 0 }
}

fn parse_session_id(request: &v1::GetLedgerEntryRequest) -> Result<SessionId, Violations> {
    let mut violations = Violations::default();
    session_id(&request.session_id, &mut violations).ok_or(violations)
}

#[cfg(test)]
mod tests;
