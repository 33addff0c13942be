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
            Error::Unreachable { message, .. } => {
                Failure::new(Exit::Unavailable, format!("cannot reach {}: {message}", self.shown()))
                    .with_hint("start a server there with tenured, or name another with --server")
            }
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
                Failure::new(Exit::of_code(code), text).with_reason(format!("{code:?}"))
            }
            error => Failure::usage(error.to_string()),
        }
    }
}

/// What is said about a refusal.
#[must_use]
pub fn refusal(refused: &Refused) -> Failure {
    let mut message = refused.message.clone();
    for violation in refused.violations.iter().take(VIOLATIONS_SHOWN_MAX) {
        let told = format!("{}: {}", violation.field, violation.description);
        if !message.contains(&told) {
            message.push_str(&format!("; {told}"));
        }
    }
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
    fn bad_fields_are_told_on_the_same_line() {
        let mut bad = refused(ErrorReason::InvalidArgument, "INVALID_ARGUMENT");
        bad.refusal.hint = String::new();
        bad.retry_after = None;
        bad.violations = vec![FieldViolation {
            field: "workspace".to_owned(),
            description: "must not be empty\n".to_owned(),
        }];
        let failure = refusal(&bad);
        assert_eq!((failure.to_string().lines().count(), failure.exit().code()), (1, 2));
        assert!(failure.to_string().contains("workspace: must not be empty"), "{failure}");
    }
}
