//! `tenure import`: brings in what older installations left, and sets their files aside.
//!
//! Guarantees: a file is renamed only after the server has answered that its content is
//! durably dealt with, never over another file, and not if it has changed meanwhile; whatever
//! is wrong with one file is said, and the others go on.

mod file;
mod map;
mod report;

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use tenure::v1::{ImportLegacyStateRequest, LegacyFile, LegacyFileOutcome, LegacyFileResult};

use crate::arguments::Global;
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::note;
use file::{Found, Loaded};
use map::Group;
use report::{Report, Row};

/// The most files of one call.
const CALL_FILES_MAX: usize = 16;
/// From so many bytes of files on a call is sent, so that one more file still fits with it into
/// the smallest message that a server may be told to take.
const CALL_BYTES_MAX: usize = 512 << 10;
/// How often is said how far a long run has come.
const PROGRESS_EVERY: Duration = Duration::from_secs(2);

const EXAMPLES: &str = "\
FILE is a session file (schema_version 2, 3 or 4) or an escalation file (schema_version 1); the
server tells them apart by their content. Of all files that are imported together the escalations
come first. A file whose content the server has durably dealt with is renamed to FILE.migrated; so
is one whose workspace has a session already, and keeps it. Any other file stays as it is. Running
the same command again changes nothing. Stop the older installation before: it must not write its
files any more.

