//! Waiting for a workspace until it is granted.

use std::fmt;
use std::time::Duration;

use tonic::Streaming;
use tonic::transport::Channel;

use super::request_id::Repeatable;
use super::resume::{Resume, Source};
use crate::v1::await_session_response::Update;
use crate::v1::lease_service_client::LeaseServiceClient;
use crate::{Client, Error, v1};

/// A place in the queue for a workspace, made by [`Client::await_session`]. Dropping it
/// gives the place up.
pub struct Waiting {
    resume: Resume<Queued>,
}

impl Waiting {
    pub(crate) fn new(client: Client, mut request: v1::AwaitSessionRequest) -> Self {
        request.start = request.start.map(Repeatable::with_request_id);
        Self { resume: Resume::new(client, Queued { request, granted: false }) }
    }

    /// The next message: a position, or the grant, which is the last; absent after it. A
    /// lost connection is resumed with the same `request_id`, so that a grant whose message
    /// was lost is answered again; a place in the queue may be lost with its connection.
    ///
    /// A grant must be claimed soon by a beat; [`Supervisor::adopt`](crate::Supervisor::adopt)
    /// does so. Cancelling loses nothing.
    ///
    /// # Errors
    ///
    /// Refusals that waiting cannot cure; [`Error::Unreachable`] or [`Error::Timeout`] after
    /// the attempts of the client, after which calling again goes on trying.
    pub async fn message(&mut self) -> Result<Option<v1::AwaitSessionResponse>, Error> {
        if self.resume.source.granted {
            return Ok(None);
        }
        self.resume.message().await.map(Some)
    }
}

impl fmt::Debug for Waiting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiting")
            .field("granted", &self.resume.source.granted)
            .finish_non_exhaustive()
    }
}

struct Queued {
    request: v1::AwaitSessionRequest,
    granted: bool,
}

impl Source for Queued {
    type Message = v1::AwaitSessionResponse;

    /// A queue that does not move says nothing; the probes of the connection find out
    /// whether it is dead.
    const SILENCE_MAX: Option<Duration> = None;

    async fn open(
        &self,
        channel: Channel,
    ) -> Result<tonic::Response<Streaming<Self::Message>>, tonic::Status> {
        LeaseServiceClient::new(channel)
            .max_decoding_message_size(super::ANSWER_BYTES_MAX)
            .await_session(self.request.clone())
            .await
    }

    fn saw(&mut self, message: &Self::Message) {
        self.granted = matches!(message.update, Some(Update::Grant(_)));
    }

    fn is_cured_by_resuming(error: &Error) -> bool {
        error.may_be_repeated()
    }
}
