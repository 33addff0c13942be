//! How a client gives a workspace up: yield, clear, delete.

use tenure::{Reason, v1};

use super::request_id;
use crate::crash::book::{Kind, Outcome, Told};
use crate::crash::client::{Held, Party};

impl Party {
    pub(super) async fn give_up(&mut self, workspace: &str, own: bool, held: &Held) {
        let marker = self.mark();
        let request = v1::YieldSessionRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            expected_session_id: Some(held.session_id.clone()),
            actor_id: self.actor.clone(),
            reason: marker.clone(),
            ..Default::default()
        };
        let send =
            |client: tenure::Client, request| async move { client.yield_session(request).await };
        let told = |answer: &v1::YieldSessionResponse| Told {
            session_id: Some(answer.ended_session_id.clone()),
            revision: Some(answer.revision),
            replayed: answer.replayed,
            in_vain: false,
        };
        let asked = self.ask((Kind::Yield, workspace, &*marker), request, send, told).await;
        if let (Err(outcome), true) = (asked, own) {
            self.unexpected("a yield", workspace, &outcome);
        }
        self.held.remove(workspace);
    }

    pub(super) async fn clear(&mut self, workspace: &str, own: bool, held: &Held) {
        let marker = self.mark();
        let request = v1::ClearSessionRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            expected_session_id: Some(held.session_id.clone()),
            actor_id: self.actor.clone(),
            reason: marker.clone(),
            ..Default::default()
        };
        let send = |client: tenure::Client, request| async move { client.clear(request).await };
        let told = |answer: &v1::ClearSessionResponse| Told {
            session_id: Some(answer.cleared_session_id.clone()),
            revision: None,
            replayed: answer.replayed,
            in_vain: !answer.cleared,
        };
        match self.ask((Kind::Clear, workspace, &*marker), request, send, told).await {
            Ok(answer) => {
                if let Some(revision) = answer.cleared_revision {
                    self.ground.book.raise_floor(workspace, revision);
                }
            }
            Err(outcome) if own => self.unexpected("a clear", workspace, &outcome),
            Err(_) => {}
        }
        self.held.remove(workspace);
    }

    /// Deletes an own workspace, unless a session is stored.
    pub(super) async fn delete_if_free(&mut self, workspace: &str) {
        let marker = self.mark();
        let request = v1::DeleteWorkspaceRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            ..Default::default()
        };
        let send =
            |client: tenure::Client, request| async move { client.delete_workspace(request).await };
        let told = |answer: &v1::DeleteWorkspaceResponse| Told {
            replayed: answer.replayed,
            in_vain: !answer.deleted,
            ..Told::default()
        };
        match self.ask((Kind::Delete, workspace, &*marker), request, send, told).await {
            // What follows starts above the floor, and so above all that was told before.
            Ok(answer) if answer.deleted => {
                let floor = self.ground.book.floor(workspace);
                if answer.revision_floor < floor {
                    self.ground.book.broken(format!(
                        "{workspace} was deleted with floor {} after revision {floor} had been \
                         acknowledged",
                        answer.revision_floor
                    ));
                }
                self.ground.book.raise_floor(workspace, answer.revision_floor);
            }
            Ok(_) | Err(Outcome::Refused(Reason::WorkspaceInUse)) => {}
            Err(outcome) => self.unexpected("a deletion", workspace, &outcome),
        }
    }
}
