//! Workspaces as such: registered, deleted, listed.

use std::sync::Arc;

use tenure::v1;
use tenure_core::name::Key;
use tenure_core::reply::Reply;

use super::WorkspaceRpcs;
use crate::access::Caller;
use crate::grpc::carry_out::carry_out;
use crate::grpc::convert::workspaces;
use crate::grpc::status::Fault;
use crate::store::PAGE_MAX;

/// How many pages of the store one call reads at most. A filter that matches little then gets
/// a short page, or an empty one, with a token to go on with.
const STORE_PAGES_MAX: usize = 10;

impl WorkspaceRpcs {
    pub(super) async fn register(
        &self,
        caller: Arc<Caller>,
        request: v1::RegisterWorkspaceRequest,
    ) -> Result<v1::RegisterWorkspaceResponse, Fault> {
        let parsed = workspaces::parse_register(request)?;
        Fault::unless_operator(&caller)?;
        let key = parsed.key.clone();
        let answer = carry_out(&self.engine, caller, parsed).await?;
        let Reply::Registered(registered) = &answer.reply else {
            return Err(Fault::wrong_kind_of_reply());
        };
        let info = self.info(key).await?;
        Ok(workspaces::registered(registered, info, answer.replayed))
    }

    pub(super) async fn delete(
        &self,
        caller: Arc<Caller>,
        request: v1::DeleteWorkspaceRequest,
    ) -> Result<v1::DeleteWorkspaceResponse, Fault> {
        let parsed = workspaces::parse_delete(request)?;
        Fault::unless_operator(&caller)?;
        let answer = carry_out(&self.engine, caller, parsed).await?;
        match answer.reply {
            Reply::WorkspaceDeleted(deleted) => Ok(workspaces::deleted(deleted, answer.replayed)),
            _ => Err(Fault::wrong_kind_of_reply()),
        }
    }

    pub(super) async fn list(
        &self,
        request: v1::ListWorkspacesRequest,
    ) -> Result<v1::ListWorkspacesResponse, Fault> {
        let listing = workspaces::parse_list(request)?;
        let mut page = workspaces::Page::new(&listing);
        let mut after = listing.after.clone();
        for _ in 0..STORE_PAGES_MAX {
            let rows = if listing.status.is_some() { PAGE_MAX } else { page.missing() };
            let read = self.reads.workspaces(listing.prefix.clone(), after, rows).await;
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
            after = if unread > 0 { page.last().cloned() } else { read.next };
            if after.is_none() || page.is_full() {
                break;
            }
        }
        Ok(page.answer(after.as_ref(), &listing.scope))
    }

    /// A workspace as it stands. One that was deleted in the meantime is shown as nothing.
    async fn info(&self, key: Key) -> Result<v1::WorkspaceInfo, Fault> {
        let whole = self.reads.whole(key.clone()).await;
        let whole = whole.map_err(|error| Fault::unreadable(&error))?;
        let (tenure, around) =
            whole.stored.map(|stored| (stored.tenure, stored.surroundings)).unwrap_or_default();
        let open = around.map_or(0, |around| around.escalations.len());
        let open = u32::try_from(open).unwrap_or(u32::MAX);
        Ok(workspaces::info(&key, tenure, open, &self.engine.clock()))
    }
}
