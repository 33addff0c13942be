//! Sends any bytes as the body of a call, and hears what comes back.
//!
//! Guarantees: nothing of what is sent is checked or repaired on the way; an answer is read up
//! to a bound, and whoever does not answer in time is told of.
//!
//! Must not know: what the bytes are.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use http_body::{Body as _, Frame};
use tonic::body::Body;
use tonic::transport::Channel;
use tonic::{Code, Status};
use tower::Service as _;

/// Whoever has not begun to answer by then hangs.
pub const ANSWER_MAX: Duration = Duration::from_secs(30);
/// How long a stream that the server keeps open is listened to.
const LISTEN: Duration = Duration::from_millis(15);
/// How much of an answer is read.
const READ_MAX: usize = 4 << 20;

/// What came back.
#[derive(Debug)]
pub enum Heard {
    /// The call has ended so.
    Ended(Status),
    /// The server goes on with its stream; the client has left.
    GoesOn,
}

/// Calls the method at `path` with `body`, whose end is seen by the server unless it `stays_open`.
///
/// # Errors
/// If there is no answer in time, or something that is no gRPC answer.
pub async fn call(
    channel: &Channel,
    path: &str,
    body: Vec<u8>,
    stays_open: bool,
) -> anyhow::Result<Heard> {
    let request = http::Request::builder()
        .method(http::Method::POST)
        .uri(path)
        .header(http::header::CONTENT_TYPE, "application/grpc")
        .header(http::header::TE, "trailers")
        .body(Body::new(Sent { bytes: Some(body.into()), stays_open }))
        .context("a request")?;
    let mut channel = channel.clone();
    let answer = async {
        poll_fn(|context| channel.poll_ready(context)).await?;
        channel.call(request).await
    };
    let limit = if stays_open { LISTEN } else { ANSWER_MAX };
    let answer = match tokio::time::timeout(limit, answer).await {
        Err(_) if stays_open => return Ok(Heard::GoesOn),
        answer => answer.with_context(|| format!("{path} does not answer"))?,
    };
    let (head, mut body) = answer.context("the connection")?.into_parts();
    anyhow::ensure!(head.status == http::StatusCode::OK, "{path} answers HTTP {}", head.status);
    if let Some(status) = Status::from_header_map(&head.headers) {
        return Ok(Heard::Ended(status));
    }
    let mut read = 0;
    loop {
        let frame = poll_fn(|context| Pin::new(&mut body).poll_frame(context));
        let Ok(frame) = tokio::time::timeout(LISTEN.max(limit / 600), frame).await else {
            return Ok(Heard::GoesOn);
        };
        match frame {
            None => anyhow::bail!("{path} ends without a status"),
            Some(Err(status)) => return Ok(Heard::Ended(status)),
            Some(Ok(frame)) => {
                if let Some(trailers) = frame.trailers_ref() {
                    let status = Status::from_header_map(trailers);
                    return status.map(Heard::Ended).context("trailers without a status");
                }
                read += frame.data_ref().map_or(0, Bytes::len);
                if read > READ_MAX {
                    return Ok(Heard::Ended(Status::new(Code::Ok, "much")));
                }
            }
        }
    }
}

/// A body that is sent as it is.
struct Sent {
    bytes: Option<Bytes>,
    stays_open: bool,
}

impl http_body::Body for Sent {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut TaskContext<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        match self.bytes.take() {
            Some(bytes) => Poll::Ready(Some(Ok(Frame::data(bytes)))),
            // Nobody wakes it: the call ends when it is dropped.
            None if self.stays_open => Poll::Pending,
            None => Poll::Ready(None),
        }
    }
}

/// A message as gRPC frames it.
#[must_use]
pub fn framed(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).unwrap_or(u32::MAX);
    let mut framed = vec![0];
    framed.extend(length.to_be_bytes());
    framed.extend(message);
    framed
}

/// The messages of a body, if it is framed as it should be and nothing is compressed.
#[must_use]
pub fn unframed(mut body: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    while !body.is_empty() {
        let (head, rest) = body.split_at_checked(5)?;
        let length = u32::from_be_bytes(head[1..].try_into().ok()?);
        let (message, rest) = rest.split_at_checked(usize::try_from(length).ok()?)?;
        if head[0] != 0 {
            return None;
        }
        messages.push(message);
        body = rest;
    }
    Some(messages)
}
