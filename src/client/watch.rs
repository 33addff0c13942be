//! Watching sessions: an endless stream that goes on where it left off.
//!
//! The place in the log is kept here, so that after a lost connection no event is missed
//! and none is delivered twice.

use std::fmt;
use std::time::Duration;

use tonic::Streaming;
use tonic::transport::Channel;

use super::resume::{Resume, Source};
use crate::v1::lease_service_client::LeaseServiceClient;
use crate::v1::watch_sessions_response::Update;
use crate::{Client, Error, Reason, v1};

/// The service reports progress every 10 s; past this the connection counts as dead.
const SILENCE_MAX: Duration = Duration::from_secs(30);

/// Events as they happen, made by [`Client::watch`].
pub struct Watch {
    resume: Resume<Place>,
}

impl Watch {
    pub(crate) fn new(client: Client, request: v1::WatchSessionsRequest) -> Self {
        Self { resume: Resume::new(client, Place { request, cursor: None, catching_up: None }) }
    }

    /// The next message; a watch never ends by itself. Lost connections, draining servers
    /// and a lag of this reader are resumed from the last event, without gap or repetition.
    /// When the connection is lost before the events have passed the snapshot's last page,
    /// the snapshot begins anew: a `Progress` and then its first page.
    ///
    /// Cancelling loses nothing.
    ///
    /// # Errors
    ///
    /// `SEQUENCE_COMPACTED` and `LOG_REPLACED`, after which a new watch with a snapshot is
    /// needed; other refusals; and [`Error::Unreachable`] or [`Error::Timeout`] after the
    /// attempts of the client, after which calling again goes on trying.
    pub async fn message(&mut self) -> Result<v1::WatchSessionsResponse, Error> {
        self.resume.message().await
    }

    /// From where the watch would go on; absent before the first message.
    #[must_use]
    pub fn cursor(&self) -> Option<&v1::Cursor> {
        self.resume.source.cursor.as_ref()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch").field("cursor", &self.cursor()).finish_non_exhaustive()
    }
}

/// How far a watch has come.
struct Place {
    request: v1::WatchSessionsRequest,
    cursor: Option<v1::Cursor>,
    /// The cursor of the snapshot's last page. Up to it, the server withholds events that
    /// are older than the page of their row, and only the server knows which.
    catching_up: Option<v1::Cursor>,
}

impl Place {
    fn next_request(&self) -> v1::WatchSessionsRequest {
        if self.request.snapshot {
            return self.request.clone();
        }
        let from = self.cursor.clone().or_else(|| self.request.from.clone());
        v1::WatchSessionsRequest { from, ..self.request.clone() }
    }

    fn reached(&mut self, cursor: v1::Cursor) {
        if self.catching_up.as_ref().is_some_and(|last| cursor.sequence >= last.sequence) {
            self.catching_up = None;
            self.request.snapshot = false;
        }
        self.cursor = Some(cursor);
    }
}

impl Source for Place {
    type Message = v1::WatchSessionsResponse;

    const SILENCE_MAX: Option<Duration> = Some(SILENCE_MAX);

    async fn open(
        &self,
        channel: Channel,
    ) -> Result<tonic::Response<Streaming<Self::Message>>, tonic::Status> {
        LeaseServiceClient::new(channel)
            .max_decoding_message_size(super::ANSWER_BYTES_MAX)
            .watch_sessions(self.next_request())
            .await
    }

    fn saw(&mut self, message: &Self::Message) {
        match &message.update {
            Some(Update::Event(event)) => {
                let (log_id, sequence) = (event.log_id.clone(), event.sequence);
                self.reached(v1::Cursor { log_id, sequence });
            }
            Some(Update::Progress(progress)) => {
                if let Some(cursor) = progress.cursor.clone() {
                    self.reached(cursor);
                }
            }
            Some(Update::SnapshotPage(page)) => {
                self.catching_up = page.cursor.clone().filter(|_| page.last);
                let last = self.catching_up.clone();
                // Nothing was written since the snapshot began, and so nothing is withheld.
                if last.is_some() && last == self.cursor {
                    self.catching_up = None;
                    self.request.snapshot = false;
                }
            }
            None => {}
        }
    }

    fn is_cured_by_resuming(error: &Error) -> bool {
        error.may_be_repeated() || error.reason() == Some(Reason::WatchLagged)
    }
}

#[cfg(test)]
mod tests;
