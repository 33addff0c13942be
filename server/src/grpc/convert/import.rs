//! Imports of what older installations left: the files that come in, and what became of each.

use std::sync::Arc;

use tenure::v1;
use tenure_core::content::Digest;
use tenure_core::name::Key;
use tenure_core::reply::{ImportOutcome, Imported};

use super::choice;
use super::once;
use super::violation::Violations;
use crate::engine::Once;

/// The most files of one call.
pub const FILES_MAX: usize = 16;
/// The most characters of a file's name.
pub const FILE_NAME_MAX_CHARS: usize = 1_024;

/// A call that imports files.
#[derive(Debug)]
pub struct Asked {
    /// Into which workspace.
    pub key: Key,
    /// Set if the request has an id, and is meant in earnest.
    pub once: Option<Once>,
    /// The files, as they came.
    pub files: Vec<v1::LegacyFile>,
    /// Whether only an answer is asked for.
    pub dry_run: bool,
}

/// A request to import files. What their contents hold is not looked at.
///
/// # Errors
/// Every violation.
pub fn parse(mut request: v1::ImportLegacyStateRequest) -> Result<Asked, Violations> {
    let mut violations = Violations::default();
    let once = once::take(&mut request, &mut violations);
    let key = violations.key(&request.workspace, &request.profile);
    if request.files.is_empty() || request.files.len() > FILES_MAX {
        violations.add("files", format!("must be 1 to {FILES_MAX} files"));
    }
    for (at, file) in request.files.iter().take(FILES_MAX).enumerate() {
        let name = &file.name;
        violations.in_item("files", at, |violations| {
            super::text::required("name", name, FILE_NAME_MAX_CHARS, violations)
        });
    }
    let key = key.filter(|_| violations.is_empty()).ok_or(violations)?;
    let v1::ImportLegacyStateRequest { files, dry_run, .. } = request;
    Ok(Asked { key, once: once.filter(|_| !dry_run), files, dry_run })
}

/// The id of one step of a call: the outcome of each file is kept by itself.
#[must_use]
pub fn of_step(once: &Once, step: usize) -> Once {
    // No request id of a caller holds this character.
    Once { request_id: Arc::from(format!("{}#{step}", once.request_id)), ..once.clone() }
}

/// What became of the file `name`.
#[must_use]
pub fn result(
    name: String,
    digest: Digest,
    outcome: Result<Imported, String>,
) -> v1::LegacyFileResult {
    let shown =
        v1::LegacyFileResult { name, blake3: digest.0.to_vec(), ..v1::LegacyFileResult::default() };
    match outcome {
        Err(message) => v1::LegacyFileResult {
            outcome: v1::LegacyFileOutcome::Refused.into(),
            message,
            ..shown
        },
        Ok(imported) => v1::LegacyFileResult {
            outcome: file_outcome(imported.outcome).into(),
            warnings: imported.warnings.iter().map(choice::warning).collect(),
            escalation_ids: imported.escalation_ids.iter().map(|id| id.as_str().into()).collect(),
            ..shown
        },
    }
}

const fn file_outcome(outcome: ImportOutcome) -> v1::LegacyFileOutcome {
    match outcome {
        ImportOutcome::Imported => v1::LegacyFileOutcome::Imported,
        ImportOutcome::AlreadyImported => v1::LegacyFileOutcome::AlreadyImported,
        ImportOutcome::SessionKept => v1::LegacyFileOutcome::SessionKept,
    }
}

#[cfg(test)]
mod tests {
    use tenure_core::reply::Warning;
    use tenure_core::time::Span;

    use super::*;

    fn request(names: &[&str]) -> v1::ImportLegacyStateRequest {
        let file = |name: &&str| v1::LegacyFile { name: (*name).to_owned(), content: vec![b'x'] };
        v1::ImportLegacyStateRequest {
            workspace: "acme/api".to_owned(),
            request_id: "01HZXK3V9Q8J7M6N5P4R3S2T1W".to_owned(),
            files: names.iter().map(file).collect(),
            ..v1::ImportLegacyStateRequest::default()
        }
    }

    fn bad(request: v1::ImportLegacyStateRequest) -> Vec<String> {
        let violations = parse(request).err().unwrap_or_default();
        violations.iter().map(|violation| violation.path().into_owned()).collect()
    }

    #[test]
    fn a_call_has_1_to_16_files_with_names() {
        assert_eq!(bad(request(&[])), ["files"]);
        assert_eq!(bad(request(&["a"; 16])), [""; 0]);
        assert_eq!(bad(request(&["a"; 17])), ["files"]);
        let longest = "ä".repeat(FILE_NAME_MAX_CHARS);
        assert_eq!(bad(request(&[&longest])), [""; 0]);
        assert_eq!(
            bad(request(&["a", "", &format!("{longest}x")])),
            ["files[1].name", "files[2].name"]
        );
        let nothing = v1::ImportLegacyStateRequest { request_id: "x".into(), ..Default::default() };
        assert_eq!(bad(nothing), ["request_id", "workspace", "files"]);
    }

    #[test]
    fn each_step_has_an_id_of_its_own_and_a_dry_run_has_none() {
        let once = parse(request(&["a"])).unwrap().once.unwrap();
        let (first, second) = (of_step(&once, 0), of_step(&once, 1));
        assert_ne!(first.request_id, second.request_id);
        assert_eq!((first.digest, first.rpc), (once.digest, "ImportLegacyState"));
        let dry = v1::ImportLegacyStateRequest { dry_run: true, ..request(&["a"]) };
        assert!(parse(dry).unwrap().once.is_none());
    }

    #[test]
    fn each_outcome_is_shown() {
        let digest = Digest::of(b"x");
        for (outcome, expected) in [
            (ImportOutcome::Imported, v1::LegacyFileOutcome::Imported),
            (ImportOutcome::AlreadyImported, v1::LegacyFileOutcome::AlreadyImported),
            (ImportOutcome::SessionKept, v1::LegacyFileOutcome::SessionKept),
        ] {
            let warnings = vec![Warning::LeaseTtlCut { to: Span::from_secs(60) }];
            let imported = Imported { outcome, warnings, escalation_ids: Vec::new() };
            let shown = result("a".to_owned(), digest, Ok(imported));
            assert_eq!((shown.outcome(), &*shown.blake3), (expected, &digest.0[..]));
            assert_eq!(shown.warnings[0].code(), v1::WarningCode::LeaseTtlCut);
            assert!(shown.warnings[0].message.contains("60 s"));
        }
        let shown = result("a".to_owned(), digest, Err("no".to_owned()));
        assert_eq!((shown.outcome(), &*shown.message), (v1::LegacyFileOutcome::Refused, "no"));
    }
}
