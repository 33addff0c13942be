//! One client: one thing after another, each until it is answered.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use fastrand::Rng;
use tenure::{Client, Error, LeaseHolder, Supervisor};
use tokio::sync::RwLock;

use super::book::{Book, Call, Kind, Outcome, Told};

/// The wait before a call is repeated that got no answer.
const REPEAT_AFTER: Duration = Duration::from_millis(5);

/// A call that gets no answer for so long is a broken promise: the server was never down so
/// long.
pub(super) const ANSWER_MAX: Duration = Duration::from_secs(60);

/// Workspaces that one client has to itself.
const OWN_WORKSPACES: usize = 3;

/// Workspaces that all clients want.
const SHARED_WORKSPACES: usize = 8;

/// A session that the client believes to hold.
#[derive(Debug, Clone)]
pub(super) struct Held {
    pub session_id: String,
    pub escalations: Vec<String>,
    pub gates: Vec<String>,
}

/// What all clients share.
#[derive(Debug)]
pub(super) struct Ground {
    pub book: Book,
    /// Held by a client while it does something, and by the verifier while it looks.
    pub quiet: RwLock<()>,
}

/// One client.
pub(super) struct Party {
    pub number: usize,
    pub actor: String,
    pub client: Client,
    pub ground: Arc<Ground>,
    pub rng: Rng,
    pub held: HashMap<String, Held>,
    /// The stream that it shares with others, and what it holds on that.
    pub supervisor: Supervisor,
    pub streamed: Option<LeaseHolder>,
    calls: u64,
}

impl Party {
    pub(super) fn new(
        number: usize,
        client: Client,
        supervisor: Supervisor,
        ground: Arc<Ground>,
        seed: u64,
    ) -> Self {
        let rng = Rng::with_seed(seed ^ (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let (held, streamed) = (HashMap::new(), None);
        let actor = format!("client-{number}");
        Self { number, actor, client, ground, rng, held, supervisor, streamed, calls: 0 }
    }

    /// Goes on until it is aborted; never within something that has begun, as long as the
    /// verifier has the ground.
    pub(super) async fn go_on(mut self) {
        loop {
            let ground = Arc::clone(&self.ground);
            let _busy = ground.quiet.read().await;
            self.do_something().await;
        }
    }

    /// The text by which the next call's effects are found. Unique in the run.
    pub(super) fn mark(&mut self) -> String {
        self.calls += 1;
        format!("m-{}-{}", self.number, self.calls)
    }

    /// Any workspace, and whether it is the client's own.
    pub(super) fn any_workspace(&mut self) -> (String, bool) {
        let choice = self.rng.usize(0..OWN_WORKSPACES * 3 + 2);
        if choice < OWN_WORKSPACES * 3 {
            (format!("crash/own/{}/{}", self.number, choice / 3), true)
        } else {
            (format!("crash/shared/{}", self.rng.usize(0..SHARED_WORKSPACES)), false)
        }
    }

    /// The workspace that it holds by a stream.
    pub(super) fn streamed_workspace(&self) -> String {
        format!("crash/own/{}/streamed", self.number)
    }

    /// Every workspace that clients write to.
    pub(super) fn workspaces(clients: usize) -> Vec<String> {
        let own = (0..clients).flat_map(|number| {
            let numbered = (0..OWN_WORKSPACES).map(move |at| format!("crash/own/{number}/{at}"));
            numbered.chain([format!("crash/own/{number}/streamed")])
        });
        let shared = (0..SHARED_WORKSPACES).map(|at| format!("crash/shared/{at}"));
        own.chain(shared).collect()
    }

    /// Sends a write until it is answered, always the same, and notes how that went. The answer,
    /// if it was done.
    pub(super) async fn ask<Q, R, F, Fut>(
        &self,
        (kind, workspace, marker): (Kind, &str, &str),
        request: Q,
        send: F,
        told: impl Fn(&R) -> Told,
    ) -> Result<R, Outcome>
    where
        Q: Clone,
        F: Fn(Client, Q) -> Fut,
        Fut: Future<Output = Result<R, Error>>,
    {
        let book = &self.ground.book;
        let floor = book.floor(workspace);
        let begun = Instant::now();
        let mut in_doubt = 0;
        let (outcome, answer) = loop {
            match send(self.client.clone(), request.clone()).await {
                Ok(answer) => break (Outcome::Done(told(&answer)), Some(answer)),
                Err(error) if is_in_doubt(&error) => {
                    in_doubt += 1;
                    if begun.elapsed() > ANSWER_MAX {
                        book.broken(format!("{marker} ({kind:?} of {workspace}): {error}"));
                        break (Outcome::Unanswered, None);
                    }
                    tokio::time::sleep(REPEAT_AFTER).await;
                }
                Err(Error::Refused(refused)) => break (Outcome::Refused(refused.reason), None),
                Err(error) => {
                    book.broken(format!("{marker} ({kind:?} of {workspace}): {error}"));
                    break (Outcome::Unanswered, None);
                }
            }
        };
        if let Outcome::Done(Told { revision: Some(revision), replayed, .. }) = outcome {
            if !replayed && revision <= floor {
                book.broken(format!(
                    "{marker} ({kind:?}) was given revision {revision} of {workspace} after \
                     {floor} had been acknowledged"
                ));
            }
            book.raise_floor(workspace, revision);
        }
        let (workspace, marker) = (workspace.to_owned(), marker.to_owned());
        book.note(Call { kind, workspace, marker, in_doubt, outcome: outcome.clone() });
        answer.ok_or(outcome)
    }

    /// Notes a refusal that nothing but a loss explains.
    pub(super) fn unexpected(&self, what: &str, workspace: &str, outcome: &Outcome) {
        self.ground.book.broken(format!(
            "{what} of {workspace}, which nobody but {} writes to: {outcome:?}",
            self.actor
        ));
    }
}

/// Whether nobody knows what became of the call: it is to be repeated.
pub(super) fn is_in_doubt(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Timeout { .. } => true,
        Error::Refused(refused) => refused.code == tonic::Code::Unavailable,
        // The connection broke in the middle of an answer.
        Error::Protocol { code, .. } => {
            matches!(code, tonic::Code::Internal | tonic::Code::Unknown | tonic::Code::Cancelled)
        }
        _ => false,
    }
}
