//! The task that beats: it moves messages between the book and a stream, opens another
//! stream when one is lost, and decides nothing else.
//!
//! It never waits for an owner or for a slow stream: what cannot be sent stays due in the
//! book, and deadlines are looked at all the while.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::{self, BoxStream, StreamExt, TryStreamExt};
use tokio::sync::{mpsc, watch};
use tokio_stream::wrappers::ReceiverStream;

use super::book::{Book, Health, LeaseId, Leave, View};
use super::clock::{Moment, Timeline};
use super::requests::{Requests, Ticket, Wish};
use crate::pool::{Fault, Route};
use crate::repeat::Backoff;
use crate::v1::lease_service_client::LeaseServiceClient;
use crate::{Client, Error, v1};

/// Messages that wait for the connection to take them.
const OUTGOING_MAX: usize = 8;

/// How often the clocks are compared while leases are held: timers do not count the
/// suspension of the machine, so its end must be noticed by looking.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// The longest wait when there is nothing to do.
const IDLE_MAX: Duration = Duration::from_secs(3_600);

pub(crate) struct Beating {
    client: Client,
    requests: Arc<Requests>,
    timeline: Arc<Timeline>,
    book: Book,
    leases: HashMap<Ticket, LeaseId>,
    publish: HashMap<LeaseId, watch::Sender<View>>,
    stream: Option<Stream>,
    backoff: Backoff,
    reconnect_at: Moment,
}

struct Stream {
    route: Route,
    outgoing: mpsc::Sender<v1::StreamHeartbeatsRequest>,
    incoming: BoxStream<'static, Result<v1::StreamHeartbeatsResponse, tonic::Status>>,
}

/// What the task woke up for.
enum Woken {
    Wishes,
    Received(v1::StreamHeartbeatsResponse),
    StreamEnded(tonic::Status),
    CanSend,
    Time,
}

impl Beating {
    pub(crate) fn new(
        client: Client,
        requests: Arc<Requests>,
        timeline: Arc<Timeline>,
        rng: fastrand::Rng,
    ) -> Self {
        let reconnect_at = timeline.now();
        let backoff = Backoff::new(rng);
        Self {
            client,
            requests,
            timeline,
            book: Book::default(),
            leases: HashMap::new(),
            publish: HashMap::new(),
            stream: None,
            backoff,
            reconnect_at,
        }
    }

    pub(crate) async fn run(mut self) {
        loop {
            let now = self.timeline.now();
            self.take_wishes(now);
            self.keep_stream(now);
            let sent_all = self.send(now);
            self.publish();
            let wait = self.wait(self.timeline.now(), sent_all);
            match self.woken(wait, sent_all).await {
                Woken::Received(response) => {
                    self.backoff.reset();
                    self.book.receive(response, self.timeline.now());
                }
                Woken::StreamEnded(status) => self.stream_ended(&status),
                Woken::Wishes | Woken::CanSend | Woken::Time => {}
            }
        }
    }

    fn take_wishes(&mut self, now: Moment) {
        for (ticket, wish) in self.requests.take() {
            self.take_wish(ticket, wish, now);
        }
    }

    fn take_wish(&mut self, ticket: Ticket, wish: Wish, now: Moment) {
        if let Some(lease) = wish.keep.filter(|_| !wish.leave) {
            let session = (lease.revision, lease.directives);
            let id = self.book.add(lease.identity, lease.basis, lease.timing, session, now);
            self.leases.insert(ticket, id);
            self.publish.insert(id, lease.publish);
        }
        let Some(&id) = self.leases.get(&ticket) else {
            return;
        };
        self.book.say(id, wish.say, now);
        if wish.leave {
            self.book.remove(id);
            self.leases.remove(&ticket);
            self.publish.remove(&id);
        }
    }

    /// Looks at the deadlines, drops a stream that is silent or draining, and opens one
    /// when there are leases.
    fn keep_stream(&mut self, now: Moment) {
        if self.book.tick(now) == Health::Silent && self.stream.is_some() {
            self.drop_stream(Fault::Silent, "the server was silent", now);
        }
        match self.book.leaves_stream(now).filter(|_| self.stream.is_some()) {
            Some(Leave::Draining) => {
                self.reconnect_at = now;
                self.drop_stream(Fault::Failed, "the server is shutting down", now);
            }
            Some(Leave::HandlesSpent) => {
                self.reconnect_at = now;
                self.stream = None;
                self.book.detached(now, "the stream had no handle left".to_owned());
            }
            None => {}
        }
        if self.stream.is_none() && !self.book.is_empty() && self.reconnect_at <= now {
            self.open_stream();
        }
    }

