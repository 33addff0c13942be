//! Waits: what is asked for, where a waiter stands, what it is granted; and who waits.

use tenure::v1;
use tenure::v1::await_session_response::Update;
use tenure_core::command::Await;
use tenure_core::context::{Clock, LeaseBounds};
use tenure_core::name::Key;
use tenure_core::reply::Reply;
use tenure_core::session::Lifecycle;

use super::list::{page_size, position_with};
use super::refusal::error_reason;
use super::session::owner;
use super::text::{optional_reason, reason};
use super::time::{claim_within, timestamp};
use super::violation::Violations;
use super::{choice, machine, once, session, start, takeover};
use crate::engine::waits::{Place, WaiterSeen, WaitersPage};
use crate::engine::{Answer, Once};
use crate::grpc::page_token::Scope;

/// A wait.
///
/// # Errors
/// Every violation.
pub fn parse(
    mut request: v1::AwaitSessionRequest,
    bounds: &LeaseBounds,
) -> Result<(Key, Await, Option<Once>), Violations> {
    let mut violations = Violations::default();
    if request.start.is_none() {
        return Err(Violations::one("start", "must be given"));
    }
    let once = violations.in_message("start", |violations| once::take(&mut request, violations));
    let started = request.start.and_then(|asked| {
        violations.in_message("start", |violations| start::start(asked, bounds, violations))
    });
    let take_over = if request.take_over_stale {
        reason(&request.reason, &mut violations)
    } else {
        if optional_reason(&request.reason, &mut violations).is_some() {
            violations.add("reason", "must be left out without take_over_stale");
        }
        None
    };
    let claim_within = claim_within(request.claim_within.as_ref(), &mut violations);
    match (started, claim_within) {
        (Some((key, start)), Some(claim_within)) if violations.is_empty() => {
            Ok((key, Await { start, take_over, claim_within }, once))
        }
        _ => Err(violations),
    }
}

/// Where a waiter stands.
#[must_use]
pub fn position(place: &Place, clock: &Clock) -> v1::AwaitSessionResponse {
    let update = Update::Position(Box::new(v1::WaitPosition {
        position: place.position,
        waiters: place.waiters,
        holder: place.holder.as_ref().map(|view| session::shown(view, clock)),
        waiting_for: place.waiting_for.map_or(v1::ErrorReason::Unspecified, error_reason).into(),
    }));
    v1::AwaitSessionResponse { update: Some(update) }
}

/// What a waiter was granted; absent if the answer is none of a wait's.
#[must_use]
pub fn grant(answer: &Answer) -> Option<v1::AwaitSessionResponse> {
    use v1::grant::Outcome;

    let Answer { reply, replayed, clock } = answer;
    let outcome = match reply {
        Reply::Started(started) => Outcome::Started(start::started(started, *replayed, clock)),
        Reply::TakenOver(taken) => {
            Outcome::TakenOver(takeover::taken_over(taken, *replayed, clock))
        }
        _ => return None,
    };
    let grant = v1::Grant { outcome: Some(outcome) };
    Some(v1::AwaitSessionResponse { update: Some(Update::Grant(Box::new(grant))) })
}

/// A page of waiters that is asked for.
#[derive(Debug, Clone)]
pub struct Listing {
    /// For which workspace.
    pub key: Key,
    /// The ticket to continue after.
    pub after: u64,
    /// At most so many.
    pub limit: u32,
    scope: Scope,
}

/// A request for who waits.
///
/// # Errors
/// Every violation.
pub fn parse_list(request: &v1::ListWaitersRequest) -> Result<Listing, Violations> {
    let mut violations = Violations::default();
    let key = violations.key(&request.workspace, &request.profile);
    let limit = page_size(request.page_size, &mut violations);
    let of = format!("{}\n{}", request.workspace, request.profile);
    let scope = Scope::new("ListWaiters", of.as_bytes());
    let after = position_with(&request.page_token, &scope, ticket, &mut violations);
    match key {
        Some(key) if violations.is_empty() => {
            Ok(Listing { key, after: after.unwrap_or_default(), limit, scope })
        }
        _ => Err(violations),
    }
}

fn ticket(position: &[u8]) -> Option<u64> {
    Some(u64::from_be_bytes(position.try_into().ok()?))
}

/// A page of those who wait.
#[must_use]
pub fn page(page: &WaitersPage, listing: &Listing) -> v1::ListWaitersResponse {
    let token_after = |ticket: u64| listing.scope.seal(&ticket.to_be_bytes());
    v1::ListWaitersResponse {
        waiters: page.waiters.iter().map(waiter).collect(),
        next_page_token: page.next.map_or_else(String::new, token_after),
    }
}

fn waiter(seen: &WaiterSeen) -> v1::Waiter {
    let lifecycle = seen.actor.as_ref().map_or(Lifecycle::Interactive, |_| Lifecycle::Autonomous);
    v1::Waiter {
        position: seen.position,
        actor_id: owner(lifecycle, seen.actor.as_ref()),
        owner_kind: choice::owner_kind(seen.kind).into(),
        instance_id: seen.instance.as_ref().map_or_else(String::new, |id| id.as_str().to_owned()),
        principal: seen.principal.as_str().to_owned(),
        machine: seen.machine.as_ref().map(machine::shown),
        waiting_since: Some(timestamp(seen.since)),
        take_over_stale: seen.takes_over,
    }
}
