//! `tenure machine`: where holders run, and which of them get no new sessions.

use clap::{Args, Subcommand, ValueEnum};
use tenure::v1::{
    CordonMachineRequest, ForgetMachineRequest, ListMachinesRequest, ListMachinesResponse, Machine,
    MachineFilter, MachineState, UncordonMachineRequest,
};

use crate::arguments::Global;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::machine::{facts, table};
use crate::output::{Output, note};

/// How many machines a page asks for.
const PAGE_SIZE: i32 = 1_000;

const EXAMPLES: &str = "\
Examples:
  tenure machine list --state lost
  tenure machine list --label zone=eu -o wide
  tenure machine cordon 4c4c4544 --reason 'its disk fails'
  tenure machine uncordon 4c4c4544

States: ready (holds a live session), idle (holds none, but did within 5 minutes), draining
(cordoned, still holds a live one), lost (all that it holds are stale), absent.
A machine is named by its id, as the list shows it.";

/// Shows where holders run, and bars machines from new sessions.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct MachineCommand {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the known machines
    List(List),
    /// Bar a machine from new sessions; those that it holds go on
    Cordon(Order),
    /// Admit a machine to new sessions again
    Uncordon(Order),
    /// Remove a machine and its cordon; its sessions stay, and show it again
    Forget(Forget),
}

#[derive(Debug, Args)]
struct List {
    /// Only machines in this state
    #[arg(long, value_enum, value_name = "STATE")]
    state: Option<StateFlag>,
    /// Only the machine with this id
    #[arg(long, value_name = "ID")]
    machine: Option<String>,
    /// Only machines with this host name
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Only machines with this label; repeat it for several, which must all be there
    #[arg(long, value_name = "KEY=VALUE", value_parser = parse_label)]
    label: Vec<(String, String)>,
    /// Only cordoned machines
    #[arg(long)]
    cordoned: bool,
    /// Only machines that are not cordoned
    #[arg(long, conflicts_with = "cordoned")]
    uncordoned: bool,
}

#[derive(Debug, Args)]
struct Order {
    /// Id of the machine
    #[arg(value_name = "MACHINE")]
    machine: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
}

#[derive(Debug, Args)]
struct Forget {
    /// Id of the machine
    #[arg(value_name = "MACHINE")]
    machine: String,
}

/// How a machine stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum StateFlag {
    /// It holds a live session
    Ready,
    /// It holds none, but did within the last 5 minutes
    Idle,
    /// It is cordoned, and still holds a live session
    Draining,
    /// All that it holds are stale
    Lost,
    /// It holds none, and has held none for 5 minutes
    Absent,
}

impl From<StateFlag> for MachineState {
    fn from(state: StateFlag) -> Self {
        match state {
            StateFlag::Ready => Self::Ready,
            StateFlag::Idle => Self::Idle,
            StateFlag::Draining => Self::Draining,
            StateFlag::Lost => Self::Lost,
            StateFlag::Absent => Self::Absent,
        }
    }
}

fn parse_label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err("expected a label as KEY=VALUE, such as zone=eu".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(machine: MachineCommand, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    match machine.action {
        Action::List(list) => self::list(list, &connection, output).await,
        Action::Cordon(order) => cordon(order, &connection, output).await,
        Action::Uncordon(order) => uncordon(order, &connection, output).await,
        Action::Forget(forget) => self::forget(forget, &connection, output).await,
    }
}

async fn list(list: List, connection: &Connection, output: Output) -> Result<(), Failure> {
    let filter = MachineFilter {
        state: list.state.map_or(MachineState::Unspecified, Into::into).into(),
        machine: list.machine.unwrap_or_default(),
        host: list.host.unwrap_or_default(),
        labels: list.label.into_iter().collect(),
        cordoned: (list.cordoned || list.uncordoned).then_some(list.cordoned),
    };
    let mut pages = connection.client.list_machines(ListMachinesRequest {
        page_size: PAGE_SIZE,
        page_token: String::new(),
        filter: Some(filter),
    });
    let mut all = ListMachinesResponse::default();
    while let Some(page) = pages.next_page().await.map_err(|e| connection.failure(e))? {
        all.machines.extend(page.machines);
    }
    output.answer(&all, || table(&all.machines, output))
}

async fn cordon(order: Order, connection: &Connection, output: Output) -> Result<(), Failure> {
    let reason = order.reason.unwrap_or_default();
    let request = CordonMachineRequest { machine_id: order.machine, reason };
    let answer = connection.client.cordon_machine(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || facts("cordoned", answer.machine.as_ref(), output))?;
    if let Some(machine) = answer.machine.filter(|machine| machine.last_seen_at.is_none()) {
        warn_of_unseen(&machine, connection).await;
    }
    Ok(())
}

/// Says that nobody has named such a machine yet: perhaps its host name was meant.
async fn warn_of_unseen(machine: &Machine, connection: &Connection) {
    let host = machine.machine_id.clone();
    let request = ListMachinesRequest {
        page_size: 1,
        page_token: String::new(),
        filter: Some(MachineFilter { host, ..MachineFilter::default() }),
    };
    // The cordon stands, whether the list can be read or not.
    let page = connection.client.machines_page(request).await.unwrap_or_default();
    let namesake = page.machines.first().map_or_else(
        || "see `tenure machine list` for the known ones".to_owned(),
        |known| format!("the machine with this host name has the id {}", known.machine_id),
    );
    note(&format!("warning: no holder has named a machine with this id yet; {namesake}"));
}

async fn uncordon(order: Order, connection: &Connection, output: Output) -> Result<(), Failure> {
    let reason = order.reason.unwrap_or_default();
    let request = UncordonMachineRequest { machine_id: order.machine, reason };
    let answer = connection.client.uncordon_machine(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || facts("uncordoned", answer.machine.as_ref(), output))
}

async fn forget(forget: Forget, connection: &Connection, output: Output) -> Result<(), Failure> {
    let request = ForgetMachineRequest { machine_id: forget.machine };
    let answer = connection.client.forget_machine(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    output.answer(&answer, || facts("forgot, as it was,", answer.machine.as_ref(), output))?;
    let holds = |machine: &Machine| machine.live_sessions > 0 || machine.stale_sessions > 0;
    if answer.machine.as_ref().is_some_and(holds) {
        note("note: its sessions stay, so the machine is shown until they have ended");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::parse_label;

    #[test]
    fn a_label_is_a_key_and_a_value_that_may_hold_anything() {
        let label = |key: &str, value: &str| Ok((key.to_owned(), value.to_owned()));
        assert_eq!(parse_label("zone=eu"), label("zone", "eu"));
        assert_eq!(parse_label("a=b=c"), label("a", "b=c"));
        assert_eq!(parse_label("empty="), label("empty", ""));
        for refused in ["zone", "=eu", ""] {
            assert!(parse_label(refused).is_err(), "{refused}");
        }
    }
}
