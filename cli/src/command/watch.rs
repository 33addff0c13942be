//! `tenure watch`: events as they happen, resumed over lost connections.

use std::time::Duration;

use clap::Args;
use tenure::v1::watch_sessions_response::Update;
use tenure::v1::{Cursor, EventFilter, EventType, WatchSessionsRequest};
use tenure::{Error, Reason};

use crate::arguments::Global;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::interrupt::Interrupt;
use crate::output::{event, note};

/// How long to wait before trying again once the attempts of the client are used up.
const RETRY_AFTER: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
Ends on an interrupt, and then says on standard error from where to go on.

Examples:
  tenure watch --prefix acme --type session_started,session_ended
  tenure watch --from log_01J...:4711 -o json";

/// Shows events as they happen.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Watch {
    /// Go on after this place in the event log [default: now]
    #[arg(long, value_name = "LOG_ID:SEQ", value_parser = parse_cursor)]
    from: Option<Cursor>,
    /// Only workspaces under this prefix, by whole segments
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Only sessions owned by this actor
    #[arg(long, value_name = "ACTOR")]
    owner: Option<String>,
    /// Only events of these types, such as session_started; repeat it, or separate by commas
    #[arg(long = "type", value_name = "TYPE", value_delimiter = ',', value_parser = parse_type)]
    types: Vec<EventType>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with; or when it cannot be reached at first.
pub async fn run(watch: Watch, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    let filter = EventFilter {
        prefix: watch.prefix.unwrap_or_default(),
        owner: watch.owner.unwrap_or_default(),
        types: watch.types.into_iter().map(i32::from).collect(),
        ..EventFilter::default()
    };
    let request = WatchSessionsRequest { from: watch.from, snapshot: false, filter: Some(filter) };
    follow(&connection, request, |update| match update {
        Update::Event(event) => output.message(&**event, || event::line(event, output.is_wide())),
        _ => Ok(()),
    })
    .await
}

/// Hands every update to `show` until an interrupt ends it, or nobody reads any more, and says
/// where the log can be taken up again. A connection that is lost later is waited for.
///
/// # Errors
/// What the service refuses with; or when it cannot be reached at first.
pub async fn follow(
    connection: &Connection,
    request: WatchSessionsRequest,
    mut show: impl FnMut(&Update) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let mut interrupt = Interrupt::listen()?;
    let mut watch = connection.client.watch(request);
    let mut away = false;
    let result = loop {
        let message = tokio::select! {
            message = watch.message() => message,
            () = interrupt.came() => break Ok(()),
        };
        match message {
            Ok(message) => {
                if std::mem::take(&mut away) {
                    note("connected again; going on without a gap");
                }
                if let Some(Err(failure)) = message.update.as_ref().map(&mut show) {
                    break Err(failure);
                }
            }
            Err(error) if watch.cursor().is_some() && is_passing(&error) => {
                if !std::mem::replace(&mut away, true) {
                    let why = connection.failure(error);
                    note(&format!("{}; trying again until it is back", why.message()));
                }
                tokio::select! {
                    () = tokio::time::sleep(RETRY_AFTER) => {}
                    () = interrupt.came() => break Ok(()),
                }
            }
            Err(error) => break Err(ended(connection, error)),
        }
    };
    if let Some(Cursor { log_id, sequence }) = watch.cursor() {
        note(&format!("to go on from here: --from {log_id}:{sequence}"));
    }
    result
}

/// Why a watch cannot go on; when its place in the log is gone, how to begin anew.
fn ended(connection: &Connection, error: Error) -> Failure {
    let reason = error.reason();
    let failure = connection.failure(error);
    match reason {
        Some(Reason::LogReplaced | Reason::SequenceCompacted) => failure
            .with_hint("see how things are with: tenure list, then watch again without --from"),
        _ => failure,
    }
}

/// Whether the same watch can go on later.
fn is_passing(error: &Error) -> bool {
    match error {
        Error::Unreachable { .. } | Error::Timeout { .. } => true,
        Error::Refused(refused) => {
            matches!(
                refused.reason,
                Reason::Draining | Reason::StoreUnavailable | Reason::Overloaded
            )
        }
        _ => false,
    }
}

fn parse_cursor(text: &str) -> Result<Cursor, String> {
    let accepted = "expected LOG_ID:SEQ, as `tenure watch` says at its end".to_owned();
    let Some((log_id, sequence)) = text.rsplit_once(':') else { return Err(accepted) };
    match sequence.parse() {
        Ok(sequence) if !log_id.is_empty() => Ok(Cursor { log_id: log_id.to_owned(), sequence }),
        _ => Err(accepted),
    }
}

fn parse_type(text: &str) -> Result<EventType, String> {
    let name = format!("EVENT_TYPE_{}", text.trim().replace('-', "_").to_ascii_uppercase());
    EventType::from_str_name(&name).filter(|known| *known != EventType::Unspecified).ok_or_else(
        || {
            "expected an event type such as session_started, session_ended or transfer_scheduled"
                .to_owned()
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_is_a_log_and_a_sequence() {
        let cursor = Cursor { log_id: "log:1".to_owned(), sequence: 7 };
        assert_eq!(parse_cursor("log:1:7"), Ok(cursor));
        for bad in ["", "7", ":7", "log:", "log:x", "log:-1"] {
            assert!(parse_cursor(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn event_types_are_named_by_their_short_words() {
        assert_eq!(parse_type("session_started"), Ok(EventType::SessionStarted));
        assert_eq!(parse_type("SESSION-ENDED"), Ok(EventType::SessionEnded));
        assert!(parse_type("unspecified").is_err());
        assert!(parse_type("birthday").unwrap_err().contains("session_started"));
    }
}
