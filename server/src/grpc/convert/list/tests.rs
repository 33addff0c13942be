use proptest::prelude::*;

use super::*;
use crate::grpc::convert::samples;

fn request(filter: v1::SessionFilter) -> v1::ListSessionsRequest {
    v1::ListSessionsRequest { filter: Some(filter), ..v1::ListSessionsRequest::default() }
}

fn fields(request: v1::ListSessionsRequest) -> Vec<&'static str> {
    match parse(request) {
        Ok(_) => Vec::new(),
        Err(violations) => violations.iter().map(|violation| violation.field).collect(),
    }
}

#[test]
fn a_page_has_100_rows_by_default_and_1000_at_most() {
    let sized = |page_size| parse(v1::ListSessionsRequest { page_size, ..Default::default() });
    assert_eq!(sized(0).unwrap().page_size, 100);
    assert_eq!(sized(1).unwrap().page_size, 1);
    assert_eq!(sized(1_000).unwrap().page_size, 1_000);
    for refused in [-1, 1_001, i32::MIN, i32::MAX] {
        let request = v1::ListSessionsRequest { page_size: refused, ..Default::default() };
        assert_eq!(fields(request), ["page_size"]);
    }
}

#[test]
fn a_page_continues_after_the_key_that_its_token_names() {
    let first = parse(request(v1::SessionFilter::default())).unwrap();
    assert_eq!(first.after, None);
    let page_token = token_after(&samples::key(), &first.scope);
    let next = v1::ListSessionsRequest { page_token, ..request(v1::SessionFilter::default()) };
    assert_eq!(parse(next).unwrap().after, Some(samples::key()));
}

#[test]
fn a_token_of_another_filter_is_refused() {
    let first = parse(request(v1::SessionFilter::default())).unwrap();
    let page_token = token_after(&samples::key(), &first.scope);
    let filter = v1::SessionFilter { owner: "worker-1".to_owned(), ..Default::default() };
    let next = v1::ListSessionsRequest { page_token, ..request(filter) };
    assert_eq!(fields(next), ["page_token"]);
}

#[test]
fn every_violation_is_named_at_once() {
    let long = "x".repeat(257);
    let filter = v1::SessionFilter {
        prefix: "acme//api".to_owned(),
        lifecycle: 9,
        owner: long.clone(),
        supervisor: long.clone(),
        machine: long,
        stale: None,
        stalled: None,
    };
    let request = v1::ListSessionsRequest {
        page_size: -1,
        page_token: "garbage".to_owned(),
        filter: Some(filter),
    };
    assert_eq!(
        fields(request),
        [
            "page_size",
            "page_token",
            "filter.prefix",
            "filter.lifecycle",
            "filter.owner",
            "filter.supervisor",
            "filter.machine"
        ]
    );
}

#[test]
fn a_prefix_is_whole_segments_and_may_end_with_a_slash() {
    let parsed = |prefix: &str| {
        let filter = v1::SessionFilter { prefix: prefix.to_owned(), ..Default::default() };
        parse(request(filter)).map(|listing| listing.filter.prefix)
    };
    assert_eq!(parsed("acme/"), Ok(Some("acme".to_owned())));
    assert_eq!(parsed("acme/api"), Ok(Some("acme/api".to_owned())));
    assert_eq!(parsed(""), Ok(None));
    for refused in ["/", "//", "/acme", "acme//", "..", "ac me"] {
        assert!(parsed(refused).is_err(), "{refused}");
    }
}

#[test]
fn only_live_sessions_are_narrowed_by_the_record_of_expiry() {
    let listed = |stale| {
        let filter = v1::SessionFilter { stale, ..Default::default() };
        let listing = parse(request(filter)).unwrap();
        (listing.stale, listing.filter.expiry_recorded)
    };
    assert_eq!(listed(None), (None, None));
    assert_eq!(listed(Some(true)), (Some(true), None));
    assert_eq!(listed(Some(false)), (Some(false), Some(false)));
}

proptest! {
    #[test]
    fn any_text_as_token_is_refused(page_token in "\\PC{1,80}|[0-9a-f]{2,80}") {
        let request = v1::ListSessionsRequest { page_token, ..Default::default() };
        prop_assert_eq!(fields(request), ["page_token"]);
    }
}
