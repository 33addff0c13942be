//! What surrounds a session: handoff, gates, escalations.

use tenure::{Reason, v1};

use super::request_id;
use crate::crash::book::{Kind, Outcome, Told};
use crate::crash::client::{Held, Party};

/// Beyond so many of its own, a client resolves instead of raising.
const ESCALATIONS_MAX: usize = 4;

impl Party {
    pub(super) async fn put_handoff(&mut self, workspace: &str) {
        let marker = self.mark();
        let request = v1::PutHandoffRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            actor_id: self.actor.clone(),
            handoff: Some(v1::Handoff { title: marker.clone(), ..Default::default() }),
            ..Default::default()
        };
        let send =
            |client: tenure::Client, request| async move { client.put_handoff(request).await };
        let told = |answer: &v1::PutHandoffResponse| around(answer.replayed);
        let asked = self.ask((Kind::PutHandoff, workspace, &*marker), request, send, told).await;
        if let Err(outcome) = asked {
            self.unexpected("a handoff", workspace, &outcome);
        }
    }

    pub(super) async fn put_gates(&mut self, workspace: &str, own: bool, held: Held) {
        let marker = self.mark();
        let names = vec![marker.clone(), format!("{marker}-b")];
        let gates = names.iter().map(|name| v1::Gate {
            name: name.clone(),
            state: v1::GateState::Open as i32,
            ..Default::default()
        });
        let request = v1::PutGatesRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            expected_session_id: Some(held.session_id.clone()),
            actor_id: self.actor.clone(),
            gates: gates.collect(),
            ..Default::default()
        };
        let send = |client: tenure::Client, request| async move { client.put_gates(request).await };
        let told = |answer: &v1::PutGatesResponse| around(answer.replayed);
        match self.ask((Kind::PutGates, workspace, &*marker), request, send, told).await {
            Ok(_) => drop(self.held.insert(workspace.to_owned(), Held { gates: names, ..held })),
            Err(outcome) if own => self.unexpected("gates", workspace, &outcome),
            Err(_) => drop(self.held.remove(workspace)),
        }
    }

    pub(super) async fn update_gate(&mut self, workspace: &str, own: bool, held: &Held) {
        let Some(name) = held.gates.first() else { return };
        let marker = self.mark();
        let request = v1::UpdateGateRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            expected_session_id: Some(held.session_id.clone()),
            actor_id: self.actor.clone(),
            name: name.clone(),
            state: v1::GateState::Passed as i32,
            note: Some(marker.clone()),
            ..Default::default()
        };
        let send =
            |client: tenure::Client, request| async move { client.update_gate(request).await };
        let told = |answer: &v1::UpdateGateResponse| around(answer.replayed);
        match self.ask((Kind::UpdateGate, workspace, &*marker), request, send, told).await {
            Ok(_) => {}
            Err(outcome) if own => self.unexpected("a gate", workspace, &outcome),
            Err(_) => drop(self.held.remove(workspace)),
        }
    }

    pub(super) async fn raise(&mut self, workspace: &str, own: bool, mut held: Held) {
        if held.escalations.len() >= ESCALATIONS_MAX {
            return self.resolve(workspace, own, held).await;
        }
        let marker = self.mark();
        let request = v1::RaiseEscalationRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            actor_id: self.actor.clone(),
            // Blocking ones stay when the session is replaced, so that the client knows them.
            kind: v1::EscalationKind::Blocking as i32,
            reason: marker.clone(),
            ..Default::default()
        };
        let send =
            |client: tenure::Client, request| async move { client.raise_escalation(request).await };
        let told = |answer: &v1::RaiseEscalationResponse| around(answer.replayed);
        match self.ask((Kind::RaiseEscalation, workspace, &*marker), request, send, told).await {
            Ok(answer) => {
                held.escalations.extend(answer.escalation.map(|raised| raised.escalation_id));
                self.held.insert(workspace.to_owned(), held);
            }
            // Others, or the client itself before it yielded, have left many open.
            Err(Outcome::Refused(Reason::QuotaExceeded)) => {}
            Err(outcome) => self.unexpected("an escalation", workspace, &outcome),
        }
    }

    pub(super) async fn resolve(&mut self, workspace: &str, own: bool, mut held: Held) {
        let Some(escalation_id) = held.escalations.pop() else { return };
        self.held.insert(workspace.to_owned(), held);
        let marker = self.mark();
        let request = v1::ResolveEscalationRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            actor_id: self.actor.clone(),
            escalation_id,
            reason: marker.clone(),
            ..Default::default()
        };
        let send = |client: tenure::Client, request| async move {
            client.resolve_escalation(request).await
        };
        let told = |answer: &v1::ResolveEscalationResponse| around(answer.replayed);
        let asked =
            self.ask((Kind::ResolveEscalation, workspace, &*marker), request, send, told).await;
        if let (Err(outcome), true) = (asked, own) {
            self.unexpected("the end of an escalation", workspace, &outcome);
        }
    }
}

/// Changes of what surrounds a session have no revision.
fn around(replayed: bool) -> Told {
    Told { replayed, ..Told::default() }
}
