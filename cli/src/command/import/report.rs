//! What became of each file, as a table or as JSON, and how the command ends.

use std::path::Path;

use serde::Serialize;
use tenure::v1::LegacyFileResult;

use super::Place;
use crate::failure::Failure;
use crate::output::table::Table;
use crate::output::{Output, json, note, session, words};

/// A file that cannot be imported.
pub(super) const REFUSED: &str = "refused";
/// A file that an earlier run has dealt with.
pub(super) const SKIPPED: &str = "skipped";
/// A file of which is not known what became of it.
pub(super) const FAILED: &str = "failed";
/// A file that was not looked at any more.
pub(super) const NOT_TRIED: &str = "not_tried";

/// What became of all files.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    /// Whether nothing was changed.
    pub dry_run: bool,
    /// Whether there may be several workspaces.
    #[serde(skip)]
    pub names_workspaces: bool,
    /// What the command ends with, and need not be said of each file.
    #[serde(skip)]
    pub said_at_the_end: Option<String>,
    /// The files, in the order in which they were dealt with.
    #[serde(rename = "files")]
    pub rows: Vec<Row>,
}

/// What became of one file.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Row {
    workspace: String,
    profile: String,
    file: String,
    outcome: String,
    /// What is wrong; empty if nothing is.
    message: String,
    blake3: String,
    warnings: Vec<String>,
    escalation_ids: Vec<String>,
    /// The name that it has now.
    pub renamed_to: Option<String>,
}

impl Row {
    /// A file that the server was not asked about, or did not answer.
    pub(super) fn local(place: Place<'_>, file: &Path, outcome: &str, message: String) -> Self {
        let profile = if place.profile.is_empty() { "main" } else { place.profile };
        Self {
            workspace: place.workspace.to_owned(),
            profile: profile.to_owned(),
            file: file.display().to_string(),
            outcome: outcome.to_owned(),
            message,
            ..Self::default()
        }
    }

    /// A file as the server tells it.
    pub(super) fn told(place: Place<'_>, file: &Path, result: &LegacyFileResult) -> Self {
        let outcome = words::legacy_file_outcome(result.outcome);
        Self {
            blake3: result.blake3.iter().map(|byte| format!("{byte:02x}")).collect(),
            warnings: result.warnings.iter().map(|warning| warning.message.clone()).collect(),
            escalation_ids: result.escalation_ids.clone(),
            ..Self::local(place, file, &outcome, result.message.clone())
        }
    }

    /// The file is dealt with, and has its name still.
    pub(super) fn not_renamed(&mut self, why: &str) {
        self.message = format!("not renamed: {why}");
    }

    /// Whether something has to be done about the file.
    fn is_open(&self) -> bool {
        !self.message.is_empty() && self.outcome != SKIPPED || self.outcome == NOT_TRIED
    }

    fn detail(&self) -> String {
        let mut parts = Vec::new();
        if !self.escalation_ids.is_empty() {
            let count = self.escalation_ids.len();
            parts.push(format!("{count} escalation{}", if count == 1 { "" } else { "s" }));
        }
        parts.extend(self.warnings.iter().cloned());
        parts.extend(Some(self.message.clone()).filter(|message| !message.is_empty()));
        if parts.is_empty() { words::NONE.to_owned() } else { parts.join("; ") }
    }
}

impl Report {
    /// Shows the files on standard output, and on standard error in full what is to be done.
    ///
    /// # Errors
    /// [`Failure::ReaderGone`] when nobody reads any more.
    pub(super) fn show(&self, output: Output) -> Result<(), Failure> {
        if output.is_json() {
            output.print(&json::document_of(self)?)?;
        } else {
            output.print(&self.table(output))?;
        }
        let is_said = |row: &&Row| self.said_at_the_end.as_ref() == Some(&row.message);
        let open = self.rows.iter().filter(|row| row.is_open() && !row.message.is_empty());
        for row in open.filter(|row| !is_said(row)) {
            note(&format!("{}: {}", row.file, row.message));
        }
        Ok(())
    }

    fn table(&self, output: Output) -> String {
        let headers: &[&str] = if self.names_workspaces {
            &["workspace", "file", "outcome", "detail"]
        } else {
            &["file", "outcome", "detail"]
        };
        let mut table = Table::new(output, headers);
        for row in &self.rows {
            let mut cells = vec![row.file.clone(), row.outcome.clone(), row.detail()];
            if self.names_workspaces {
                cells.insert(0, session::place(&row.workspace, &row.profile));
            }
            table.add(&cells);
        }
        let mut text = table.render();
        if self.dry_run {
            text.push_str("Nothing was changed: this was a dry run.\n");
        }
        text
    }

    /// How the command ends.
    ///
    /// # Errors
    /// When something has to be done about any file.
    pub(super) fn verdict(&self) -> Result<(), Failure> {
        let open = self.rows.iter().filter(|row| row.is_open()).count();
        if open == 0 {
            return Ok(());
        }
        let all = self.rows.len();
        Err(Failure::general(format!("{open} of {all} files are left to be dealt with")))
    }
}
