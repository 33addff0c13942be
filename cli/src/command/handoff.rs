//! `tenure handoff`: what one tenure leaves to the next.

mod form;

use clap::{Args, Subcommand};
use tenure::v1::PutHandoffRequest;

use crate::arguments::{Global, Workspace};
use crate::command::projection;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::input;

/// The most bytes of a file with a handoff: the largest handoff, with room for its form.
const FILE_BYTES_MAX: usize = 512 * 1024;

const EXAMPLES: &str = "\
FILE holds a title and a list of what is to be done, as a task list in Markdown:

  # The parser
  - [ ] fix the lexer
  - [x] write the tests        done
  - [-] port the old grammar   dropped

The marks may be left out: the first line is the title, every further one an open action. Blank
lines and whole-line <!-- comments --> are passed over, so that what `show` prints can be edited
and put. A file that begins with { is read as the JSON that `show -o json` prints.

Examples:
  tenure handoff show acme/api > handoff.md
  tenure handoff put acme/api handoff.md
  printf 'The parser\\nfix the lexer\\n' | tenure handoff put acme/api -";

/// Shows and replaces what one tenure leaves to the next.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Handoff {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Show the handoff; exits with 3 when there is none
    Show(Workspace),
    /// Replace the handoff as a whole
    #[command(after_help = EXAMPLES)]
    Put(Put),
}

#[derive(Debug, Args)]
struct Put {
    #[command(flatten)]
    workspace: Workspace,
    /// The file, or - for standard input
    #[arg(value_name = "FILE")]
    file: String,
    /// Who puts it
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Refuse unless this session is stored
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with; a usage failure for a file that is no handoff.
pub async fn run(handoff: Handoff, global: &Global) -> Result<(), Failure> {
    let output = global.output();
    match handoff.action {
        Action::Show(workspace) => {
            let connection = Connection::open(global).await?;
            let handoff = projection::read(&workspace, None, &connection).await?.handoff;
            let handoff = handoff.ok_or_else(|| projection::nothing(&workspace, "handoff"))?;
            output.answer(&handoff, || form::shown(&handoff, output.is_wide()))
        }
        Action::Put(put) => {
            let handoff = form::parse(&put.file, &input::read(&put.file, FILE_BYTES_MAX)?)?;
            let connection = Connection::open(global).await?;
            let request = PutHandoffRequest {
                workspace: put.workspace.workspace,
                profile: put.workspace.profile,
                expected_session_id: put.session,
                actor_id: put.actor.unwrap_or_default(),
                handoff: Some(handoff),
                ..PutHandoffRequest::default()
            };
            let answer = connection.client.put_handoff(request).await;
            let answer = answer.map_err(|error| connection.failure(error))?;
            let stored = answer.handoff.as_ref();
            output.answer(&answer, || {
                stored.map_or_else(String::new, |it| form::shown(it, output.is_wide()))
            })
        }
    }
}
