//! Workspaces as such: registered, deleted, listed.

use std::sync::Arc;

use tenure::v1;
use tenure_core::name::Key;
use tenure_core::reply::Reply;

use super::WorkspaceRpcs;
use crate::access::Caller;
use crate::grpc::carry_out::carry_out;
use crate::grpc::convert::{list, workspaces};
use crate::grpc::filling::Filling;
use crate::grpc::status::Fault;
use crate::store::KnownWorkspace;

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
        let workspaces::Listing { prefix, status, page_size, after, scope } = listing;
        let filling = Filling { after, size: page_size, picks: status.is_some() };
        let read = |after, rows| self.reads.workspaces(prefix.clone(), after, rows);
        let show = |KnownWorkspace { key, stored, open_escalations }| {
            let clock = self.engine.clock();
            let shown = workspaces::info(&key, stored.tenure, open_escalations, &clock);
            Some(shown).filter(|it| status.is_none_or(|wanted| it.status() == wanted))
        };
        let page = filling.fill(read, |row| row.key.clone(), show).await?;
        let next = page.next.map_or_else(String::new, |key| list::token_after(&key, &scope));
        Ok(v1::ListWorkspacesResponse { workspaces: page.rows, next_page_token: next })
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
