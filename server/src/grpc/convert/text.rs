//! Texts from callers: reasons and activities. They are kept as they are, and escaped where
//! they are shown.

use std::sync::Arc;

use tenure_core::command::{ACTIVITY_MAX_CHARS, REASON_MAX_CHARS};

use super::violation::Violations;

/// A reason that must be given: 1 to 500 characters.
pub fn reason(text: &str, violations: &mut Violations) -> Option<Arc<str>> {
    if text.is_empty() {
        violations.add("reason", "must be given: 1 to 500 characters");
        return None;
    }
    optional_reason(text, violations)
}

/// A reason that may be empty, which means none: at most 500 characters.
pub fn optional_reason(text: &str, violations: &mut Violations) -> Option<Arc<str>> {
    if is_longer_than(text, REASON_MAX_CHARS) {
        violations.add("reason", "must be at most 500 characters");
        return None;
    }
    (!text.is_empty()).then(|| Arc::from(text))
}

/// A text in `field` that must be given: 1 to `max` characters.
pub fn required(
    field: &'static str,
    text: &str,
    max: usize,
    violations: &mut Violations,
) -> Option<Arc<str>> {
    if text.is_empty() || is_longer_than(text, max) {
        violations.add(field, format!("must be 1 to {max} characters"));
        return None;
    }
    Some(Arc::from(text))
}

/// A text in `field` of at most `max` characters, which may be empty.
pub fn at_most(
    field: &'static str,
    text: &str,
    max: usize,
    violations: &mut Violations,
) -> Arc<str> {
    if is_longer_than(text, max) {
        violations.add(field, format!("must be at most {max} characters"));
        return Arc::from("");
    }
    Arc::from(text)
}

/// An activity: at most 280 Unicode scalar values after trimming, of which none mean that the
/// activity is left as it is.
pub fn activity(text: Option<&str>, violations: &mut Violations) -> Option<Arc<str>> {
    let text = text?.trim();
    if is_longer_than(text, ACTIVITY_MAX_CHARS) {
        violations.add("activity", "must be at most 280 characters after trimming");
        return None;
    }
    (!text.is_empty()).then(|| Arc::from(text))
}

/// Whether `text` has more than `max` characters. Looks at no more than it must, so that a
/// huge text is refused cheaply.
#[must_use]
pub fn is_longer_than(text: &str, max: usize) -> bool {
    text.chars().nth(max).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn violation(check: impl FnOnce(&mut Violations)) -> Option<&'static str> {
        let mut violations = Violations::default();
        check(&mut violations);
        violations.iter().map(|violation| violation.field).next()
    }

    #[test]
    fn a_reason_has_1_to_500_characters() {
        let longest = "ä".repeat(500);
        assert_eq!(violation(|v| assert!(reason("", v).is_none())), Some("reason"));
        assert_eq!(
            violation(|v| assert_eq!(reason(&longest, v).as_deref(), Some(&*longest))),
            None
        );
        let too_long = "ä".repeat(501);
        assert_eq!(violation(|v| assert!(reason(&too_long, v).is_none())), Some("reason"));
        assert_eq!(violation(|v| assert!(optional_reason(&too_long, v).is_none())), Some("reason"));
    }

    #[test]
    fn an_empty_optional_reason_is_none() {
        assert_eq!(violation(|v| assert!(optional_reason("", v).is_none())), None);
    }

    #[test]
    fn an_activity_is_trimmed_before_it_is_counted() {
        let longest = "🦀".repeat(280);
        let padded = format!(" \t\u{2003}{longest}\n");
        assert_eq!(
            violation(|v| assert_eq!(activity(Some(&padded), v).as_deref(), Some(&*longest))),
            None
        );
        let too_long = "🦀".repeat(281);
        assert_eq!(
            violation(|v| assert!(activity(Some(&too_long), v).is_none())),
            Some("activity")
        );
    }

    #[test]
    fn an_activity_of_white_space_leaves_the_last_one() {
        assert_eq!(violation(|v| assert!(activity(Some(" \n\t "), v).is_none())), None);
        assert_eq!(violation(|v| assert!(activity(None, v).is_none())), None);
    }
}
