use std::sync::Arc;

use super::*;
use crate::grpc::convert::samples;
use crate::grpc::convert::tests::paths;

fn raise(kind: i32, reason: &str) -> v1::RaiseEscalationRequest {
    v1::RaiseEscalationRequest {
        workspace: "acme/api".to_owned(),
        kind,
        reason: reason.to_owned(),
        ..v1::RaiseEscalationRequest::default()
    }
}

#[test]
fn a_raised_escalation_has_a_kind_and_a_reason_of_1_to_500_characters() {
    let blocking = v1::EscalationKind::Blocking.into();
    let parsed = parse_raise(raise(blocking, &"ä".repeat(500))).unwrap();
    let Command::RaiseEscalation(raised) = parsed.command else { panic!("an escalation") };
    assert_eq!((raised.kind, raised.actor), (EscalationKind::Blocking, None));
    assert_eq!(paths(parse_raise(raise(0, ""))), ["kind", "reason"]);
    assert_eq!(paths(parse_raise(raise(9, &"ä".repeat(501)))), ["kind", "reason"]);
}

#[test]
fn a_resolved_escalation_is_named_and_its_reason_may_be_left_out() {
    let empty =
        v1::ResolveEscalationRequest { workspace: "acme/api".to_owned(), ..Default::default() };
    assert_eq!(paths(parse_resolve(empty.clone())), ["escalation_id"]);
    let request = v1::ResolveEscalationRequest { escalation_id: "esc_1".to_owned(), ..empty };
    let Command::ResolveEscalation(resolved) = parse_resolve(request).unwrap().command else {
        panic!("an escalation")
    };
    assert_eq!((resolved.id.as_str(), resolved.reason), ("esc_1", None));
}

fn listed(request: v1::ListEscalationsRequest) -> Result<Listing, Vec<&'static str>> {
    parse_list(request).map_err(|violations| violations.iter().map(|it| it.field).collect())
}

#[test]
fn all_that_is_wrong_with_a_list_is_told_at_once() {
    let filter = v1::EscalationFilter { prefix: "//".to_owned(), kind: 9 };
    let request = v1::ListEscalationsRequest {
        profile: "qa".to_owned(),
        page_size: -1,
        page_token: "x".to_owned(),
        filter: Some(filter),
        ..v1::ListEscalationsRequest::default()
    };
    assert_eq!(
        listed(request).unwrap_err(),
        ["profile", "page_size", "page_token", "filter.prefix", "filter.kind"]
    );
}

#[test]
fn a_token_continues_its_own_list_only_whatever_the_id_holds() {
    let request = v1::ListEscalationsRequest::default();
    let first = listed(request.clone()).unwrap();
    // Imported ids are kept verbatim.
    let place = (samples::key(), EscalationId::imported(&"a\nb".repeat(80)));
    let page_token = page(&[], Some(&place), &first.scope).next_page_token;
    let next = v1::ListEscalationsRequest { page_token, page_size: 7, ..request };
    assert_eq!(listed(next.clone()).unwrap().after, Some(place));
    let other = v1::ListEscalationsRequest { workspace: "acme/api".to_owned(), ..next };
    assert_eq!(listed(other).unwrap_err(), ["page_token"]);
}

#[test]
fn a_page_that_would_be_too_large_is_ended_early_and_can_be_gone_on_from() {
    let request = v1::ListEscalationsRequest::default();
    let scope = listed(request.clone()).unwrap().scope;
    let row = |n: usize| {
        let id = EscalationId::imported(&format!("esc_{n:04}"));
        let reason = Arc::from("\u{1F980}".repeat(500));
        let actor = Some(ActorId::imported(&"\u{1F980}".repeat(256)));
        (samples::key(), Escalation { id, reason, actor, ..samples::escalation() })
    };
    let rows: Vec<_> = (0..1_000).map(row).collect();
    let whole = page(&rows[..600], None, &scope);
    assert_eq!((whole.escalations.len(), &*whole.next_page_token), (600, ""));
    let cut = page(&rows[..], None, &scope);
    let sent = cut.escalations.len();
    assert!(sent < 1_000 && cut.encoded_len() < LIST_MAX_BYTES + (16 << 10), "{sent}");
    let next = v1::ListEscalationsRequest { page_token: cut.next_page_token, ..request };
    let last = rows[sent - 1].1.id.clone();
    assert_eq!(listed(next).unwrap().after, Some((samples::key(), last)));
}

#[test]
fn the_default_profile_written_out_is_the_same_list() {
    let request =
        v1::ListEscalationsRequest { workspace: "acme/api".to_owned(), ..Default::default() };
    let written = v1::ListEscalationsRequest { profile: "main".to_owned(), ..request.clone() };
    assert_eq!(listed(request).unwrap().scope, listed(written).unwrap().scope);
}
