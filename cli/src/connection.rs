//! The way to the service, and what is said when it says no or is not there.

use std::time::Duration;

use tenure::{Client, ClientOptions, Endpoints, Error, Refused};

use crate::arguments::Global;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::time::humane;
use crate::output::words;
use crate::servers;

/// The most bad fields of a request that are told.
const VIOLATIONS_SHOWN_MAX: usize = 5;

/// A client with the servers that it asks.
#[derive(Debug)]
pub struct Connection {
    /// The client.
    pub client: Client,
    servers: Endpoints,
}

impl Connection {
    /// Prepares a client for the chosen servers; nothing is sent yet.
    ///
    /// # Errors
    /// When the servers cannot be chosen, see [`servers::choose`].
    pub async fn open(global: &Global) -> Result<Self, Failure> {
        let servers = servers::choose(global)?;
        let mut options = ClientOptions::default();
        options.call_timeout = global.timeout;
        options.attempt_timeout = global.timeout.min(options.attempt_timeout);
        options.connect_timeout = global.timeout.min(options.connect_timeout);
        let client = Client::connect_with(servers.clone(), options)
            .await
            .map_err(|error| Failure::usage(error.to_string()))?;
        Ok(Self { client, servers })
    }

    /// The servers, as people read them.
    #[must_use]
    pub fn shown(&self) -> String {
        let all: Vec<&str> = self.servers.as_slice().iter().map(tenure::Endpoint::as_str).collect();
        all.join(", ")
    }

    /// What is said about a call that did not succeed.
    #[must_use]
    pub fn failure(&self, error: Error) -> Failure {
        match error {
            Error::Refused(refused) => refusal(&refused),
            Error::Unreachable { message, .. } => Failure::new(
                Exit::Unavailable,
                format!("cannot reach {}: {message}", self.shown()),
            )
            .with_hint(
                "start a server there with tenured, or name the right address with --server",
            ),
            Error::Timeout { after } => {
                let after = humane(after.max(Duration::from_millis(1)));
                Failure::new(
                    Exit::Unavailable,
                    format!("no answer from {} within {after}", self.shown()),
                )
                .with_hint("check the server, or wait longer with --timeout")
            }
            Error::Protocol { code: tonic::Code::Unimplemented, .. } => {
                let text = format!("{} does not know how to do this", self.shown());
                Failure::new(Exit::Failure, text)
                    .with_reason("Unimplemented")
                    .with_hint("it may be an older server, or none of this service")
            }
            Error::Protocol { code, message } => {
                let text = format!("{} gave an unexpected answer: {message}", self.shown());
                Failure::new(Exit::of_code(code), text)
                    .with_reason(format!("{code:?}"))
                    .with_hint("something else than tenured may listen there, see --server")
            }
            error => Failure::usage(error.to_string()),
        }
    }
}

/// What is said about a refusal.
#[must_use]
pub fn refusal(refused: &Refused) -> Failure {
    let message = message(refused);
    let known = words::reason(refused.reason);
    let (exit, name) = match refused.reason {
        // A newer server may have reasons that this client does not know.
        tenure::Reason::Unspecified => (Exit::of_code(refused.code), refused.reason_name.as_str()),
        reason => (Exit::of_reason(reason), known),
    };
    let mut hint = refused.refusal.hint.clone();
    if let Some(wait) = refused.retry_after {
        let again = format!("try again in {}", humane(wait));
        hint = if hint.is_empty() { again } else { format!("{hint}; {again}") };
    }
    Failure::new(exit, message).with_reason(name).with_hint(hint)
}

/// The message; where bad fields came with it, they are told in full instead of by name alone.
fn message(refused: &Refused) -> String {
    let bad = &refused.violations;
    let shown = bad.iter().take(VIOLATIONS_SHOWN_MAX);
    let told: Vec<String> = shown.map(|it| format!("{}: {}", it.field, it.description)).collect();
    let names: Vec<&str> = bad.iter().map(|it| it.field.as_str()).collect();
    let summary = refused.message.strip_suffix(&names.join(", ")).unwrap_or(&refused.message);
    let further = bad.len().saturating_sub(told.len());
    let further = if further > 0 { format!("; and {further} more") } else { String::new() };
    match (told.is_empty(), summary.trim_end_matches([' ', ':'])) {
        (true, _) => refused.message.clone(),
        (false, "") => format!("{}{further}", told.join("; ")),
        (false, summary) => format!("{summary}: {}{further}", told.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use tenure::v1::{ErrorReason, FieldViolation, Refusal};

    use super::*;

    fn refused(reason: ErrorReason, name: &str) -> Refused {
        Refused {
            reason,
            reason_name: name.to_owned(),
            code: tonic::Code::FailedPrecondition,
            message: "workspace acme/api is held by \"w\u{1b}1\"".to_owned(),
            refusal: Refusal { hint: "wait until it ends".to_owned(), ..Refusal::default() },
            retry_after: Some(Duration::from_secs(7)),
            violations: Vec::new(),
        }
    }

    #[test]
    fn a_refusal_is_told_with_reason_and_hint() {
        let failure = refusal(&refused(ErrorReason::LeaseHeld, "LEASE_HELD"));
        let expected = "error: workspace acme/api is held by \"w\\u{1b}1\" [LEASE_HELD]\n\
                        hint: wait until it ends; try again in 7s";
        assert_eq!((failure.to_string().as_str(), failure.exit().code()), (expected, 4));
    }

    #[test]
    fn a_reason_of_a_newer_server_is_told_by_its_name_and_ends_by_its_code() {
        let mut newer = refused(ErrorReason::Unspecified, "BRAND_NEW");
        newer.code = tonic::Code::PermissionDenied;
        let failure = refusal(&newer);
        assert!(failure.to_string().contains("[BRAND_NEW]"), "{failure}");
        assert_eq!(failure.exit().code(), 7);
    }

    #[test]
    fn bad_fields_are_told_once_on_one_line() {
        let field = |name: &str, why: &str| FieldViolation {
            field: name.to_owned(),
            description: why.to_owned(),
        };
        let mut bad = refused(ErrorReason::InvalidArgument, "INVALID_ARGUMENT");
        bad.message = "the request is malformed: workspace, mode".to_owned();
        bad.refusal.hint = String::new();
        bad.retry_after = None;
        bad.violations = vec![field("workspace", "must not be empty\n"), field("mode", "unknown")];
        let failure = refusal(&bad);
        let expected = "error: the request is malformed: workspace: must not be empty\\n; \
                        mode: unknown [INVALID_ARGUMENT]";
        assert_eq!((failure.to_string().as_str(), failure.exit().code()), (expected, 2));

        bad.violations = vec![field("f", "bad"); VIOLATIONS_SHOWN_MAX + 2];
        let failure = refusal(&bad).to_string();
        assert!(failure.contains("f: bad; and 2 more"), "{failure}");
    }
}
