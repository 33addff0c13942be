//! Beats on heartbeat streams that several clients share, by the real holder.

use std::time::{Duration, Instant};

use tenure::{LeaseHolder, v1};

use super::book::{Kind, Told};
use super::client::{ANSWER_MAX, Party};
use super::operations::request_id;

/// How often an answer is looked for.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// Long enough that no lease is lost while the server is down.
const TTL: Duration = Duration::from_secs(600);

impl Party {
    /// Has the stream carry one more beat, and waits until it is answered.
    pub(super) async fn beat_by_stream(&mut self) {
        if self.streamed.is_none() {
            self.streamed = self.start_by_stream().await;
        }
        let Some(holder) = &self.streamed else { return };
        let book = &self.ground.book;
        let workspace = &holder.session().workspace;
        let before = holder.revision();
        let begun = Instant::now();
        // Says that a beat should go out soon; the text does not matter.
        let said = holder.set_activity(&format!("after {before}"));
        while holder.revision() <= before {
            if let Some(loss) = holder.loss() {
                book.broken(format!("the stream lost {workspace}: {loss:?}"));
                self.streamed = None;
                return;
            }
            if said.is_err() || begun.elapsed() > ANSWER_MAX {
                book.broken(format!("the stream did not renew {workspace}: {said:?}"));
                return;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        let revision = holder.revision();
        book.raise_floor(workspace, revision);
        book.stream_answered(holder.session_id(), revision);
    }

    async fn start_by_stream(&mut self) -> Option<LeaseHolder> {
        let workspace = self.streamed_workspace();
        let marker = self.mark();
        let holder = v1::AutonomousHolder {
            actor_id: self.actor.clone(),
            lease_ttl: prost_types::Duration::try_from(TTL).ok(),
            supervisor_id: Some(marker.clone()),
            ..Default::default()
        };
        let request = v1::StartSessionRequest {
            workspace: workspace.clone(),
            request_id: request_id(&mut self.rng),
            holder: Some(v1::start_session_request::Holder::Autonomous(holder)),
            ..Default::default()
        };
        let send = |client: tenure::Client, request| async move { client.start(request).await };
        let told = |answer: &v1::StartSessionResponse| Told {
            session_id: answer.session.as_ref().map(|session| session.session_id.clone()),
            revision: answer.session.as_ref().map(|session| session.revision),
            replayed: answer.replayed,
            in_vain: false,
        };
        let asked = self.ask((Kind::Start, &workspace, &marker), request, send, told).await;
        let session = match asked {
            Ok(answer) => answer.session?,
            Err(outcome) => {
                self.unexpected("a start", &workspace, &outcome);
                return None;
            }
        };
        let begun = Instant::now();
        loop {
            match self.supervisor.adopt(session.clone()).await {
                Ok(holder) => return Some(holder),
                Err(error) if begun.elapsed() > ANSWER_MAX => {
                    self.ground.book.broken(format!("{workspace} was not adopted: {error}"));
                    return None;
                }
                Err(error) if super::client::is_in_doubt(&error) => {}
                Err(error) => {
                    self.ground.book.broken(format!("{workspace} was not adopted: {error}"));
                    return None;
                }
            }
        }
    }
}
