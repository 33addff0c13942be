//! `tenure escalation`: open questions that somebody else must answer.

use clap::{Args, Subcommand, ValueEnum};
use tenure::v1::{
    EscalationFilter, EscalationKind, ListEscalationsRequest, ListEscalationsResponse,
    RaiseEscalationRequest, RaiseEscalationResponse, ResolveEscalationRequest,
    ResolveEscalationResponse,
};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::details::Details;
use crate::output::table::Table;
use crate::output::time::{Now, absolute};
use crate::output::{Output, words};

/// How many escalations a page asks for.
const PAGE_SIZE: i32 = 1_000;

const EXAMPLES: &str = "\
Examples:
  tenure escalation raise acme/api --kind blocking --reason 'which of the two schemas?'
  tenure escalation list --kind blocking
  tenure escalation resolve acme/api esc_01J... --reason 'the newer one'

While a blocking one is open its holder is told to wait; its lease goes on.";

/// Asks, lists and answers open questions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Escalation {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Ask a question that somebody else must answer
    Raise(Raise),
    /// List the open questions, of one workspace or of all
    List(List),
    /// Close a question that is answered
    Resolve(Resolve),
}

#[derive(Debug, Args)]
struct Raise {
    #[command(flatten)]
    workspace: Workspace,
    /// Whether the holder is to wait for the answer
    #[arg(long, value_enum, value_name = "KIND")]
    kind: KindFlag,
    /// What is asked
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// Who asks
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
}

#[derive(Debug, Args)]
struct List {
    /// Only those of this workspace
    #[arg(value_name = "WORKSPACE")]
    workspace: Option<String>,
    /// Which of the workspace's independent tenures is meant [default: main]
    #[arg(long, value_name = "PROFILE", requires = "workspace")]
    profile: Option<String>,
    /// Only those of workspaces under this prefix, by whole segments
    #[arg(long, value_name = "PREFIX", conflicts_with = "workspace")]
    prefix: Option<String>,
    /// Only those of this kind
    #[arg(long, value_enum, value_name = "KIND")]
    kind: Option<KindFlag>,
}

#[derive(Debug, Args)]
struct Resolve {
    #[command(flatten)]
    workspace: Workspace,
    /// Which question
    #[arg(value_name = "ID")]
    id: String,
    /// How it was resolved
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// Who answers
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
}

/// Whether the holder is to wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum KindFlag {
    /// The holder waits, and keeps its lease
    Blocking,
    /// The holder goes on
    NonBlocking,
}

impl From<KindFlag> for EscalationKind {
    fn from(kind: KindFlag) -> Self {
        match kind {
            KindFlag::Blocking => Self::Blocking,
            KindFlag::NonBlocking => Self::NonBlocking,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(escalation: Escalation, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    match escalation.action {
        Action::Raise(raise) => self::raise(raise, &connection, output).await,
        Action::List(list) => self::list(list, &connection, output).await,
        Action::Resolve(resolve) => self::resolve(resolve, &connection, output).await,
    }
}

async fn raise(raise: Raise, connection: &Connection, output: Output) -> Result<(), Failure> {
    let place = raise.workspace.shown();
    let request = RaiseEscalationRequest {
        workspace: raise.workspace.workspace,
        profile: raise.workspace.profile,
        actor_id: raise.actor.unwrap_or_default(),
        kind: EscalationKind::from(raise.kind).into(),
        reason: raise.reason,
        ..RaiseEscalationRequest::default()
    };
    let answer = connection.client.raise_escalation(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || raised(&place, &answer))
}

fn raised(place: &str, answer: &RaiseEscalationResponse) -> String {
    let mut details = Details::new(format!("raised in {place}"));
    if let Some(escalation) = &answer.escalation {
        details.fact("escalation", escalation.escalation_id.as_str());
        details.fact("kind", words::escalation_kind(escalation.kind));
        details.fact("asked", escalation.reason.as_str());
        details.known("session", escalation.session_id.as_str());
    }
    details.render()
}

async fn list(list: List, connection: &Connection, output: Output) -> Result<(), Failure> {
    let kind = list.kind.map_or(EscalationKind::Unspecified, EscalationKind::from);
    let filter = EscalationFilter { prefix: list.prefix.unwrap_or_default(), kind: kind.into() };
    let mut pages = connection.client.list_escalations(ListEscalationsRequest {
        workspace: list.workspace.unwrap_or_default(),
        profile: list.profile.unwrap_or_default(),
        page_size: PAGE_SIZE,
        page_token: String::new(),
        filter: Some(filter),
    });
    let mut all = ListEscalationsResponse::default();
    while let Some(page) = pages.next_page().await.map_err(|e| connection.failure(e))? {
        all.escalations.extend(page.escalations);
    }
    output.answer(&all, || table(&all, output))
}

fn table(all: &ListEscalationsResponse, output: Output) -> String {
    let now = Now::read();
    let or_none =
        |text: &str| if text.is_empty() { words::NONE.to_owned() } else { text.to_owned() };
    let mut headers = vec!["workspace", "profile", "id", "kind", "for", "by", "asked"];
    if output.is_wide() {
        headers.extend(["principal", "session", "raised"]);
    }
    let mut table = Table::new(output, &headers);
    for listed in &all.escalations {
        let Some(escalation) = &listed.escalation else { continue };
        let mut cells = vec![
            listed.workspace.clone(),
            listed.profile.clone(),
            escalation.escalation_id.clone(),
            words::escalation_kind(escalation.kind),
            now.age(escalation.raised_at),
            or_none(&escalation.actor_id),
            escalation.reason.clone(),
        ];
        if output.is_wide() {
            cells.extend([
                or_none(&escalation.principal),
                or_none(&escalation.session_id),
                absolute(escalation.raised_at),
            ]);
        }
        table.add(&cells);
    }
    table.render()
}

async fn resolve(resolve: Resolve, connection: &Connection, output: Output) -> Result<(), Failure> {
    let place = resolve.workspace.shown();
    let request = ResolveEscalationRequest {
        workspace: resolve.workspace.workspace,
        profile: resolve.workspace.profile,
        actor_id: resolve.actor.unwrap_or_default(),
        escalation_id: resolve.id,
        reason: resolve.reason.unwrap_or_default(),
        ..ResolveEscalationRequest::default()
    };
    let answer = connection.client.resolve_escalation(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || resolved(&place, &answer))
}

fn resolved(place: &str, answer: &ResolveEscalationResponse) -> String {
    let mut details = Details::new(format!("resolved in {place}"));
    if let Some(escalation) = &answer.escalation {
        details.fact("escalation", escalation.escalation_id.as_str());
        details.fact("asked", escalation.reason.as_str());
    }
    let left = match answer.blocking_escalations {
        0 => "none: the holder can go on".to_owned(),
        left => format!("{left} still open"),
    };
    details.fact("blocking", left);
    details.render()
}
