//! What a client does: a mix of everything that writes, most of it beats.

use std::time::Duration;

use tenure::{Reason, v1};

use super::book::{Kind, Outcome, Told};
use super::client::{Held, Party};

mod around;
mod ending;

/// Leases of workspaces that a client has to itself: it never loses one by waiting.
const OWN_TTL: Duration = Duration::from_secs(600);

/// Leases of workspaces that all want: short, so that some expire and are taken over.
const SHARED_TTL: Duration = Duration::from_secs(1);

/// The grace of a forced takeover that has one.
const GRACE: Duration = Duration::from_millis(300);

impl Party {
    /// One thing, until it is answered.
    pub(super) async fn do_something(&mut self) {
        if self.rng.usize(0..10) == 0 {
            return self.beat_by_stream().await;
        }
        let (workspace, own) = self.any_workspace();
        match self.held.get(&workspace).cloned() {
            Some(held) => self.go_on_with(&workspace, own, held).await,
            None if own => self.take_own(&workspace).await,
            None => self.take_shared(&workspace).await,
        }
    }

    /// What a holder does.
    async fn go_on_with(&mut self, workspace: &str, own: bool, held: Held) {
        match self.rng.usize(0..100) {
            0..45 => self.beat(workspace, own, &held).await,
            45..52 => self.start(workspace, own, false).await,
            52..56 => self.start(workspace, own, true).await,
            56..64 => self.put_handoff(workspace).await,
            64..70 => self.put_gates(workspace, own, held).await,
            70..76 => self.update_gate(workspace, own, &held).await,
            76..84 => self.raise(workspace, own, held).await,
            84..90 => self.resolve(workspace, own, held).await,
            90..95 => self.give_up(workspace, own, &held).await,
            95..98 => self.clear(workspace, own, &held).await,
            // Walks away; whoever wants the workspace waits for the lease to expire.
            _ => drop(self.held.remove(workspace)),
        }
    }

    async fn take_own(&mut self, workspace: &str) {
        if self.rng.usize(0..6) == 0 {
            // It may hold a session that the client walked away from.
            return self.delete_if_free(workspace).await;
        }
        self.start(workspace, true, true).await;
    }

    async fn take_shared(&mut self, workspace: &str) {
        match self.rng.usize(0..10) {
            0..5 => self.start(workspace, false, false).await,
            5..8 => self.take_over(workspace).await,
            8 => self.force(workspace, Duration::ZERO).await,
            _ => self.force(workspace, GRACE).await,
        }
    }

