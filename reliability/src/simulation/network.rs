//! The network between clients and server: it loses, delays, doubles, reorders and cuts.
//!
//! Guarantees: a call is delivered to whatever server runs then, or to none; what a connection
//! to a server has not delivered when the server is gone is never delivered; a stream keeps its
//! order; all chance comes from the seed.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use fastrand::Rng;
use tenure_core::name::Key;
use tenured::engine::{Answer, Failure, Request};
use tenured::store::{Reads, Stored};
use tokio::sync::mpsc;
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout_at};

use super::pipe::StreamFate;
use super::plan::Weather;
use super::server::{Running, Server};

/// Why a caller has no answer from the rules.
#[derive(Debug)]
pub enum NoAnswer {
    /// The server said that it could not carry it out: nothing was changed.
    Failed(Failure),
    /// Nobody knows what became of it.
    Lost,
}

/// The network, with the server at its other end.
#[derive(Debug)]
pub struct Network {
    /// The server.
    pub server: Server,
    weather: Cell<Weather>,
    rng: RefCell<Rng>,
}

impl Network {
    /// A network in front of `server`.
    #[must_use]
    pub fn new(server: Server, weather: Weather, rng: Rng) -> Rc<Self> {
        Rc::new(Self { server, weather: Cell::new(weather), rng: RefCell::new(rng) })
    }

    /// From now on the weather is fair.
    pub fn calm_down(&self) {
        self.weather.set(Weather::fair());
    }

    /// Sends a call and waits for its answer until `patience` ends. Whether it was delivered
    /// more than once is told, too.
    pub async fn call(
        self: &Rc<Self>,
        request: Request,
        patience: Instant,
    ) -> (Result<Answer, NoAnswer>, bool) {
        let (answers, mut answered) = mpsc::unbounded_channel();
        let doubled = self.chance(self.weather.get().doubles_per_mille);
        for _ in 0..=u8::from(doubled) {
            let (network, request, answers) = (Rc::clone(self), request.clone(), answers.clone());
            spawn_local(async move {
                if let Some(answer) = network.deliver(request).await {
                    // The caller may have given up.
                    let _ = answers.send(answer);
                }
            });
        }
        // One sender stays here: without an answer the caller waits for as long as it will.
        let answer = timeout_at(patience, answered.recv()).await;
        drop(answers);
        (answer.ok().flatten().unwrap_or(Err(NoAnswer::Lost)), doubled)
    }

    /// One delivery; absent if nobody hears of it any more.
    async fn deliver(&self, request: Request) -> Option<Result<Answer, NoAnswer>> {
        self.travel().await?;
        let Some(Running { engine, gone, .. }) = self.server.running() else {
            self.travel().await?;
            return Some(Err(NoAnswer::Lost));
        };
        let answer = tokio::select! {
            biased;
            () = gone.cancelled() => Err(Failure::Stopping),
            answer = engine.execute(request) => answer,
        };
        let answer = match answer {
            // The connection breaks with the server, and says nothing of the call.
            Err(Failure::Stopping) => Err(NoAnswer::Lost),
            Err(failure) => Err(NoAnswer::Failed(failure)),
            Ok(answer) => Ok(answer),
        };
        self.travel().await?;
        if gone.is_cancelled() { Some(Err(NoAnswer::Lost)) } else { Some(answer) }
    }

    /// Reads something of the server that runs; absent if that comes to nothing.
    pub async fn look<T>(&self, read: impl AsyncFnOnce(&Running) -> Option<T>) -> Option<T> {
        self.travel().await?;
        let running = self.server.running()?;
        let seen = tokio::select! {
            biased;
            () = running.gone.cancelled() => None,
            seen = read(&running) => seen,
        };
        self.travel().await?;
        seen
    }

    /// Reads what is stored of a workspace; absent if no answer comes.
    pub async fn stored(&self, key: &Key) -> Option<Option<Stored>> {
        let key = key.clone();
        self.look(async |running| running.store.get(key).await.ok()).await
    }

    /// One way; absent if the message is lost.
    async fn travel(&self) -> Option<()> {
        sleep(self.delay()).await;
        (!self.chance(self.weather.get().loses_per_mille)).then_some(())
    }

    /// How long the next message takes.
    #[must_use]
    pub fn delay(&self) -> Duration {
        self.weather.get().delay_max.mul_f64(self.rng.borrow_mut().f64().powi(3))
    }

    /// What becomes of a stream with the next message on it.
    #[must_use]
    pub fn fate_of_stream(&self) -> StreamFate {
        let Weather { cuts_per_mille, silences_per_mille, .. } = self.weather.get();
        if self.chance(cuts_per_mille) {
            StreamFate::Cut
        } else if self.chance(silences_per_mille) {
            StreamFate::Silent
        } else {
            StreamFate::Goes
        }
    }

    fn chance(&self, per_mille: u32) -> bool {
        self.rng.borrow_mut().u32(0..1_000) < per_mille
    }
}
