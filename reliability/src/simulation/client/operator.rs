//! One who orders others about: forces takeovers and cancels them, clears and supervises, asks
//! what must be answered, sets gates, deletes workspaces, comes as a person, checks old tokens.

use tenure_core::command::Command;
use tenure_core::fence::Fence;
use tenure_core::name::{ActorId, Key};
use tenure_core::reply::Reply;
use tenure_core::session::Session;
use tenure_core::time::Span;
use tenured::store::Reads;

use super::{Client, requests};
use crate::simulation::server::Running;

impl Client {
    /// Does one thing after another, until all is calm.
    pub async fn order_about(mut self) {
        while !self.is_calm() {
            self.rest(1_200).await;
            let key = self.some_workspace();
            let stored = self.place.network.stored(&key).await.flatten();
            let session = stored.and_then(|stored| stored.tenure.session);
            match (self.rng.u8(..10), session) {
                (0..=2, Some(session)) => self.forces(&key, &session).await,
                (3, _) => {
                    let mark = self.mark();
                    let cancel = requests::cancel(&mark);
                    let _ = self.ask(&key, "CancelForcedTakeover", &mark, cancel).await;
                }
                (4, Some(session)) => self.supervises(&key, &session).await,
                (5, _) => self.asks_and_answers(&key).await,
                (6, _) => {
                    let mark = self.mark();
                    let gates = requests::put_gates(&mark);
                    let _ = self.ask(&key, "PutGates", &mark, gates).await;
                }
                (0..=2 | 7, None) => {
                    let mark = self.mark();
                    let _ =
                        self.ask(&key, "DeleteWorkspace", &mark, Command::DeleteWorkspace).await;
                }
                (8, _) => self.comes_in_person(&key).await,
                _ => self.checks_an_old_token().await,
            }
        }
    }

    async fn forces(&mut self, key: &Key, session: &Session) {
        let Some(id) = &session.id else { return };
        let (mark, ttl) = (self.mark(), Span(self.rng.u64(1_000..3_000)));
        let actor = ActorId::imported(&format!("{}-heir", self.name));
        let grace = if self.rng.bool() { Span::ZERO } else { Span(self.rng.u64(1..4_000)) };
        let force = requests::force(&mark, &actor, id, ttl, grace);
        let forced = self.ask(key, "ForceTakeOverSession", &mark, force).await;
        if !matches!(forced, Ok(Some(_))) || self.rng.bool() {
            return;
        }
        // The heir comes into its own by a start, when it may.
        self.rest(2 * grace.0).await;
        let (mark, name) = (self.mark(), self.name.clone());
        let start = Command::Start(requests::start(&mark, &actor, &name, ttl, false));
        if let Ok(Some(answered)) = self.ask(key, "StartSession", &mark, start).await
            && let Some(held) = self.granted(&actor, &answered)
        {
            self.work(held).await;
        }
    }

    /// Ends a session as its supervisor, whom each session names.
    async fn supervises(&mut self, key: &Key, session: &Session) {
        let (Some(supervisor), Some(id)) = (session.supervisor(), &session.id) else { return };
        let mark = self.mark();
        let _ = if self.rng.bool() {
            let clear = requests::clear(&mark, Some(supervisor), Some(id));
            self.ask(key, "ClearSession", &mark, clear).await
        } else {
            let give_up = requests::give_up(&mark, supervisor, id);
            self.ask(key, "YieldSession", &mark, give_up).await
        };
    }

    async fn asks_and_answers(&mut self, key: &Key) {
        let mark = self.mark();
        let raised = self.ask(key, "RaiseEscalation", &mark, requests::raise(&mark)).await;
        let Ok(Some(answered)) = raised else { return };
        let Reply::EscalationRaised(raised) = &answered.answer.reply else { return };
        self.rest(500).await;
        let mark = self.mark();
        let resolve = requests::resolve(&mark, raised.id.clone());
        let _ = self.ask(key, "ResolveEscalation", &mark, resolve).await;
    }

    /// Takes a workspace as a person, and leaves it: nobody else may, for hours.
    async fn comes_in_person(&mut self, key: &Key) {
        let mark = self.mark();
        let started = self.ask(key, "StartSession", &mark, requests::start_interactive()).await;
        if let Err(refusal) = &started
            && refusal.standing.as_ref().is_none_or(|held| held.session.autonomous().is_some())
        {
            return;
        }
        self.rest(1_000).await;
        // Whether it was started is not known if no answer came, so a person looks again.
        while let Some(person) = self.person_in(key).await {
            let mark = self.mark();
            let clear = requests::clear(&mark, None, person.id.as_ref());
            let _ = self.ask(key, "ClearSession", &mark, clear).await;
            self.rest(300).await;
        }
    }

    /// The person's session of a workspace, if there is one: asks until it is answered.
    async fn person_in(&mut self, key: &Key) -> Option<Session> {
        loop {
            if let Some(stored) = self.place.network.stored(key).await {
                let session = stored.and_then(|stored| stored.tenure.session);
                return session.filter(|session| session.autonomous().is_none());
            }
            self.rest(200).await;
        }
    }

    async fn checks_an_old_token(&mut self) {
        let choice = self.rng.usize(..);
        let ended = self.place.seen.witness().some_ended(choice);
        let Some((key, id, token)) = ended else { return };
        let check = async |running: &Running| {
            let stored = running.store.get(key).await.ok()?;
            let tenure = stored.as_ref().map(|stored| &stored.tenure);
            Some(Fence::check(tenure, token, &running.engine.clock()))
        };
        if let Some(fence) = self.place.network.look(check).await {
            self.place.seen.witness().fence_checked(&id, fence);
        }
    }
}
