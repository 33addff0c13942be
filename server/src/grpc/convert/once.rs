//! Request ids: what makes a repeat of a request recognisable.
//!
//! The digest covers the whole request but its id, the machine included, with the default
//! profile written out; the messages' maps are ordered, so equal requests digest alike.

use std::mem;
use std::sync::Arc;

use prost::Message;
use tenure::v1;
use tenure_core::command::Expected;
use tenure_core::name::{DEFAULT_PROFILE, SessionId};
use tenure_core::session::Revision;

use super::violation::Violations;
use crate::engine::Once;

/// Where the hyphens of a UUID stand.
const UUID_HYPHENS: [usize; 4] = [8, 13, 18, 23];
const UUID_LENGTH: usize = 36;
const ULID_LENGTH: usize = 26;

/// A request that may carry an id.
pub trait Repeatable: Message {
    /// Under which name its outcome is kept. An item of a batch start is kept like a start of
    /// its own, so that a caller may repeat it either way.
    const RPC: &'static str;

    /// The id and the profile.
    fn id_and_profile(&mut self) -> (&mut String, &mut String);
}

macro_rules! repeatable {
    ($($request:ident as $rpc:literal),+ $(,)?) => {$(
        impl Repeatable for v1::$request {
            const RPC: &'static str = $rpc;

            fn id_and_profile(&mut self) -> (&mut String, &mut String) {
                (&mut self.request_id, &mut self.profile)
            }
        }
    )+};
}

repeatable!(
    StartSessionRequest as "StartSession",
    TakeOverSessionRequest as "TakeOverSession",
    ForceTakeOverSessionRequest as "ForceTakeOverSession",
    CancelForcedTakeoverRequest as "CancelForcedTakeover",
    YieldSessionRequest as "YieldSession",
    ClearSessionRequest as "ClearSession",
    PutHandoffRequest as "PutHandoff",
    PutGatesRequest as "PutGates",
    UpdateGateRequest as "UpdateGate",
    RaiseEscalationRequest as "RaiseEscalation",
    ResolveEscalationRequest as "ResolveEscalation",
    RegisterWorkspaceRequest as "RegisterWorkspace",
    DeleteWorkspaceRequest as "DeleteWorkspace",
    ImportLegacyStateRequest as "ImportLegacyState",
);

impl Repeatable for v1::AwaitSessionRequest {
    const RPC: &'static str = "AwaitSession";

    fn id_and_profile(&mut self) -> (&mut String, &mut String) {
        let start = self.start.get_or_insert_default();
        (&mut start.request_id, &mut start.profile)
    }
}

/// Takes the id out of `request`; absent if it has none. The default profile is filled in.
pub fn take<R: Repeatable>(request: &mut R, violations: &mut Violations) -> Option<Once> {
    let (request_id, profile) = request.id_and_profile();
    if profile.is_empty() {
        DEFAULT_PROFILE.clone_into(profile);
    }
    let request_id = mem::take(request_id);
    if request_id.is_empty() {
        return None;
    }
    if !is_uuid(&request_id) && !is_ulid(&request_id) {
        violations.add("request_id", "must be a UUID (with hyphens) or a ULID, or left out");
        return None;
    }
    let digest = *blake3::hash(&request.encode_to_vec()).as_bytes();
    Some(Once { rpc: R::RPC, request_id: Arc::from(request_id.to_ascii_lowercase()), digest })
}

fn is_uuid(text: &str) -> bool {
    text.len() == UUID_LENGTH
        && text.bytes().enumerate().all(|(at, byte)| {
            if UUID_HYPHENS.contains(&at) { byte == b'-' } else { byte.is_ascii_hexdigit() }
        })
}

/// Crockford's base 32 has no I, L, O, U; 26 of its digits hold 130 bits, a ULID has 128.
fn is_ulid(text: &str) -> bool {
    let is_digit =
        |byte: u8| byte.is_ascii_alphanumeric() && !b"ILOU".contains(&byte.to_ascii_uppercase());
    text.len() == ULID_LENGTH && text.bytes().all(is_digit) && text.as_bytes()[0] <= b'7'
}

