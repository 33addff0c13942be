//! Reads: the whole of one workspace, and open escalations, each from one snapshot.

use tenure::v1;
use tenure_core::projection::project;
use tenure_core::workspace::Workspace;

use super::WorkspaceRpcs;
use crate::grpc::convert::{escalation, projection};
use crate::grpc::status::Fault;
use crate::grpc::watch::message;
use crate::store::EscalationFilter;

impl WorkspaceRpcs {
    pub(super) async fn projection(
        &self,
        request: v1::GetProjectionRequest,
    ) -> Result<v1::GetProjectionResponse, Fault> {
        let asked = projection::parse(request).map_err(|violations| Fault::invalid(&violations))?;
        let whole = self.reads.whole(asked.key.clone()).await;
        let whole = whole.map_err(|error| Fault::unreadable(&error))?;
        let workspace = match whole.stored {
            None => Workspace::unknown(asked.key),
            Some(stored) => Workspace {
                key: asked.key,
                tenure: stored.tenure,
                surroundings: stored.surroundings,
            },
        };
        let known: Vec<_> = asked.known.iter().map(|(name, it)| (name.as_str(), *it)).collect();
        let clock = self.engine.clock();
        let standing = project(&workspace, &clock, asked.caller.as_ref(), &known);
        let cursor = message::cursor(self.engine.log_id(), whole.sequence);
        let shown = projection::shown(&workspace, &standing, cursor, &clock);
        // Who waits is kept by the engine and not stored.
        let waiters = self.engine.waiter_count(&workspace.key);
        let projection = Some(v1::Projection { waiters, ..shown });
        Ok(v1::GetProjectionResponse { projection })
    }

    pub(super) async fn escalations(
        &self,
        request: v1::ListEscalationsRequest,
    ) -> Result<v1::ListEscalationsResponse, Fault> {
        let listing =
            escalation::parse_list(request).map_err(|violations| Fault::invalid(&violations))?;
        let escalation::Listing { key, prefix, kind, page_size, after, scope } = listing;
        let filter = EscalationFilter { key, prefix, kind };
        let page = self.reads.escalations(filter, after, page_size).await;
        let page = page.map_err(|error| Fault::unreadable(&error))?;
        Ok(escalation::page(&page.rows, page.next.as_ref(), &scope))
    }
}
