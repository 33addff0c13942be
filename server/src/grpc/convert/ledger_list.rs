//! Lists of the ledger: what is asked for, where a page continues, and the totals.

use prost::Message;
use tenure::v1;
use tenure_core::time::WallTime;
use tenure_core::totals::Totals;

use super::list::{id, key_or_all, page_size, prefix};
use super::time::{duration, period_end};
use super::violation::Violations;
use super::{choice, work};
use crate::grpc::page_token::Scope;
use crate::store::{LedgerFilter, LedgerPlace, LedgerQuery};

/// A request for a page of ended sessions, and what the token of the next page belongs to.
///
/// # Errors
/// Every violation.
pub fn parse(request: v1::ListLedgerRequest) -> Result<(LedgerQuery, Scope), Violations> {
    let mut violations = Violations::default();
    let scope = scope(&request);
    let key = key_or_all(&request.workspace, &request.profile, &mut violations);
    let limit = page_size(request.page_size, &mut violations);
    let after = position(&request.page_token, &scope, &mut violations);
    // Later pages carry none: they were added up for the first one.
    let totals = request.totals && request.page_token.is_empty();
    let wanted = request.filter.unwrap_or_default();
    let filter = LedgerFilter {
        key,
        prefix: prefix(&wanted.prefix, &mut violations),
        lifecycle: choice::filtered_lifecycle(wanted.lifecycle, &mut violations),
        owner: id("filter.owner", wanted.owner, &mut violations),
        supervisor: id("filter.supervisor", wanted.supervisor, &mut violations),
        machine: id("filter.machine", wanted.machine, &mut violations),
        cause: choice::filtered_cause(wanted.cause, &mut violations),
        ended_since: period_end("filter.ended_since", wanted.ended_since, &mut violations),
        ended_before: period_end("filter.ended_before", wanted.ended_before, &mut violations),
    };
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok((LedgerQuery { filter, after, limit, totals }, scope))
}

/// The token of the page after `place`.
#[must_use]
pub fn token_after(place: LedgerPlace, scope: &Scope) -> String {
    let numbers = [place.ended_at.0, place.id].map(u64::to_be_bytes);
    scope.seal(numbers.as_flattened())
}

/// Sums over ended sessions.
#[must_use]
pub fn totals(totals: &Totals) -> v1::LedgerTotals {
    v1::LedgerTotals {
        sessions: totals.sessions,
        beats: totals.beats,
        held: Some(duration(totals.held)),
        usage: Some(work::usage(&totals.usage)),
    }
}

/// What the page tokens of a list belong to: everything but where it stands, how many entries a
/// page has, and whether they are added up.
fn scope(request: &v1::ListLedgerRequest) -> Scope {
    let listed = v1::ListLedgerRequest {
        workspace: request.workspace.clone(),
        profile: request.profile.clone(),
        filter: request.filter.clone(),
        ..v1::ListLedgerRequest::default()
    };
    Scope::new("ListLedger", &listed.encode_to_vec())
}

fn position(token: &str, scope: &Scope, violations: &mut Violations) -> Option<LedgerPlace> {
    if token.is_empty() {
        return None;
    }
    let place = scope.open(token).and_then(|position| parse_position(&position));
    if place.is_none() {
        violations.add(
            "page_token",
            "is not a token of this list with this filter: start with the first page again",
        );
    }
    place
}

fn parse_position(position: &[u8]) -> Option<LedgerPlace> {
    let (ended_at, id) = position.split_first_chunk::<8>()?;
    let id = u64::from_be_bytes(id.try_into().ok()?);
    Some(LedgerPlace::new(WallTime(u64::from_be_bytes(*ended_at)), id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_comes_back_from_its_token() {
        let scope = scope(&v1::ListLedgerRequest::default());
        for (ended_at, id) in [(0, 1), (1_700_000_000_000, 42), (i64::MAX as u64, u64::MAX)] {
            let place = LedgerPlace::new(WallTime(ended_at), id);
            let mut violations = Violations::default();
            let token = token_after(place, &scope);
            assert_eq!(position(&token, &scope, &mut violations), Some(place));
            assert!(violations.is_empty());
        }
    }

    #[test]
    fn only_the_first_page_is_asked_for_totals() {
        let first = v1::ListLedgerRequest { totals: true, ..v1::ListLedgerRequest::default() };
        let (query, scope) = parse(first.clone()).unwrap();
        assert!(query.totals && query.after.is_none());
        let place = LedgerPlace::new(WallTime(5), 7);
        let second = v1::ListLedgerRequest { page_token: token_after(place, &scope), ..first };
        let (query, _) = parse(second).unwrap();
        assert_eq!((query.totals, query.after), (false, Some(place)));
    }

    #[test]
    fn every_violation_is_told_at_once() {
        let filter = v1::LedgerFilter {
            prefix: "a//b".to_owned(),
            lifecycle: 9,
            owner: "x".repeat(257),
            supervisor: "x".repeat(257),
            machine: "x".repeat(257),
            cause: -1,
            ended_since: Some(prost_types::Timestamp { seconds: 0, nanos: -1 }),
            ended_before: Some(prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }),
        };
        let request = v1::ListLedgerRequest {
            profile: "qa".to_owned(),
            page_size: 1_001,
            page_token: "00".to_owned(),
            filter: Some(filter),
            ..v1::ListLedgerRequest::default()
        };
        let violations = parse(request).unwrap_err();
        let fields: Vec<_> = violations.iter().map(|violation| violation.field).collect();
        assert_eq!(
            fields,
            [
                "profile",
                "page_size",
                "page_token",
                "filter.prefix",
                "filter.lifecycle",
                "filter.owner",
                "filter.supervisor",
                "filter.machine",
                "filter.cause",
                "filter.ended_since",
                "filter.ended_before"
            ]
        );
    }
}
