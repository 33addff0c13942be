//! How a machine is shown: as a line of a list, as facts, and as the one incident that it is
//! when it is lost.

use tenure::v1::Machine;

use crate::output::details::Details;
use crate::output::table::Table;
use crate::output::time::{Now, absolute};
use crate::output::{Output, words};

/// The machines, a line each.
#[must_use]
pub fn table(machines: &[Machine], output: Output) -> String {
    let now = Now::read();
    let mut headers = vec!["machine", "host", "state", "live", "stale", "seen", "cordon"];
    if output.is_wide() {
        headers.extend(["by", "since", "labels"]);
    }
    let mut table = Table::new(output, &headers);
    for machine in machines {
        let mut cells = vec![
            machine.machine_id.clone(),
            or_none(&machine.host),
            words::machine_state(machine.state),
            machine.live_sessions.to_string(),
            machine.stale_sessions.to_string(),
            now.shown(machine.last_seen_at, output.is_wide()),
            cordon(machine),
        ];
        if output.is_wide() {
            cells.push(or_none(&machine.cordoned_by));
            cells.push(absolute(machine.cordoned_at));
            cells.push(or_none(&labels(machine)));
        }
        table.add(&cells);
    }
    table.render()
}

/// What was done, to which machine, and how that stands.
#[must_use]
pub fn facts(done: &str, machine: Option<&Machine>, output: Output) -> String {
    let Some(machine) = machine else { return Details::new(done).render() };
    let now = Now::read();
    let mut details = Details::new(format!("{done} {}", machine.machine_id));
    details.known("host", machine.host.as_str());
    details.fact("state", words::machine_state(machine.state));
    details.fact("live", sessions(machine.live_sessions));
    details.fact("stale", sessions(machine.stale_sessions));
    details.known("seen", now.shown(machine.last_seen_at, output.is_wide()));
    if machine.cordoned {
        let since = now.shown(machine.cordoned_at, output.is_wide());
        details.fact("cordoned", format!("by {}, {since}", machine.cordoned_by));
        details.known("reason", machine.cordon_reason.as_str());
    }
    details.known("labels", labels(machine));
    details.render()
}

/// A machine by its host name, or by its id where no host is known.
#[must_use]
pub fn name(machine: &Machine) -> &str {
    if machine.host.is_empty() { &machine.machine_id } else { &machine.host }
}

fn sessions(count: u32) -> String {
    if count == 1 { "1 session".to_owned() } else { format!("{count} sessions") }
}

/// Why a machine is cordoned, or only that it is.
fn cordon(machine: &Machine) -> String {
    match (machine.cordoned, machine.cordon_reason.as_str()) {
        (false, _) => words::NONE.to_owned(),
        (true, "") => "yes".to_owned(),
        (true, reason) => reason.to_owned(),
    }
}

fn labels(machine: &Machine) -> String {
    let pairs = machine.labels.iter().map(|(key, value)| format!("{key}={value}"));
    pairs.collect::<Vec<_>>().join(" ")
}

fn or_none(text: &str) -> String {
    if text.is_empty() { words::NONE.to_owned() } else { text.to_owned() }
}
