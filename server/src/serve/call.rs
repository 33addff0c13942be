//! One call: what every handler may rely on, and what it need not know.
//!
//! Guarantees: a call that may not stream is answered within its client's deadline and the
//! server's limit, with `DEADLINE_EXCEEDED` if need be; the number of open streams is bounded;
//! a message over the limit is answered as `MESSAGE_TOO_LARGE`; handlers find the peer and a
//! [`Notice`] among the extensions.

use std::sync::Arc;
use std::time::Duration;

use http::{HeaderMap, Request, Response};
use hyper::body::Incoming;
use tonic::body::Body;
use tower::Service;

use super::Shared;
use super::call_body::{self, CallBody, Until};
use super::connection::Load;
use crate::contract::{IMPORT_PATH, Shape};
use crate::drain::Notice;
use crate::grpc::status::serving;
use crate::listen::Peer;

/// How a client says how long it waits.
const TIMEOUT_HEADER: &str = "grpc-timeout";

/// How long streams that do not end themselves go on after the notice, so that the news of it
/// (health: not serving) still reaches the client.
const LINGER: Duration = Duration::from_millis(250);

/// Answers the calls of one connection.
#[derive(Debug, Clone)]
pub(super) struct Calls {
    shared: Arc<Shared>,
    peer: Peer,
    notice: Notice,
    load: Load,
}

impl Calls {
    pub(super) fn new(shared: Arc<Shared>, peer: Peer, notice: Notice, load: Load) -> Self {
        Self { shared, peer, notice, load }
    }

    /// Answers one call.
    pub(super) fn call(
        &self,
        mut request: Request<Incoming>,
    ) -> impl Future<Output = Response<CallBody>> + Send + use<> {
        let shared = self.shared.clone();
        let path = request.uri().path();
        let shape = shared.contract.shape(path);
        let limit_bytes = match path {
            IMPORT_PATH => shared.limits.import_message_bytes,
            _ => shared.limits.message_bytes,
        };
        let streams = shape.is_some_and(Shape::streams);
        let mut held = call_body::Held { _load: self.load.enter(), _stream: None };
        let limit = time_limit(request.headers(), shape, shared.limits.request_time);
        let until = shape.filter(|shape| shape.streams()).map(|shape| self.until(shape));
        self.peer.add_to(request.extensions_mut());
        request.extensions_mut().insert(self.notice.clone());
        async move {
            if streams {
                match shared.streams.clone().try_acquire_owned() {
                    Ok(permit) => held._stream = Some(permit),
                    Err(_) => {
                        let refused = serving::too_many_streams().into_http::<Body>();
                        return refused.map(|body| CallBody::new(body, held, None, limit_bytes));
                    }
                }
            }
            let mut routes = shared.routes.clone();
            let answer = routes.call(request.map(Body::new));
            let response = match limit {
                None => infallible(answer.await),
                Some(limit) => match tokio::time::timeout(limit, answer).await {
                    Ok(response) => infallible(response),
                    Err(_) => serving::deadline_exceeded(limit).into_http(),
                },
            };
            let response = if call_body::is_oversized(response.headers()) {
                serving::message_too_large(limit_bytes).into_http()
            } else {
                response
            };
            response.map(|body| CallBody::new(body, held, until, limit_bytes))
        }
    }

    /// When a stream is ended from outside. Ours end themselves when they are told, and get
    /// half of the drain's time for it; the others are not told.
    fn until(&self, shape: Shape) -> Until {
        if shape.own {
            Until::new(self.shared.drain.notice(), self.shared.drain.allowed() / 2)
        } else {
            Until::new(self.notice.clone(), LINGER.min(self.shared.drain.allowed() / 2))
        }
    }
}

/// How long the call may take until its answer begins. Not limited by the server where the
/// client streams: its first message may come at any time.
fn time_limit(
    headers: &HeaderMap,
    shape: Option<Shape>,
    request_time: Duration,
) -> Option<Duration> {
    let own = client_timeout(headers);
    if shape.is_some_and(|shape| shape.client_streams) {
        return own;
    }
    Some(own.map_or(request_time, |own| own.min(request_time)))
}

/// The client's own limit: at most eight digits and a unit. One that is malformed says nothing.
fn client_timeout(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(TIMEOUT_HEADER)?.to_str().ok()?;
    let (number, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > 8 || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    match unit {
        "H" => Some(Duration::from_secs(number * 3_600)),
        "M" => Some(Duration::from_secs(number * 60)),
        "S" => Some(Duration::from_secs(number)),
        "m" => Some(Duration::from_millis(number)),
        "u" => Some(Duration::from_micros(number)),
        "n" => Some(Duration::from_nanos(number)),
        _ => None,
    }
}

fn infallible<T>(outcome: Result<T, std::convert::Infallible>) -> T {
    match outcome {
        Ok(value) => value,
        Err(never) => match never {},
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNARY: Option<Shape> =
        Some(Shape { client_streams: false, server_streams: false, own: true });
    const BIDI: Option<Shape> =
        Some(Shape { client_streams: true, server_streams: true, own: true });
    const LIMIT: Duration = Duration::from_secs(30);

    fn headers(timeout: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(TIMEOUT_HEADER, timeout.parse().unwrap());
        headers
    }

    #[test]
    fn the_shorter_of_the_clients_and_the_servers_limit_counts() {
        assert_eq!(time_limit(&HeaderMap::new(), UNARY, LIMIT), Some(LIMIT));
        assert_eq!(time_limit(&headers("1S"), UNARY, LIMIT), Some(Duration::from_secs(1)));
        assert_eq!(time_limit(&headers("1H"), UNARY, LIMIT), Some(LIMIT));
        assert_eq!(time_limit(&HeaderMap::new(), None, LIMIT), Some(LIMIT));
    }

    #[test]
    fn streams_of_clients_have_only_their_own_limit() {
        assert_eq!(time_limit(&HeaderMap::new(), BIDI, LIMIT), None);
        assert_eq!(time_limit(&headers("2M"), BIDI, LIMIT), Some(Duration::from_secs(120)));
    }

    #[test]
    fn a_malformed_limit_says_nothing() {
        for text in ["", "S", "1", "1s", "123456789S", "-1S", "+1S", "1.5S", "1 S"] {
            assert_eq!(client_timeout(&headers(text)), None, "{text:?}");
        }
        for (text, nanos) in [("7n", 7), ("7u", 7_000), ("7m", 7_000_000)] {
            assert_eq!(client_timeout(&headers(text)), Some(Duration::from_nanos(nanos)));
        }
    }
}