    /// Starts, refreshes, replaces, or, with another instance, supersedes.
    async fn start(&mut self, workspace: &str, own: bool, supersede: bool) {
        let marker = self.mark();
        let ttl = if own { OWN_TTL } else { SHARED_TTL };
        let mut holder = self.holder(&marker, ttl);
        holder.instance_id = supersede.then(|| marker.clone());
        let request = v1::StartSessionRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            holder: Some(v1::start_session_request::Holder::Autonomous(holder)),
            supersede,
            ..Default::default()
        };
        let what = (Kind::Start, workspace, &*marker);
        let send = |client: tenure::Client, request| async move { client.start(request).await };
        let told =
            |answer: &v1::StartSessionResponse| granted(answer.session.as_ref(), answer.replayed);
        match self.ask(what, request, send, told).await {
            Ok(answer) => self.hold(workspace, answer.session),
            Err(outcome) if own => self.unexpected("a start", workspace, &outcome),
            Err(_) => drop(self.held.remove(workspace)),
        }
    }

    async fn beat(&mut self, workspace: &str, own: bool, held: &Held) {
        let book = &self.ground.book;
        let floor = book.floor(workspace);
        let number = book.beat_tried(&held.session_id);
        let request = v1::HeartbeatRequest {
            workspace: workspace.to_owned(),
            actor_id: self.actor.clone(),
            session_id: Some(held.session_id.clone()),
            activity: Some(number.to_string()),
            ..Default::default()
        };
        match self.client.heartbeat(request).await {
            Ok(answer) => {
                if answer.revision <= floor {
                    book.broken(format!(
                        "a beat was given revision {} of {workspace} after {floor} had been \
                         acknowledged",
                        answer.revision
                    ));
                }
                book.raise_floor(workspace, answer.revision);
                book.beat_answered(&held.session_id, number, Some(answer.revision));
            }
            Err(error) if super::client::is_in_doubt(&error) => {
                book.beat_answered(&held.session_id, number, None);
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            Err(error) => {
                if own {
                    book.broken(format!("a beat for {workspace} was refused: {error}"));
                }
                self.held.remove(workspace);
            }
        }
    }

    async fn take_over(&mut self, workspace: &str) {
        let marker = self.mark();
        let request = v1::TakeOverSessionRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            successor: Some(v1::take_over_session_request::Successor::Autonomous(
                self.holder(&marker, SHARED_TTL),
            )),
            reason: marker.clone(),
            ..Default::default()
        };
        let what = (Kind::TakeOver, workspace, &*marker);
        let send = |client: tenure::Client, request| async move { client.take_over(request).await };
        let told = |answer: &v1::TakeOverSessionResponse| {
            granted(answer.session.as_ref(), answer.replayed)
        };
        match self.ask(what, request, send, told).await {
            Ok(answer) => self.hold(workspace, answer.session),
            // An own session that has gone stale is started anew, not taken over.
            Err(Outcome::Refused(Reason::TakeoverSameActor)) => {
                self.start(workspace, false, false).await;
            }
            Err(_) => {}
        }
    }

    async fn force(&mut self, workspace: &str, grace: Duration) {
        let asked = v1::GetSessionRequest { workspace: workspace.to_owned(), ..Default::default() };
        let Ok(v1::GetSessionResponse { session: Some(found) }) =
            self.client.get_session(asked).await
        else {
            return;
        };
        let marker = self.mark();
        let request = v1::ForceTakeOverSessionRequest {
            workspace: workspace.to_owned(),
            request_id: request_id(&mut self.rng),
            expected_session_id: Some(found.session_id),
            successor: Some(v1::force_take_over_session_request::Successor::Autonomous(
                self.holder(&marker, SHARED_TTL),
            )),
            reason: marker.clone(),
            grace: prost_types::Duration::try_from(grace).ok(),
            ..Default::default()
        };
        let kind = if grace.is_zero() { Kind::ForceNow } else { Kind::ForceLater };
        let send =
            |client: tenure::Client, request| async move { client.force_take_over(request).await };
        let told = |answer: &v1::ForceTakeOverSessionResponse| match &answer.pending_transfer {
            Some(pending) => Told {
                revision: Some(pending.revision),
                replayed: answer.replayed,
                ..Told::default()
            },
            None => granted(answer.session.as_ref(), answer.replayed),
        };
        if let Ok(answer) = self.ask((kind, workspace, &*marker), request, send, told).await
            && answer.pending_transfer.is_none()
        {
            self.hold(workspace, answer.session);
        }
    }

    fn hold(&mut self, workspace: &str, session: Option<v1::Session>) {
        let Some(session) = session else {
            return self.ground.book.broken(format!("{workspace} was granted without a session"));
        };
        let (session_id, before) = (session.session_id, self.held.remove(workspace));
        let held = match before {
            // A refresh keeps what surrounds the session.
            Some(held) if held.session_id == session_id => held,
            before => Held {
                session_id,
                escalations: before.map(|held| held.escalations).unwrap_or_default(),
                gates: Vec::new(),
            },
        };
        self.held.insert(workspace.to_owned(), held);
    }

    /// The marker is the supervisor, which is shown with the session in the events.
    fn holder(&self, marker: &str, ttl: Duration) -> v1::AutonomousHolder {
        v1::AutonomousHolder {
            actor_id: self.actor.clone(),
            lease_ttl: prost_types::Duration::try_from(ttl).ok(),
            supervisor_id: Some(marker.to_owned()),
            ..Default::default()
        }
    }
}

fn granted(session: Option<&v1::Session>, replayed: bool) -> Told {
    Told {
        session_id: session.map(|session| session.session_id.clone()),
        revision: session.map(|session| session.revision),
        replayed,
        in_vain: false,
    }
}

/// A request id that the seed decides.
pub(super) fn request_id(rng: &mut fastrand::Rng) -> String {
    let (high, low) = (rng.u64(..), rng.u64(..));
    let text = format!("{high:016x}{low:016x}");
    format!("{}-{}-4{}-8{}-{}", &text[..8], &text[8..12], &text[13..16], &text[17..20], &text[20..])
}
