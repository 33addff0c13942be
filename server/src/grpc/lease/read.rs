//! Reads: one session, or a page of them, from a snapshot of the store and judged by the clock.

use prost::Message;
use tenure::v1;
use tenure_core::context::{Clock, Context};
use tenure_core::name::{EscalationId, Key, SessionId};
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::reply::SessionView;
use tenure_core::session::Revision;
use tenure_core::work_stream::HALF_LIFE_DEFAULT;
use tenure_core::workspace::Workspace;

use super::LeaseRpcs;
use crate::access::Caller;
use crate::grpc::convert::list::{self, LIST_MAX_BYTES, Listing};
use crate::grpc::convert::session;
use crate::grpc::convert::violation::Violations;
use crate::grpc::status::Fault;
use crate::store::{Listed, PAGE_MAX};

/// How many pages of the store one call reads at most. A filter that matches little then gets
/// a short page, or an empty one, with a token to go on with.
const STORE_PAGES_MAX: usize = 10;

impl LeaseRpcs {
    pub(super) async fn get(
        &self,
        caller: &Caller,
        request: v1::GetSessionRequest,
    ) -> Result<v1::GetSessionResponse, Fault> {
        let mut violations = Violations::default();
        let Some(key) = violations.key(&request.workspace, &request.profile) else {
            return Err(Fault::invalid(&violations));
        };
        let stored =
            self.store.get(key.clone()).await.map_err(|error| Fault::unreadable(&error))?;
        let tenure = stored.map(|stored| stored.tenure).unwrap_or_default();
        let workspace = Workspace { key, tenure, surroundings: None };
        let clock = self.engine.clock();
        match SessionView::of(&workspace, &clock) {
            Some(view) => {
                Ok(v1::GetSessionResponse { session: Some(session::shown(&view, &clock)) })
            }
            None => Err(Fault::refused(&no_session(&workspace, caller, clock), &clock)),
        }
    }

    pub(super) async fn list(
        &self,
        request: v1::ListSessionsRequest,
    ) -> Result<v1::ListSessionsResponse, Fault> {
        let listing = list::parse(request).map_err(|violations| Fault::invalid(&violations))?;
        let mut page = Page::new(&listing);
        let mut after = listing.after.clone();
        for _ in 0..STORE_PAGES_MAX {
            let rows = page.rows_to_read(&listing);
            let read = self.store.list(listing.filter.clone(), after, rows).await;
            let read = read.map_err(|error| Fault::unreadable(&error))?;
            let clock = self.engine.clock();
            let mut unread = read.rows.len();
            for row in read.rows {
                if page.is_full() {
                    break;
                }
                unread -= 1;
                page.take(row, &listing, &clock);
            }
            after = if unread > 0 { page.last.clone() } else { read.next };
            if after.is_none() || page.is_full() {
                break;
            }
        }
        let next_page_token =
            after.map_or_else(String::new, |key| list::token_after(&key, &listing.scope));
        Ok(v1::ListSessionsResponse { sessions: page.sessions, next_page_token })
    }
}

/// A page that is being filled.
struct Page {
    sessions: Vec<v1::Session>,
    size: usize,
    bytes: usize,
    /// The last row that was looked at.
    last: Option<Key>,
}

impl Page {
    fn new(listing: &Listing) -> Self {
        let size = usize::try_from(listing.page_size).unwrap_or_default();
        Self { sessions: Vec::new(), size, bytes: 0, last: None }
    }

    fn is_full(&self) -> bool {
        self.sessions.len() >= self.size || self.bytes >= LIST_MAX_BYTES
    }

    /// As many as are missing, where each row read is one; else as many as can be read at once.
    fn rows_to_read(&self, listing: &Listing) -> u32 {
        match listing.stale.or(listing.stalled) {
            None => u32::try_from(self.size - self.sessions.len()).unwrap_or(PAGE_MAX),
            Some(_) => PAGE_MAX,
        }
    }

    fn take(&mut self, row: Listed, listing: &Listing, clock: &Clock) {
        self.last = Some(row.key.clone());
        let workspace = Workspace { key: row.key, tenure: row.stored.tenure, surroundings: None };
        let shown = SessionView::of(&workspace, clock).map(|view| session::shown(&view, clock));
        let is = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        let shown = shown
            .filter(|shown| is(listing.stale, shown.stale) && is(listing.stalled, shown.stalled));
        if let Some(shown) = shown {
            self.bytes += shown.encoded_len();
            self.sessions.push(shown);
        }
    }
}

/// The refusal of a read that found nothing, in the words that commands get.
fn no_session(workspace: &Workspace, caller: &Caller, clock: Clock) -> Refusal {
    let context = Context {
        clock,
        principal: caller.principal.clone(),
        operator: caller.operator,
        address: None,
        // A read mints nothing.
        new_session_id: SessionId::imported(""),
        new_escalation_id: EscalationId::imported(""),
        work_stream_half_life: HALF_LIFE_DEFAULT,
        revision_floor: Revision::default(),
        registration_required: false,
        machine_cordoned: false,
    };
    Refusal::new(Reason::NoSession, workspace, &context)
}
