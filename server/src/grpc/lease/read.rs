//! Reads: one session, or a page of them, from a snapshot of the store and judged by the clock.

use tenure::v1;
use tenure_core::context::{Clock, Context};
use tenure_core::name::{EscalationId, SessionId};
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::reply::SessionView;
use tenure_core::session::Revision;
use tenure_core::work_stream::HALF_LIFE_DEFAULT;
use tenure_core::workspace::Workspace;

use super::LeaseRpcs;
use crate::access::Caller;
use crate::grpc::convert::list;
use crate::grpc::convert::session;
use crate::grpc::convert::violation::Violations;
use crate::grpc::filling::Filling;
use crate::grpc::status::Fault;
use crate::store::Listed;

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
        let list::Listing { mut filter, stale, stalled, page_size, after, scope } = listing;
        // Few may be stale among many. Once all that is due is recorded, the store finds them,
        // and nearly every row that it gives is taken.
        let is_found = stale == Some(true) && self.engine.record_due().await;
        if is_found {
            filter.expiry_recorded = Some(true);
        }
        let picks = stalled.is_some() || (stale.is_some() && !is_found);
        let filling = Filling { after, size: page_size, picks };
        let read = |after, rows| self.store.list(filter.clone(), after, rows);
        let is = |wanted: Option<bool>, is: bool| wanted.is_none_or(|wanted| wanted == is);
        let show = |Listed { key, stored }| {
            let clock = self.engine.clock();
            let workspace = Workspace { key, tenure: stored.tenure, surroundings: None };
            let shown = SessionView::of(&workspace, &clock).map(|it| session::shown(&it, &clock));
            shown.filter(|shown| is(stale, shown.stale) && is(stalled, shown.stalled))
        };
        let page = filling.fill(read, |row| row.key.clone(), show).await?;
        let next = page.next.map_or_else(String::new, |key| list::token_after(&key, &scope));
        Ok(v1::ListSessionsResponse { sessions: page.rows, next_page_token: next })
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
