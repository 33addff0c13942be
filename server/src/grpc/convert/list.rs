//! Lists: page sizes, filters, and where a page continues.

use prost::Message;
use tenure::v1;
use tenure_core::name::{
    ACTOR_ID_MAX_CHARS, Key, NameError, ProfileName, SessionId, WorkspaceName,
};

use super::choice;
use super::text::is_longer_than;
use super::violation::Violations;
use crate::grpc::page_token::Scope;
use crate::store::ListFilter;

/// How many rows a page has when the caller does not say.
pub const PAGE_SIZE_DEFAULT: u32 = 100;
/// The most rows that a caller may ask for; more is refused.
pub const PAGE_SIZE_MAX: u32 = 1_000;

/// A page is ended as soon as it has this many bytes, so that every client can receive it.
pub const LIST_MAX_BYTES: usize = 2 << 20;

/// Which sessions to list, and from where.
#[derive(Debug, Clone)]
pub struct Listing {
    /// What the store can tell.
    pub filter: ListFilter,
    /// Whether only stale, or only live, sessions are wanted. The store cannot tell: a session
    /// may be due and not yet recorded as expired.
    pub stale: Option<bool>,
    /// Whether only stalled sessions, or only others, are wanted. The store cannot tell that
    /// either: a session stalls by time alone.
    pub stalled: Option<bool>,
    /// At most so many.
    pub page_size: u32,
    /// Only after this key.
    pub after: Option<Key>,
    /// What the token of the next page belongs to.
    pub scope: Scope,
}

/// A request for a page of sessions.
///
/// # Errors
/// Every violation.
pub fn parse(request: v1::ListSessionsRequest) -> Result<Listing, Violations> {
    let mut violations = Violations::default();
    let page_size = page_size(request.page_size, &mut violations);
    let filter = request.filter.unwrap_or_default();
    let scope = Scope::new("ListSessions", &filter.encode_to_vec());
    let after = position(&request.page_token, &scope, &mut violations);
    let listed = ListFilter {
        prefix: prefix(&filter.prefix, &mut violations),
        lifecycle: choice::filtered_lifecycle(filter.lifecycle, &mut violations),
        owner: id("filter.owner", filter.owner, &mut violations),
        supervisor: id("filter.supervisor", filter.supervisor, &mut violations),
        machine: id("filter.machine", filter.machine, &mut violations),
        // What is recorded as expired is stale, and so not stalled; what is not may be either.
        expiry_recorded: (filter.stale == Some(false) || filter.stalled == Some(true))
            .then_some(false),
    };
    if !violations.is_empty() {
        return Err(violations);
    }
    let (stale, stalled) = (filter.stale, filter.stalled);
    Ok(Listing { filter: listed, stale, stalled, page_size, after, scope })
}

/// How many rows a page may have: 100 for 0, at most 1,000.
pub fn page_size(requested: i32, violations: &mut Violations) -> u32 {
    match u32::try_from(requested) {
        Ok(0) => PAGE_SIZE_DEFAULT,
        Ok(size) if size <= PAGE_SIZE_MAX => size,
        _ => {
            violations.add("page_size", "must be from 0 to 1,000; 0 means 100");
            PAGE_SIZE_DEFAULT
        }
    }
}

/// A prefix of workspace names: whole segments, of which a trailing `/` is no part.
pub fn prefix(text: &str, violations: &mut Violations) -> Option<String> {
    let segments = text.strip_suffix('/').unwrap_or(text);
    let parse = |_: &str| match WorkspaceName::parse(segments) {
        Err(_) if segments.is_empty() => Err(NameError("must name at least one segment")),
        parsed => parsed,
    };
    if text.is_empty() {
        return None;
    }
    match parse(segments) {
        Ok(_) => Some(segments.to_owned()),
        Err(NameError(why)) => {
            violations.add("filter.prefix", why);
            None
        }
    }
}

/// An id to filter by. Imported ids may have any form, so only a length that no id can have is
/// refused.
pub fn id(field: &'static str, text: String, violations: &mut Violations) -> Option<String> {
    if is_longer_than(&text, ACTOR_ID_MAX_CHARS) {
        violations.add(field, "must be at most 256 characters");
    }
    (!text.is_empty()).then_some(text)
}

/// One workspace, or all of them: then there must be no profile either.
pub fn key_or_all(workspace: &str, profile: &str, violations: &mut Violations) -> Option<Key> {
    if !workspace.is_empty() {
        return violations.key(workspace, profile);
    }
    if !profile.is_empty() {
        violations.add("profile", "must be left out without a workspace");
    }
    None
}

/// A session id that must be given.
pub fn session_id(text: &str, violations: &mut Violations) -> Option<SessionId> {
    violations.required("session_id", text, SessionId::parse)
}

/// The key that a page token continues after; absent for the first page.
pub fn position(token: &str, scope: &Scope, violations: &mut Violations) -> Option<Key> {
    position_with(token, scope, parse_position, violations)
}

/// The place that a page token continues after, read by `parse`; absent for the first page.
pub fn position_with<T>(
    token: &str,
    scope: &Scope,
    parse: fn(&[u8]) -> Option<T>,
    violations: &mut Violations,
) -> Option<T> {
    if token.is_empty() {
        return None;
    }
    let place = scope.open(token).and_then(|position| parse(&position));
    if place.is_none() {
        violations.add(
            "page_token",
            "is not a token of this list with this filter: start with the first page again",
        );
    }
    place
}

/// The token of the page after `key`.
#[must_use]
pub fn token_after(key: &Key, scope: &Scope) -> String {
    // Neither name can hold a line feed.
    scope.seal(format!("{}\n{}", key.workspace.as_str(), key.profile.as_str()).as_bytes())
}

fn parse_position(position: &[u8]) -> Option<Key> {
    let (workspace, profile) = std::str::from_utf8(position).ok()?.split_once('\n')?;
    let workspace = WorkspaceName::parse(workspace).ok()?;
    let profile = ProfileName::parse(profile).ok()?;
    Some(Key { workspace, profile })
}

#[cfg(test)]
mod tests;
