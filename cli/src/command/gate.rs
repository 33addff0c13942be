//! `tenure gate`: named steps on the way of the work, in order.

use clap::{Args, Subcommand, ValueEnum};
use tenure::v1::{Gate as OneGate, GateState, Gates, PutGatesRequest, UpdateGateRequest};

use crate::arguments::{Global, Workspace};
use crate::command::projection;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::Output;
use crate::output::surroundings::gates_table;

const EXAMPLES: &str = "\
Examples:
  tenure gate set acme/api build test review
  tenure gate update acme/api build --state passed --note 'on the second try'
  tenure gate list acme/api

The first gate that is open or failed is where attention is due; the list marks it.";

/// Sets and shows the steps on the way of the work.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Gate {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Replace the list as a whole; each gate of the new one is open
    Set(Set),
    /// Say how far one gate has come
    Update(Update),
    /// List the gates in order
    List(Workspace),
}

#[derive(Debug, Args)]
struct Set {
    #[command(flatten)]
    workspace: Workspace,
    /// The gates in order
    #[arg(value_name = "GATE", required_unless_present = "none")]
    gates: Vec<String>,
    /// Remove all gates
    #[arg(long, conflicts_with = "gates")]
    none: bool,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
struct Update {
    #[command(flatten)]
    workspace: Workspace,
    /// Which gate
    #[arg(value_name = "GATE")]
    gate: String,
    /// How far it has come
    #[arg(long, value_enum, value_name = "STATE")]
    state: StateFlag,
    /// A note; an empty one removes what is noted [default: unchanged]
    #[arg(long, value_name = "TEXT")]
    note: Option<String>,
    #[command(flatten)]
    by: By,
}

#[derive(Debug, Args)]
struct By {
    /// Who sets it
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Refuse unless this session is stored
    #[arg(long, value_name = "ID")]
    session: Option<String>,
}

/// How far a gate has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
enum StateFlag {
    /// Still to be passed
    Open,
    /// Passed
    Passed,
    /// Given up on purpose, which counts as passed
    Waived,
    /// Tried, and failed
    Failed,
}

impl From<StateFlag> for GateState {
    fn from(state: StateFlag) -> Self {
        match state {
            StateFlag::Open => Self::Open,
            StateFlag::Passed => Self::Passed,
            StateFlag::Waived => Self::Waived,
            StateFlag::Failed => Self::Failed,
        }
    }
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with, such as `NO_SUCH_GATE`.
pub async fn run(gate: Gate, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    match gate.action {
        Action::Set(set) => self::set(set, &connection, output).await,
        Action::Update(update) => self::update(update, &connection, output).await,
        Action::List(workspace) => {
            let gates = projection::read(&workspace, None, &connection).await?.gates;
            let gates = gates.unwrap_or_default();
            output.answer(&gates, || gates_table(&gates, output))
        }
    }
}

async fn set(set: Set, connection: &Connection, output: Output) -> Result<(), Failure> {
    let gates = set.gates.into_iter().map(|name| OneGate { name, ..OneGate::default() });
    let request = PutGatesRequest {
        workspace: set.workspace.workspace,
        profile: set.workspace.profile,
        expected_session_id: set.by.session,
        actor_id: set.by.actor.unwrap_or_default(),
        gates: gates.collect(),
        ..PutGatesRequest::default()
    };
    let answer = connection.client.put_gates(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || text(answer.gates.as_ref(), output))
}

async fn update(update: Update, connection: &Connection, output: Output) -> Result<(), Failure> {
    let request = UpdateGateRequest {
        workspace: update.workspace.workspace,
        profile: update.workspace.profile,
        expected_session_id: update.by.session,
        actor_id: update.by.actor.unwrap_or_default(),
        name: update.gate,
        state: GateState::from(update.state).into(),
        note: update.note,
        ..UpdateGateRequest::default()
    };
    let answer = connection.client.update_gate(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || text(answer.gates.as_ref(), output))
}

fn text(gates: Option<&Gates>, output: Output) -> String {
    gates.map_or_else(String::new, |gates| gates_table(gates, output))
}
