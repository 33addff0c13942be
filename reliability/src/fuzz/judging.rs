//! Which answers are right, whatever was asked.

use prost::Message as _;
use prost_reflect::{DynamicMessage, MessageDescriptor};
use tonic::{Code, Status};
use tonic_types::pb;

use super::wire::unframed;

/// The most bytes of a status, message and details together.
const STATUS_MAX_BYTES: usize = 4 << 10;

/// How the gRPC framework's message begins when it cannot read a message.
const CANNOT_READ: &str = "failed to decode Protobuf message";

/// Whether the framework says that it could not read what was sent. The reader that this harness
/// compares with is more lenient in places, such as the entries of maps.
#[must_use]
pub fn says_unreadable(status: &Status) -> bool {
    status.code() == Code::Internal && status.message().starts_with(CANNOT_READ)
}

/// Whether `body` is a sequence of messages that the method can read.
#[must_use]
pub fn is_readable(input: &MessageDescriptor, body: &[u8], streams: bool) -> bool {
    unframed(body).is_some_and(|messages| {
        (streams || messages.len() == 1)
            && messages.iter().all(|m| DynamicMessage::decode(input.clone(), *m).is_ok())
    })
}

/// What is wrong with a status that answers a call whose body the method can read, or cannot.
///
/// What can be read is answered in the contract's words: a code of its table, and a reason. What
/// cannot be read is answered by the gRPC framework, before any of our code sees it.
#[must_use]
pub fn wrong(status: &Status, readable: bool) -> Option<String> {
    let size = status.message().len() + status.details().len();
    if size > STATUS_MAX_BYTES {
        return Some(format!("a status of {size} bytes"));
    }
    let framework = matches!(
        status.code(),
        Code::Internal | Code::Unimplemented | Code::InvalidArgument | Code::Cancelled
    );
    match status.code() {
        Code::Ok => None,
        Code::Unknown | Code::Internal if readable => Some("a defect, or no reason".to_owned()),
        _ if !readable && framework => None,
        Code::Unimplemented => None,
        Code::Unknown | Code::Internal | Code::Cancelled | Code::AlreadyExists => {
            Some("a code that the contract does not have".to_owned())
        }
        _ if reason(status).is_none() => Some("no reason".to_owned()),
        _ => None,
    }
}

/// The reason in the contract's words.
#[must_use]
pub fn reason(status: &Status) -> Option<String> {
    let details = pb::Status::decode(status.details()).ok()?.details;
    let info = details.iter().find(|any| any.type_url.ends_with("/google.rpc.ErrorInfo"))?;
    let info = pb::ErrorInfo::decode(&*info.value).ok()?;
    (info.domain == "tenure" && !info.reason.is_empty()).then_some(info.reason)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fuzz::wire::framed;

    #[test]
    fn a_defect_is_seen_and_a_frame_that_cannot_be_read_is_not_one() {
        let internal = Status::internal("x");
        assert!(wrong(&internal, true).is_some());
        assert!(wrong(&internal, false).is_none());
        assert!(wrong(&Status::unknown("x"), false).is_some());
        assert!(wrong(&Status::not_found("without a reason"), true).is_some());
        assert!(wrong(&Status::invalid_argument("x".repeat(5_000)), false).is_some());
        assert!(wrong(&Status::ok(""), true).is_none());
    }

    #[test]
    fn only_whole_frames_of_whole_messages_can_be_read() {
        let pool = prost_reflect::DescriptorPool::decode(tenure::FILE_DESCRIPTOR_SET).unwrap();
        let input = pool.get_message_by_name("tenure.v1.GetSessionRequest").unwrap();
        let good = framed(b"\x0a\x01a");
        assert!(is_readable(&input, &good, false));
        assert!(!is_readable(&input, &good[..7], false));
        assert!(!is_readable(&input, &framed(b"\x0a\x05a"), false));
        assert!(!is_readable(&input, &[good.clone(), good.clone()].concat(), false));
        assert!(is_readable(&input, &[good.clone(), good].concat(), true));
    }
}