    fn open_stream(&mut self) {
        let route = self.client.pool().route();
        let (outgoing, requests) = mpsc::channel(OUTGOING_MAX);
        let mut service = LeaseServiceClient::new(route.channel.clone())
            .max_decoding_message_size(crate::client::ANSWER_BYTES_MAX);
        // The call is answered when the server likes; messages go out at once.
        let call = async move { service.stream_heartbeats(ReceiverStream::new(requests)).await };
        let incoming = stream::once(call).map_ok(tonic::Response::into_inner).try_flatten().boxed();
        self.stream = Some(Stream { route, outgoing, incoming });
        self.book.attached();
    }

    fn stream_ended(&mut self, status: &tonic::Status) {
        let error = Error::from_status(status, Duration::ZERO);
        tracing::debug!(?error, "the heartbeat stream ended");
        let now = self.timeline.now();
        let drained = self.book.drained_at().map(|at| at.since(now));
        let asked = error.refused().and_then(|refused| refused.retry_after);
        if error.may_be_repeated() {
            self.drop_stream(Fault::Failed, &error.to_string(), now);
        } else {
            // Another endpoint would say the same.
            self.stream = None;
            self.book.detached(now, error.to_string());
        }
        // The server may ask to stay away for a while, but not for longer than the beats can
        // wait.
        let asked = drained.max(asked).unwrap_or_default();
        let spare = self.book.first_beat_at().map_or(Duration::ZERO, |at| at.since(now));
        self.reconnect_at = now.after(self.backoff.next_wait().max(asked.min(spare)));
    }

    fn drop_stream(&mut self, fault: Fault, trouble: &str, now: Moment) {
        if let Some(stream) = self.stream.take() {
            tracing::debug!(?trouble, "the heartbeat stream is given up");
            self.client.pool().report(&stream.route, fault);
        }
        self.book.detached(now, trouble.to_owned());
    }

    /// Sends what is due; answers whether the stream took all of it.
    fn send(&mut self, now: Moment) -> bool {
        let Some(stream) = &self.stream else {
            return true;
        };
        loop {
            let Ok(permit) = stream.outgoing.try_reserve() else {
                // Full, or closed; then the incoming side says why.
                return false;
            };
            match self.book.next_message(now) {
                Some(message) => permit.send(message),
                None => return true,
            }
        }
    }

    fn publish(&mut self) {
        for (id, view) in self.book.take_changed() {
            let lost = view.loss.is_some();
            if let Some(publish) = self.publish.get(&id) {
                publish.send_replace(view);
            }
            if lost {
                self.publish.remove(&id);
            }
        }
    }

    fn wait(&self, now: Moment, sent_all: bool) -> Duration {
        if self.book.is_empty() {
            return IDLE_MAX;
        }
        let with_stream = self.stream.is_some() && sent_all;
        let wake = self.book.wake_at(with_stream).into_iter();
        let reconnect = self.stream.is_none().then_some(self.reconnect_at);
        let until = wake.chain(reconnect).map(|at| at.since(now)).min().unwrap_or(LOOK_EVERY);
        until.min(LOOK_EVERY)
    }

    async fn woken(&mut self, wait: Duration, sent_all: bool) -> Woken {
        let requests = &self.requests;
        let Some(stream) = &mut self.stream else {
            return tokio::select! {
                () = requests.some() => Woken::Wishes,
                () = tokio::time::sleep(wait) => Woken::Time,
            };
        };
        tokio::select! {
            () = requests.some() => Woken::Wishes,
            answer = stream.incoming.next() => match answer {
                Some(Ok(response)) => Woken::Received(response),
                Some(Err(status)) => Woken::StreamEnded(status),
                None => Woken::StreamEnded(tonic::Status::unavailable("the stream ended")),
            },
            Ok(_) = stream.outgoing.reserve(), if !sent_all => Woken::CanSend,
            () = tokio::time::sleep(wait) => Woken::Time,
        }
    }
}
