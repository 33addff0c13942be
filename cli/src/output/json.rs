//! The canonical JSON of the contract, by its own descriptors.

use std::sync::LazyLock;

use prost::{Message, Name};
use prost_reflect::{DescriptorPool, DynamicMessage};
use serde::Serialize;

use crate::escape::escape_json;
use crate::failure::Failure;

static CONTRACT: LazyLock<Option<DescriptorPool>> =
    LazyLock::new(|| DescriptorPool::decode(tenure::FILE_DESCRIPTOR_SET).ok());

/// One document, indented.
///
/// # Errors
/// When the message is not one of the contract.
pub fn document<M: Message + Name>(message: &M) -> Result<String, Failure> {
    document_of(&dynamic(message)?)
}

/// One line, for streams.
///
/// # Errors
/// When the message is not one of the contract.
pub fn line<M: Message + Name>(message: &M) -> Result<String, Failure> {
    let json = serde_json::to_string(&dynamic(message)?).map_err(unwritable)?;
    Ok(escape_json(&json))
}

/// One document of something that is not in the contract, such as the named contexts.
///
/// # Errors
/// When the value cannot be written as JSON.
pub fn document_of<T: Serialize>(value: &T) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(value).map_err(unwritable)?;
    Ok(escape_json(&json))
}

fn dynamic<M: Message + Name>(message: &M) -> Result<DynamicMessage, Failure> {
    let descriptor = CONTRACT
        .as_ref()
        .and_then(|contract| contract.get_message_by_name(&M::full_name()))
        .ok_or_else(|| Failure::general(format!("{} is not in the contract", M::full_name())))?;
    DynamicMessage::decode(descriptor, message.encode_to_vec().as_slice()).map_err(unwritable)
}

fn unwritable(error: impl std::error::Error) -> Failure {
    Failure::general(format!("cannot write the answer as JSON: {error}"))
}

#[cfg(test)]
mod tests {
    use tenure::v1::{GetSessionResponse, OwnerKind, Session};

    use super::{document, line};

    #[test]
    fn messages_are_written_as_canonical_json() {
        let session = Session {
            workspace: "acme/api".to_owned(),
            actor_id: "a\u{1b}b\u{202e}".to_owned(),
            owner_kind: OwnerKind::RuntimeWorker.into(),
            revision: u64::MAX,
            lease_ttl: Some(prost_types::Duration { seconds: 30, nanos: 0 }),
            started_at: Some(prost_types::Timestamp { seconds: 0, nanos: 500_000_000 }),
            ..Session::default()
        };
        let response = GetSessionResponse { session: Some(session) };
        let text = line(&response).unwrap();
        assert!(!text.contains('\n') && !text.contains('\u{1b}') && !text.contains('\u{202e}'));
        let json: serde_json::Value = serde_json::from_str(&text).unwrap();
        let expected = serde_json::json!({"session": {
            "workspace": "acme/api",
            "actorId": "a\u{1b}b\u{202e}",
            "ownerKind": "OWNER_KIND_RUNTIME_WORKER",
            "revision": "18446744073709551615",
            "leaseTtl": "30s",
            "startedAt": "1970-01-01T00:00:00.500Z",
        }});
        assert_eq!(json, expected);
        let pretty: serde_json::Value =
            serde_json::from_str(&document(&response).unwrap()).unwrap();
        assert_eq!(pretty, expected);
    }
}
