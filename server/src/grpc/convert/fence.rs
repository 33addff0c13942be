//! Fence checks.

use tenure::v1;
use tenure_core::fence::Fence;
use tenure_core::name::{Key, NameError, ProfileName, WorkspaceName};
use tenure_core::session::FencingToken;

use super::violation::Violations;

/// The most tokens of one check.
pub const FENCE_CHECKS_MAX: usize = 1_000;

/// The tokens to check, each with its workspace.
///
/// # Errors
/// Every violation, each field once with the first check that has it.
pub fn parse(request: &v1::CheckFenceRequest) -> Result<Vec<(Key, FencingToken)>, Violations> {
    let checks = &request.checks;
    if checks.is_empty() || checks.len() > FENCE_CHECKS_MAX {
        return Err(Violations::one("checks", "must be 1 to 1,000"));
    }
    let mut bad = [
        Bad::new("checks.workspace"),
        Bad::new("checks.profile"),
        Bad::new("checks.fencing_token"),
    ];
    let [bad_workspace, bad_profile, bad_token] = &mut bad;
    let mut parsed = Vec::with_capacity(checks.len());
    for (place, check) in checks.iter().enumerate() {
        let workspace = bad_workspace.note(place, WorkspaceName::parse(&check.workspace));
        let profile = bad_profile.note(place, ProfileName::parse(&check.profile));
        let token = bad_token.note(place, token(check.fencing_token));
        if let (Some(workspace), Some(profile), Some(token)) = (workspace, profile, token) {
            parsed.push((Key { workspace, profile }, token));
        }
    }
    let mut violations = Violations::default();
    bad.into_iter().for_each(|bad| bad.tell(&mut violations));
    if violations.is_empty() { Ok(parsed) } else { Err(violations) }
}

/// What was found for one token.
#[must_use]
pub fn result(key: &Key, fence: Fence) -> v1::FenceCheckResult {
    v1::FenceCheckResult {
        workspace: key.workspace.as_str().to_owned(),
        profile: key.profile.as_str().to_owned(),
        current: fence.current,
        stored_fencing_token: fence.stored.map(|token| token.0),
        stale: fence.stale,
    }
}

const fn token(token: u64) -> Result<FencingToken, NameError> {
    if token == 0 { Err(NameError("must be at least 1")) } else { Ok(FencingToken(token)) }
}

/// What is wrong with one field of the checks: there may be a thousand of them, and a caller is
/// told of the first.
struct Bad {
    field: &'static str,
    first: Option<(usize, &'static str)>,
    count: usize,
}

impl Bad {
    const fn new(field: &'static str) -> Self {
        Self { field, first: None, count: 0 }
    }

    fn note<T>(&mut self, place: usize, parsed: Result<T, NameError>) -> Option<T> {
        match parsed {
            Ok(value) => Some(value),
            Err(NameError(why)) => {
                self.first.get_or_insert((place, why));
                self.count += 1;
                None
            }
        }
    }

    fn tell(self, violations: &mut Violations) {
        let Some((place, why)) = self.first else { return };
        let further = self.count - 1;
        let further = if further > 0 { format!("; so in {further} more") } else { String::new() };
        violations.add(self.field, format!("{why} (in check {place}, counted from 0{further})"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(workspace: &str, profile: &str, fencing_token: u64) -> v1::FenceCheck {
        let (workspace, profile) = (workspace.to_owned(), profile.to_owned());
        v1::FenceCheck { workspace, profile, fencing_token }
    }

    fn refused(checks: Vec<v1::FenceCheck>) -> Vec<(&'static str, String)> {
        let violations = parse(&v1::CheckFenceRequest { checks }).unwrap_err();
        violations.iter().map(|it| (it.field, it.description.clone().into_owned())).collect()
    }

    #[test]
    fn checks_keep_their_order_and_an_empty_profile_is_main() {
        let checks = vec![check("b", "", 2), check("a", "qa", u64::MAX), check("b", "", 2)];
        let parsed = parse(&v1::CheckFenceRequest { checks }).unwrap();
        let parsed: Vec<_> = parsed
            .iter()
            .map(|(key, token)| (key.workspace.as_str(), key.profile.as_str(), token.0))
            .collect();
        assert_eq!(parsed, [("b", "main", 2), ("a", "qa", u64::MAX), ("b", "main", 2)]);
    }

    #[test]
    fn there_are_1_to_1_000_of_them() {
        let many = |count: usize| vec![check("a", "", 1); count];
        assert!(parse(&v1::CheckFenceRequest { checks: many(1_000) }).is_ok());
        for count in [0, 1_001] {
            assert_eq!(refused(many(count))[0].0, "checks");
        }
    }

    #[test]
    fn each_bad_field_is_told_once_with_the_first_check_that_has_it() {
        let checks =
            vec![check("a", "", 1), check("a//b", "", 0), check("", "x y", 1), check("a", "", 0)];
        let told = refused(checks);
        let fields: Vec<_> = told.iter().map(|(field, _)| *field).collect();
        assert_eq!(fields, ["checks.workspace", "checks.profile", "checks.fencing_token"]);
        assert!(told[0].1.ends_with("(in check 1, counted from 0; so in 1 more)"), "{told:?}");
        assert!(told[1].1.ends_with("(in check 2, counted from 0)"), "{told:?}");
        assert_eq!(told[2].1, "must be at least 1 (in check 1, counted from 0; so in 1 more)");
    }
}
