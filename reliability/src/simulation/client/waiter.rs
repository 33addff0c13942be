//! One who waits in line, asks again when its call breaks off, and holds what it is granted.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::name::ActorId;
use tenure_core::time::Span;
use tenured::access::Caller;
use tenured::engine::waits::{WaitUpdate, Waiting};
use tenured::engine::{Answer, Failure, Once};
use tokio::time::{Instant, timeout_at};

use super::{Client, requests};

/// Far longer than anybody has to wait.
const LONG_MS: u64 = 300_000;

/// What became of one call to wait.
enum Came {
    Granted(Answer),
    Refused,
    Broken,
}

impl Client {
    /// Waits for one workspace after another, until all is calm.
    pub async fn wait_in_line(mut self) {
        let actor = ActorId::imported(&self.name);
        while !self.is_calm() {
            let key = self.some_workspace();
            let (mark, ttl) = (self.mark(), Span(self.rng.u64(1_000..3_000)));
            let start = requests::start(&mark, &actor, &self.name.clone(), ttl, false);
            let claim_within = Span(self.rng.u64(300..2_000));
            let asks = requests::wait(start, self.rng.bool(), claim_within);
            let once = Once { rpc: "AwaitSession", request_id: Arc::from(&*mark), digest: [9; 32] };
            let caller = Arc::new(Caller::local(None));
            let waiting = Waiting { key, asks, caller, once: Some(once) };
            let is_patient = self.rng.u8(..3) != 0;
            let patience_ms = if is_patient { LONG_MS } else { self.rng.u64(100..4_000) };
            if let Some(answered) = self.until_granted(&waiting, &mark, patience_ms).await
                && let Some(view) = answered.reply.granted()
                && let Some(id) = view.session.id.clone()
                && let Some(held) = self.claim(view.key.clone(), &actor, id).await
            {
                self.work(held).await;
            }
            self.rest(500).await;
        }
    }

    async fn until_granted(
        &mut self,
        waiting: &Waiting,
        mark: &str,
        patience_ms: u64,
    ) -> Option<Answer> {
        let gives_up = Instant::now() + Duration::from_millis(patience_ms);
        while Instant::now() < gives_up {
            let Ok(came) = timeout_at(gives_up, self.one_wait(waiting, mark)).await else { break };
            match came {
                Came::Granted(answer) => return Some(answer),
                Came::Refused => return None,
                Came::Broken => self.rest(200).await,
            }
        }
        if patience_ms == LONG_MS {
            self.place.seen.witness().violate(&format!("{mark} waited for ever"));
        }
        self.place.seen.happened(&format!("{mark} waits no more"), |totals| &mut totals.departed);
        None
    }

    async fn one_wait(&self, waiting: &Waiting, mark: &str) -> Came {
        let sent = Instant::now();
        let Some(mut updates) = self.place.network.open_wait(waiting.clone()).await else {
            return Came::Broken;
        };
        while let Some(update) = updates.recv().await {
            let over = match update {
                Ok(WaitUpdate::Place(_)) => continue,
                Ok(WaitUpdate::Over(over)) => *over,
                Err(failure) => Err(failure),
            };
            return match over {
                Ok(answer) => {
                    let seen = &self.place.seen;
                    seen.happened(&format!("{mark} is granted"), |totals| &mut totals.granted);
                    seen.witness().acknowledged(mark, sent, &answer);
                    Came::Granted(answer)
                }
                Err(Failure::Refused(_)) => Came::Refused,
                Err(_) => Came::Broken,
            };
        }
        Came::Broken
    }
}
