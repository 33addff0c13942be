//! `tenure workspace`: what workspaces there are, and their registration and end.

use clap::{Args, Subcommand, ValueEnum};
use tenure::v1::{
    DeleteWorkspaceRequest, DeleteWorkspaceResponse, ListWorkspacesRequest, ListWorkspacesResponse,
    RegisterWorkspaceRequest, RegisterWorkspaceResponse, WorkspaceFilter, WorkspaceStatus,
};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::details::Details;
use crate::output::table::Table;
use crate::output::time::{Now, absolute};
use crate::output::{Output, words};

/// How many workspaces a page asks for.
const PAGE_SIZE: i32 = 1_000;

const EXAMPLES: &str = "\
Examples:
  tenure workspace list --prefix acme/ --status missing
  tenure workspace register acme/api
  tenure workspace delete acme/old

A server with registration = \"required\" knows only registered workspaces. To delete one its
session must have ended; ledger and history stay, and no token is ever given again.";

/// Lists, registers and deletes workspaces.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct WorkspaceCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the known workspaces, with a session or without
    List(List),
    /// Make a workspace known
    Register(Named),
    /// Remove a workspace and all that is stored under it
    Delete(Named),
}

#[derive(Debug, Args)]
struct List {
    /// Only those under this prefix, by whole segments
    #[arg(long, value_name = "PREFIX")]
    prefix: Option<String>,
    /// Only those that stand so
    #[arg(long, value_enum, value_name = "STATUS")]
    status: Option<StatusFlag>,
}

#[derive(Debug, Args)]
struct Named {
    #[command(flatten)]
    workspace: Workspace,
}

/// Whether somebody has a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StatusFlag {
    /// Nobody
    Missing,
    /// Somebody, with a live session
    Active,
    /// Somebody, whose session is stale
    Stale,
}

impl From<StatusFlag> for WorkspaceStatus {
    fn from(status: StatusFlag) -> Self {
        match status {
            StatusFlag::Missing => Self::Missing,
            StatusFlag::Active => Self::Active,
            StatusFlag::Stale => Self::Stale,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(workspace: WorkspaceCommand, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    match workspace.action {
        Action::List(list) => self::list(list, &connection, output).await,
        Action::Register(named) => register(named, &connection, output).await,
        Action::Delete(named) => delete(named, &connection, output).await,
    }
}

async fn list(list: List, connection: &Connection, output: Output) -> Result<(), Failure> {
    let status = list.status.map_or(WorkspaceStatus::Unspecified, Into::into);
    let mut pages = connection.client.list_workspaces(ListWorkspacesRequest {
        page_size: PAGE_SIZE,
        page_token: String::new(),
        filter: Some(WorkspaceFilter {
            prefix: list.prefix.unwrap_or_default(),
            status: status.into(),
        }),
    });
    let mut all = ListWorkspacesResponse::default();
    while let Some(page) = pages.next_page().await.map_err(|e| connection.failure(e))? {
        all.workspaces.extend(page.workspaces);
    }
    output.answer(&all, || table(&all, output))
}

fn table(all: &ListWorkspacesResponse, output: Output) -> String {
    let now = Now::read();
    let or_none = |text: &str| if text.is_empty() { words::NONE } else { text }.to_owned();
    let mut headers = vec!["workspace", "profile", "status", "owner", "escalations", "known for"];
    if output.is_wide() {
        headers.extend(["registered", "revision", "session", "by", "since"]);
    }
    let mut table = Table::new(output, &headers);
    for info in &all.workspaces {
        let mut cells = vec![
            info.workspace.clone(),
            info.profile.clone(),
            words::workspace_status(info.status),
            or_none(&info.actor_id),
            match info.open_escalations {
                0 => words::NONE.to_owned(),
                open => open.to_string(),
            },
            now.age(info.created_at),
        ];
        if output.is_wide() {
            cells.extend([
                if info.registered { "yes" } else { "no" }.to_owned(),
                info.revision.to_string(),
                or_none(&info.session_id),
                or_none(&info.principal),
                absolute(info.created_at),
            ]);
        }
        table.add(&cells);
    }
    table.render()
}

async fn register(named: Named, connection: &Connection, output: Output) -> Result<(), Failure> {
    let place = named.workspace.shown();
    let request = RegisterWorkspaceRequest {
        workspace: named.workspace.workspace,
        profile: named.workspace.profile,
        ..RegisterWorkspaceRequest::default()
    };
    let answer = connection.client.register_workspace(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || registered(&place, &answer))
}

fn registered(place: &str, answer: &RegisterWorkspaceResponse) -> String {
    let act = if answer.created { "registered" } else { "was registered before:" };
    let mut details = Details::new(format!("{act} {place}"));
    if let Some(info) = &answer.info {
        details.fact("status", words::workspace_status(info.status));
        details.known("owner", info.actor_id.as_str());
        details.fact("known", Now::read().relative(info.created_at));
    }
    details.render()
}

async fn delete(named: Named, connection: &Connection, output: Output) -> Result<(), Failure> {
    let place = named.workspace.shown();
    let request = DeleteWorkspaceRequest {
        workspace: named.workspace.workspace,
        profile: named.workspace.profile,
        ..DeleteWorkspaceRequest::default()
    };
    let answer = connection.client.delete_workspace(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || deleted(&place, &answer))
}

fn deleted(place: &str, answer: &DeleteWorkspaceResponse) -> String {
    if !answer.deleted {
        return Details::new(format!("{place} was not known")).render();
    }
    let mut details = Details::new(format!("deleted {place}"));
    details.fact("tokens", format!("a later session has one above {}", answer.revision_floor));
    details.render()
}
