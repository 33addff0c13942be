//! A server stream that opens again by itself when its connection is lost.
//!
//! What to ask for when opening again is the source's to say; this module only opens,
//! waits, and gives up after a bounded number of failures without a message between them.

use std::time::Duration;

use tonic::Streaming;
use tonic::transport::Channel;

use crate::pool::{Fault, Route};
use crate::repeat::Backoff;
use crate::{Client, Error};

/// What kind of stream it is, and how far it has come.
pub(crate) trait Source: Send {
    /// A message of the stream.
    type Message: Send;

    /// The longest time between two messages of a healthy stream; absent when it may be
    /// silent for ever.
    const SILENCE_MAX: Option<Duration>;

    /// Opens the stream where it left off.
    fn open(
        &self,
        channel: Channel,
    ) -> impl Future<Output = Result<tonic::Response<Streaming<Self::Message>>, tonic::Status>> + Send;

    /// Takes note of a message.
    fn saw(&mut self, message: &Self::Message);

    /// Whether opening again may cure this.
    fn is_cured_by_resuming(error: &Error) -> bool;
}

pub(crate) struct Resume<S: Source> {
    client: Client,
    pub source: S,
    open: Option<Streaming<S::Message>>,
    /// The endpoint that was used last.
    route: Option<Route>,
    failures: u32,
    wait: Duration,
    backoff: Backoff,
}

impl<S: Source> Resume<S> {
    pub(crate) fn new(client: Client, source: S) -> Self {
        let backoff = Backoff::new(fastrand::Rng::new());
        Self { client, source, open: None, route: None, failures: 0, wait: Duration::ZERO, backoff }
    }

    /// The next message. An end of the stream is a failure like any other. It can be
    /// cancelled without losing a message, and called again after an error.
    pub(crate) async fn message(&mut self) -> Result<S::Message, Error> {
        loop {
            match self.attempt().await {
                Ok(message) => {
                    self.failures = 0;
                    self.wait = Duration::ZERO;
                    self.backoff.reset();
                    self.source.saw(&message);
                    return Ok(message);
                }
                Err((error, fault)) => self.failed(error, fault)?,
            }
        }
    }

    async fn attempt(&mut self) -> Result<S::Message, (Error, Fault)> {
        let attempt_timeout = self.client.bounds().attempt_timeout;
        let stream = match &mut self.open {
            Some(open) => open,
            None => {
                tokio::time::sleep(self.wait).await;
                let route = self.route.insert(self.client.pool().route());
                let opening = self.source.open(route.channel.clone());
                match tokio::time::timeout(attempt_timeout, opening).await {
                    Ok(Ok(answer)) => self.open.insert(answer.into_inner()),
                    Ok(Err(status)) => return Err(met(&status)),
                    Err(_) => return Err(silent(attempt_timeout)),
                }
            }
        };
        let next = stream.message();
        let answer = match S::SILENCE_MAX {
            None => next.await,
            Some(bound) => tokio::time::timeout(bound, next).await.map_err(|_| silent(bound))?,
        };
        match answer {
            Ok(Some(message)) => Ok(message),
            Ok(None) => Err(met(&tonic::Status::unavailable("the stream ended"))),
            Err(status) => Err(met(&status)),
        }
    }

    /// Prepares to open again, or gives up with the error.
    fn failed(&mut self, error: Error, fault: Fault) -> Result<(), Error> {
        self.open = None;
        if !S::is_cured_by_resuming(&error) {
            return Err(error);
        }
        if let Some(route) = &self.route {
            self.client.pool().report(route, fault);
        }
        let asked = error.refused().and_then(|refused| refused.retry_after);
        self.wait = self.backoff.next_wait().max(asked.unwrap_or_default());
        self.failures += 1;
        if self.failures >= self.client.bounds().attempts_max {
            self.failures = 0;
            return Err(error);
        }
        tracing::debug!(failures = self.failures, ?error, "the stream is opened again");
        Ok(())
    }
}

fn met(status: &tonic::Status) -> (Error, Fault) {
    (Error::from_status(status, Duration::ZERO), Fault::Failed)
}

fn silent(after: Duration) -> (Error, Fault) {
    (Error::Timeout { after }, Fault::Silent)
}