--map names a TOML file for many workspaces at once. Its paths count from the folder it is in:

  [[import]]
  workspace = \"acme/api\"
  profile = \"main\"              # may be left out
  files = [\"api/session.json\", \"api/escalations.json\"]

  [[import]]
  workspace = \"acme/web\"
  files = [\"web/session.json\"]

Exits with 0 when every file is dealt with, and with 1 when any is refused or could not be renamed.

Examples:
  tenure import --workspace acme/api --dry-run state/api/*.json
  tenure import --workspace acme/api state/api/*.json
  tenure import --map state/map.toml -o json";

/// Imports files of older installations.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Import {
    /// The workspace that the files belong to
    #[arg(long, value_name = "WORKSPACE", required_unless_present = "map", requires = "files")]
    workspace: Option<String>,
    /// Which of the workspace's independent tenures is meant [default: main]
    #[arg(long, value_name = "PROFILE", conflicts_with = "map")]
    profile: Option<String>,
    /// The files
    #[arg(value_name = "FILE", requires = "workspace")]
    files: Vec<PathBuf>,
    /// A TOML file that says which files belong to which workspaces
    #[arg(long, value_name = "FILE", conflicts_with_all = ["workspace", "files"])]
    map: Option<PathBuf>,
    /// Say what would happen, and change nothing
    #[arg(long)]
    dry_run: bool,
}

/// Runs the command.
///
/// # Errors
/// [`Exit::Failure`] when any file was refused, or imported and not renamed; what the service
/// refuses with; a usage failure for a map that cannot be followed.
pub async fn run(import: Import, global: &Global) -> Result<(), Failure> {
    let output = global.output();
    let groups = match (&import.map, import.workspace) {
        (Some(map), _) => map::read(map)?,
        (None, Some(workspace)) => {
            let profile = import.profile.unwrap_or_default();
            vec![Group { workspace, profile, files: import.files }]
        }
        (None, None) => return Err(Failure::usage("name a workspace, or a map")),
    };
    let mut run = Run {
        connection: Connection::open(global).await?,
        dry_run: import.dry_run,
        of_a_map: import.map.is_some(),
        total: groups.iter().map(|group| group.files.len()).sum(),
        seen: HashSet::new(),
        rows: Vec::new(),
        stopped: None,
        said_at: Instant::now(),
    };
    for group in groups {
        run.group(group).await;
    }
    let Run { rows, stopped, .. } = run;
    let said_at_the_end = stopped.as_ref().map(|failure| failure.message().to_owned());
    let names_workspaces = import.map.is_some();
    let report = Report { dry_run: import.dry_run, names_workspaces, said_at_the_end, rows };
    report.show(output)?;
    match stopped {
        Some(failure) => Err(failure),
        None => report.verdict(),
    }
}

/// A run of the command.
struct Run {
    connection: Connection,
    dry_run: bool,
    of_a_map: bool,
    total: usize,
    /// The files so far, however they were named.
    seen: HashSet<PathBuf>,
    rows: Vec<Row>,
    /// Why no further call is tried.
    stopped: Option<Failure>,
    said_at: Instant,
}

/// A workspace, for the rows of its files.
#[derive(Clone, Copy)]
struct Place<'a> {
    workspace: &'a str,
    profile: &'a str,
}

impl Run {
    async fn group(&mut self, group: Group) {
        let place = Place { workspace: &group.workspace, profile: &group.profile };
        let mut call: Vec<Loaded> = Vec::new();
        let mut bytes = 0;
        for path in group.files {
            let row = |outcome, message| Row::local(place, &path, outcome, message);
            if self.stopped.is_some() {
                self.rows.push(row(report::NOT_TRIED, String::new()));
                continue;
            }
            let loaded = match file::find(&path) {
                Found::File(loaded) => loaded,
                Found::DealtWith(why) => {
                    self.rows.push(row(report::SKIPPED, why));
                    continue;
                }
                Found::Unusable(why) => {
                    self.rows.push(row(report::REFUSED, why));
                    continue;
                }
            };
            if !self.seen.insert(loaded.resolved.clone()) {
                let why = "is named more than once".to_owned();
                self.rows.push(row(report::REFUSED, why));
                continue;
            }
            bytes += loaded.content.len();
            call.push(loaded);
            if call.len() == CALL_FILES_MAX || bytes >= CALL_BYTES_MAX {
                self.send(place, std::mem::take(&mut call)).await;
                bytes = 0;
            }
        }
        self.send(place, call).await;
    }

    /// Sends files of one workspace, and sets aside what is dealt with.
    async fn send(&mut self, place: Place<'_>, files: Vec<Loaded>) {
        if files.is_empty() {
            return;
        }
        let request = ImportLegacyStateRequest {
            workspace: place.workspace.to_owned(),
            profile: place.profile.to_owned(),
            files: files
                .iter()
                .map(|file| LegacyFile { name: file.name(), content: file.content.clone() })
                .collect(),
            dry_run: self.dry_run,
            ..ImportLegacyStateRequest::default()
        };
        match self.connection.client.import_legacy_state(request).await {
            Ok(answer) => {
                let mut results = answer.results.into_iter();
                for file in &files {
                    let row = self.told(place, file, results.next());
                    self.rows.push(row);
                }
                if !self.dry_run
                    && let Err(why) = file::sync_folders(&files)
                {
                    note(&format!("warning: {why}"));
                }
            }
            Err(error) => self.failed(place, &files, self.connection.failure(error)),
        }
        if self.said_at.elapsed() >= PROGRESS_EVERY {
            self.said_at = Instant::now();
            note(&format!("{} of {} files", self.rows.len(), self.total));
        }
    }

    /// What became of a file; it is set aside if it is dealt with.
    fn told(&self, place: Place<'_>, file: &Loaded, result: Option<LegacyFileResult>) -> Row {
        let result = result.unwrap_or_default();
        let mut row = Row::told(place, &file.path, &result);
        match result.outcome() {
            LegacyFileOutcome::Imported
            | LegacyFileOutcome::AlreadyImported
            | LegacyFileOutcome::SessionKept => {
                if !self.dry_run {
                    match file.set_aside() {
                        Ok(renamed) => row.renamed_to = Some(renamed.display().to_string()),
                        Err(why) => row.not_renamed(&why),
                    }
                }
            }
            LegacyFileOutcome::Refused => {}
            LegacyFileOutcome::Unspecified => row.not_renamed("the server's answer is not known"),
        }
        row
    }

    /// Nothing is known of these files. What is wrong with one workspace of a map holds up no
    /// other; anything else, such as a server that is away, would befall every other call, too.
    fn failed(&mut self, place: Place<'_>, files: &[Loaded], failure: Failure) {
        for file in files {
            let message = failure.message().to_owned();
            self.rows.push(Row::local(place, &file.path, report::FAILED, message));
        }
        if !self.of_a_map || !matches!(failure.exit(), Exit::Usage | Exit::Conflict) {
            self.stopped = Some(failure);
        }
    }
}
