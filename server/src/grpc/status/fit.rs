//! The details of a status, and their size.
//!
//! A status travels in headers, and headers over their limit destroy the whole answer: the
//! caller then sees a protocol error in place of the refusal. So what is large and can be read
//! elsewhere is dropped until the rest fits, the least useful first. The reason, and when to
//! try again, are never dropped.

use prost::Message;
use prost_types::Any;
use tenure::v1;
use tonic_types::pb;

use super::Fault;
use super::code::{DOMAIN, name};
use crate::grpc::convert::time::duration;

/// The most bytes of message and details, as they travel.
pub const STATUS_MAX_BYTES: usize = 4_096;
/// What is left for the names of the headers and the code.
const HEADER_NAMES_BYTES: usize = 64;
/// To how many bytes a message is shortened that nothing before it could make fit.
const SHORT_MESSAGE_BYTES: usize = 400;
const TYPE_URL_PREFIX: &str = "type.googleapis.com/";

/// Parts in the order in which they are dropped. Each says whether it had anything to drop.
const DROPS: [fn(&mut Fault) -> bool; 12] = [
    |fault| successor(fault).and_then(|next| next.machine.take()).is_some(),
    |fault| transfer(fault).is_some_and(|pending| clear(&mut pending.reason)),
    |fault| verdict(fault).is_some_and(|verdict| clear(&mut verdict.reason)),
    |fault| successor(fault).is_some_and(|next| clear(&mut next.instance_id)),
    |fault| successor(fault).is_some_and(|next| clear(&mut next.supervisor_id)),
    |fault| fault.refusal.pending_transfer.take().is_some(),
    |fault| clear(&mut fault.refusal.hint),
    |fault| verdict(fault).is_some_and(|verdict| clear(&mut verdict.prior_actor_id)),
    |fault| fault.refusal.verdict.take().is_some(),
    |fault| clear(&mut fault.refusal.holder_actor_id),
    shorten_message,
    |fault| fault.violations.pop().is_some(),
];

/// Drops parts of `fault` until it fits.
pub(super) fn shrink(fault: &mut Fault) {
    let mut drops = DROPS.iter().peekable();
    while !fits(fault) {
        // Violations go one by one, so each kind of part is dropped until it has gone.
        match drops.peek() {
            Some(drop) if drop(fault) => {}
            Some(_) => drop(drops.next()),
            None => return,
        }
    }
}

/// The encoded `google.rpc.Status`, which holds the details.
pub(super) fn details(fault: &Fault) -> Vec<u8> {
    let status = pb::Status {
        code: fault.code.into(),
        message: fault.message.clone(),
        details: parts(fault),
    };
    status.encode_to_vec()
}

fn parts(fault: &Fault) -> Vec<Any> {
    let reason = fault.reason();
    if reason == v1::ErrorReason::Unspecified {
        return Vec::new();
    }
    let refusal = &fault.refusal;
    let mut metadata = std::collections::HashMap::new();
    if !refusal.workspace.is_empty() {
        metadata.insert("workspace".to_owned(), refusal.workspace.clone());
        metadata.insert("profile".to_owned(), refusal.profile.clone());
    }
    let info =
        pb::ErrorInfo { reason: name(reason).to_owned(), domain: DOMAIN.to_owned(), metadata };
    let mut parts = vec![any("google.rpc.ErrorInfo", &info), any("tenure.v1.Refusal", &**refusal)];
    if !fault.violations.is_empty() {
        let field_violations = fault.violations.iter().map(bad_field).collect();
        parts.push(any("google.rpc.BadRequest", &pb::BadRequest { field_violations }));
    }
    if let Some(after) = fault.retry_after {
        let retry = pb::RetryInfo { retry_delay: Some(duration(after)) };
        parts.push(any("google.rpc.RetryInfo", &retry));
    }
    if fault.code == tonic::Code::FailedPrecondition {
        let violation = pb::precondition_failure::Violation {
            r#type: name(reason).to_owned(),
            subject: refusal.workspace.clone(),
            description: String::new(),
        };
        let failure = pb::PreconditionFailure { violations: vec![violation] };
        parts.push(any("google.rpc.PreconditionFailure", &failure));
    }
    parts
}

fn any(name: &str, message: &impl Message) -> Any {
    Any { type_url: format!("{TYPE_URL_PREFIX}{name}"), value: message.encode_to_vec() }
}

fn bad_field(violation: &v1::FieldViolation) -> pb::bad_request::FieldViolation {
    pb::bad_request::FieldViolation {
        field: violation.field.clone(),
        description: violation.description.clone(),
        ..Default::default()
    }
}

fn fits(fault: &Fault) -> bool {
    travelling_bytes(&fault.message, &details(fault)) <= STATUS_MAX_BYTES - HEADER_NAMES_BYTES
}

/// What message and details take in headers: the one percent-encoded, the other in base 64.
/// Counts every byte that could be encoded as if it were.
pub(super) fn travelling_bytes(message: &str, details: &[u8]) -> usize {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.,:;/()".contains(&byte);
    let message: usize = message.bytes().map(|byte| if plain(byte) { 1 } else { 3 }).sum();
    message + details.len().div_ceil(3) * 4
}

fn clear(text: &mut String) -> bool {
    let had_any = !text.is_empty();
    text.clear();
    had_any
}

fn transfer(fault: &mut Fault) -> Option<&mut v1::PendingTransfer> {
    fault.refusal.pending_transfer.as_mut()
}

fn successor(fault: &mut Fault) -> Option<&mut v1::Successor> {
    transfer(fault)?.successor.as_mut()
}

fn verdict(fault: &mut Fault) -> Option<&mut v1::Verdict> {
    fault.refusal.verdict.as_mut()
}

fn shorten_message(fault: &mut Fault) -> bool {
    let message = &mut fault.message;
    if message.len() <= SHORT_MESSAGE_BYTES {
        return false;
    }
    let end = (0..=SHORT_MESSAGE_BYTES).rev().find(|at| message.is_char_boundary(*at));
    message.truncate(end.unwrap_or(0));
    true
}
