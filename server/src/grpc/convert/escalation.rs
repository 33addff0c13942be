//! Escalations: raised, resolved and listed.

use prost::Message;
use tenure::v1;
use tenure_core::command::{Command, RaiseEscalation, ResolveEscalation};
use tenure_core::escalation::{Escalation, EscalationKind};
use tenure_core::name::{ActorId, EscalationId, Key, ProfileName, WorkspaceName};
use tenure_core::reply::EscalationResolved;

use super::list::{LIST_MAX_BYTES, page_size, position_with, prefix};
use super::text::{optional_reason, reason};
use super::violation::{Parsed, Violations};
use super::{choice, once, work};
use crate::grpc::page_token::Scope;

/// A raised escalation.
///
/// # Errors
/// Every violation.
pub fn parse_raise(mut request: v1::RaiseEscalationRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let actor = violations.unless_empty("actor_id", &request.actor_id, ActorId::parse);
    let kind = choice::escalation_kind(request.kind, &mut violations);
    let reason = reason(&request.reason, &mut violations);
    match (key, kind, reason) {
        (Some(key), Some(kind), Some(reason)) if violations.is_empty() => {
            let command = Command::RaiseEscalation(RaiseEscalation { actor, kind, reason });
            Ok(Parsed { key, command, once })
        }
        _ => Err(violations),
    }
}

/// A resolved escalation.
///
/// # Errors
/// Every violation.
pub fn parse_resolve(mut request: v1::ResolveEscalationRequest) -> Result<Parsed, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    let actor = violations.unless_empty("actor_id", &request.actor_id, ActorId::parse);
    let id = violations.required("escalation_id", &request.escalation_id, EscalationId::parse);
    let reason = optional_reason(&request.reason, &mut violations);
    match (key, id) {
        (Some(key), Some(id)) if violations.is_empty() => {
            let command = Command::ResolveEscalation(ResolveEscalation { actor, id, reason });
            Ok(Parsed { key, command, once })
        }
        _ => Err(violations),
    }
}

/// The answer of a raised escalation.
#[must_use]
pub fn raised(escalation: &Escalation, replayed: bool) -> v1::RaiseEscalationResponse {
    v1::RaiseEscalationResponse { escalation: Some(work::escalation(escalation)), replayed }
}

/// The answer of a resolved escalation.
#[must_use]
pub fn resolved(resolved: &EscalationResolved, replayed: bool) -> v1::ResolveEscalationResponse {
    v1::ResolveEscalationResponse {
        escalation: Some(work::escalation(&resolved.escalation)),
        blocking_escalations: resolved.blocking,
        replayed,
    }
}

/// Which escalations to list, and from where.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Those of one workspace only.
    pub key: Option<Key>,
    /// Those under this prefix only.
    pub prefix: Option<String>,
    /// Those of this kind only.
    pub kind: Option<EscalationKind>,
    /// At most so many.
    pub page_size: u32,
    /// Only after this place.
    pub after: Option<(Key, EscalationId)>,
    /// What the token of the next page belongs to.
    pub scope: Scope,
}

/// A request for a page of escalations.
///
/// # Errors
/// Every violation.
pub fn parse_list(request: v1::ListEscalationsRequest) -> Result<Listing, Violations> {
    let mut violations = Violations::default();
    let key = if request.workspace.is_empty() {
        if !request.profile.is_empty() {
            violations.add("profile", "must be left out without a workspace");
        }
        None
    } else {
        violations.key(&request.workspace, &request.profile)
    };
    let page_size = page_size(request.page_size, &mut violations);
    let scope = scope(&request, key.as_ref());
    let after = position_with(&request.page_token, &scope, parse_position, &mut violations);
    let filter = request.filter.unwrap_or_default();
    let prefix = prefix(&filter.prefix, &mut violations);
    let kind = choice::filtered_escalation_kind(filter.kind, &mut violations);
    if !violations.is_empty() {
        return Err(violations);
    }
    Ok(Listing { key, prefix, kind, page_size, after, scope })
}

/// A page of escalations, of which the next continues after `next`; earlier, if the page would
/// grow too large.
#[must_use]
pub fn page(
    rows: &[(Key, Escalation)],
    next: Option<&(Key, EscalationId)>,
    scope: &Scope,
) -> v1::ListEscalationsResponse {
    let (mut escalations, mut bytes) = (Vec::with_capacity(rows.len()), 0);
    for (key, escalation) in rows {
        if bytes >= LIST_MAX_BYTES {
            break;
        }
        let shown = v1::WorkspaceEscalation {
            workspace: key.workspace.as_str().to_owned(),
            profile: key.profile.as_str().to_owned(),
            escalation: Some(work::escalation(escalation)),
        };
        bytes += shown.encoded_len();
        escalations.push(shown);
    }
    let left_off = escalations.len() < rows.len();
    let last = rows[..escalations.len()].last().filter(|_| left_off);
    let last = last.map(|(key, escalation)| (key.clone(), escalation.id.clone()));
    let next = last.as_ref().or(next);
    let next_page_token = next.map_or_else(String::new, |next| token_after(next, scope));
    v1::ListEscalationsResponse { escalations, next_page_token }
}

/// Everything but where the list stands and how many a page has.
fn scope(request: &v1::ListEscalationsRequest, key: Option<&Key>) -> Scope {
    let listed = v1::ListEscalationsRequest {
        workspace: request.workspace.clone(),
        profile: key.map_or_else(String::new, |key| key.profile.as_str().to_owned()),
        filter: request.filter.clone(),
        ..v1::ListEscalationsRequest::default()
    };
    Scope::new("ListEscalations", &listed.encode_to_vec())
}

fn token_after((key, id): &(Key, EscalationId), scope: &Scope) -> String {
    // Neither of the first two can hold a line feed; the id stands last, and may.
    let (workspace, profile) = (key.workspace.as_str(), key.profile.as_str());
    scope.seal(format!("{workspace}\n{profile}\n{}", id.as_str()).as_bytes())
}

fn parse_position(position: &[u8]) -> Option<(Key, EscalationId)> {
    let mut parts = std::str::from_utf8(position).ok()?.splitn(3, '\n');
    let workspace = WorkspaceName::parse(parts.next()?).ok()?;
    let profile = ProfileName::parse(parts.next()?).ok()?;
    let id = EscalationId::imported(parts.next()?);
    Some((Key { workspace, profile }, id))
}

#[cfg(test)]
mod tests;
