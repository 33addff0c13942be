//! `tenure checkpoint`: the opaque state by which a successor can resume the work.

use std::io::{self, IsTerminal as _, Write as _};

use clap::{Args, Subcommand};
use tenure::v1::Checkpoint as Stored;

use crate::arguments::{Global, Workspace};
use crate::command::projection;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::details::Details;
use crate::output::time::Now;

/// The most characters of a checkpoint that are shown; all of it is had with `--raw`.
const SHOWN_MAX_CHARS: usize = 400;

const EXAMPLES: &str = "\
Examples:
  tenure checkpoint show acme/api
  tenure checkpoint show acme/api --raw > state.json

A holder sends one with `tenure heartbeat --checkpoint FILE`.";

/// Shows the state by which a successor can resume the work.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Checkpoint {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the checkpoint; exits with 3 when there is none
    #[command(after_help = EXAMPLES)]
    Show(Show),
}

#[derive(Debug, Args)]
struct Show {
    #[command(flatten)]
    workspace: Workspace,
    /// Write the very bytes and nothing else; not onto a terminal
    #[arg(long)]
    raw: bool,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(checkpoint: Checkpoint, global: &Global) -> Result<(), Failure> {
    let Action::Show(Show { workspace, raw }) = checkpoint.action;
    if raw && io::stdout().is_terminal() {
        return Err(Failure::usage("the bytes of a checkpoint could disturb a terminal")
            .with_hint("redirect them to a file, or leave --raw out"));
    }
    let connection = Connection::open(global).await?;
    let stored = projection::read(&workspace, None, &connection).await?.checkpoint;
    let stored = stored.ok_or_else(|| projection::nothing(&workspace, "checkpoint"))?;
    if raw {
        let mut stdout = io::stdout().lock();
        stdout.write_all(&stored.content)?;
        stdout.flush()?;
        return Ok(());
    }
    let output = global.output();
    output.answer(&stored, || text(&workspace, &stored, output))
}

fn text(workspace: &Workspace, stored: &Stored, output: Output) -> String {
    let mut details = Details::new(format!("checkpoint of {}", workspace.shown()));
    details.fact("size", format!("{} bytes", stored.content.len()));
    details.fact("sent", Now::read().shown(stored.set_at, output.is_wide()));
    details.known("by", stored.actor_id.as_str());
    details.known("session", stored.session_id.as_str());
    details.fact("revision", stored.revision.to_string());
    details.fact("content", content(&stored.content));
    details.render()
}

fn content(bytes: &[u8]) -> String {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return "no text: write it to a file with --raw".to_owned();
    };
    match text.char_indices().nth(SHOWN_MAX_CHARS) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}… (all of it with --raw)", &text[..end]),
    }
}