/// What the caller believes to be stored.
pub fn expected(
    session_id: Option<&str>,
    revision: Option<u64>,
    violations: &mut Violations,
) -> Expected {
    let session_id = violations.optional("expected_session_id", session_id, SessionId::parse);
    Expected { session_id, revision: revision.map(Revision) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    const UUID: &str = "0190A6F4-7B2C-7DEF-8123-456789ABCDEF";
    const ULID: &str = "01HZXK3V9Q8J7M6N5P4R3S2T1W";

    fn request(id: &str) -> v1::StartSessionRequest {
        let labels: BTreeMap<String, String> =
            (0..20).map(|n| (format!("k{n}"), format!("v{n}"))).collect();
        v1::StartSessionRequest {
            workspace: "acme/api".to_owned(),
            request_id: id.to_owned(),
            machine: Some(v1::MachineRef { machine_id: "m".into(), host: "h".into(), labels }),
            ..v1::StartSessionRequest::default()
        }
    }

    fn once(mut request: v1::StartSessionRequest) -> Result<Option<Once>, &'static str> {
        let mut violations = Violations::default();
        let once = take(&mut request, &mut violations);
        violations.iter().next().map_or(Ok(once), |violation| Err(violation.field))
    }

    fn digest(request: v1::StartSessionRequest) -> [u8; 32] {
        once(request).unwrap().unwrap().digest
    }

    #[test]
    fn a_request_id_is_a_uuid_or_a_ulid_in_any_case() {
        for id in [UUID, ULID] {
            let taken = once(request(id)).unwrap().unwrap();
            assert_eq!(&*taken.request_id, id.to_ascii_lowercase());
            assert_eq!(taken.rpc, "StartSession");
            assert!(once(request(&id.to_ascii_lowercase())).is_ok());
        }
        assert!(once(request("")).unwrap().is_none());
    }

    #[test]
    fn anything_else_is_refused() {
        let too_large = "8".repeat(26);
        let excluded = "01HZXK3V9Q8J7M6N5P4R3S2T1U";
        let misplaced = "0190a6f47-b2c-7def-8123-456789abcdef";
        let huge = "0".repeat(1 << 20);
        for id in ["x", " ", too_large.as_str(), excluded, misplaced, &huge, "０１２３４５６７８９"]
        {
            assert_eq!(once(request(id)).err(), Some("request_id"), "{id:.40}");
        }
    }

    #[test]
    fn the_id_and_a_written_out_default_profile_do_not_change_the_digest() {
        let written_out = v1::StartSessionRequest { profile: "main".to_owned(), ..request(ULID) };
        assert_eq!(digest(request(UUID)), digest(written_out));
    }

    #[test]
    fn workspace_profile_holder_and_machine_are_content() {
        let plain = digest(request(UUID));
        let mut other = [request(UUID), request(UUID), request(UUID), request(UUID)];
        other[0].workspace.push('x');
        other[1].profile = "other".to_owned();
        other[2].machine = None;
        other[3].supersede = true;
        for changed in other {
            assert_ne!(digest(changed), plain);
        }
    }

    #[test]
    fn the_order_in_which_labels_were_sent_does_not_change_the_digest() {
        let sent = request(UUID);
        let machine = sent.machine.clone().unwrap();
        let reversed = machine.labels.into_iter().rev().collect();
        let again = v1::MachineRef { labels: reversed, ..sent.machine.clone().unwrap() };
        let again = v1::StartSessionRequest { machine: Some(again), ..sent.clone() };
        assert_eq!(digest(sent), digest(again));
    }

    #[test]
    fn an_empty_expected_session_id_is_refused() {
        let mut violations = Violations::default();
        assert_eq!(expected(Some(""), Some(3), &mut violations).revision, Some(Revision(3)));
        let fields: Vec<_> = violations.iter().map(|violation| violation.field).collect();
        assert_eq!(fields, ["expected_session_id"]);
    }

    proptest! {
        #[test]
        fn any_text_is_an_id_or_refused(id: String) {
            let taken = once(request(&id));
            prop_assert_eq!(taken.is_ok(), id.is_empty() || is_uuid(&id) || is_ulid(&id));
        }
    }
}
