//! What a list of sessions has to say of lost machines: forty stale sessions of one machine are
//! one incident, and nobody should have to count lines to see that.
//!
//! The lines of the list stay as they are, for whoever cuts and searches them; this is said
//! beside them, in one line on standard error.

use std::collections::BTreeMap;

use tenure::v1::{ListMachinesRequest, Machine, MachineFilter, MachineState, Session};

use crate::connection::Connection;
use crate::output::machine::name;
use crate::output::note;
use crate::output::time::Now;

/// From so many stale sessions of one machine on it is worth asking whether it is lost.
const SESSIONS_MIN: usize = 2;
/// The most machines that are named; of the others the number is told.
const NAMED_MAX: usize = 3;
/// The most lost machines that are asked for.
const PAGE_SIZE: i32 = 1_000;

/// Says which of the machines of these sessions are lost, if several of the sessions are on one.
/// An older server cannot tell, and the list is true without it.
pub(super) async fn tell(sessions: &[Session], connection: &Connection) {
    let listed = stale_by_machine(sessions);
    if listed.is_empty() {
        return;
    }
    let filter = MachineFilter { state: MachineState::Lost.into(), ..MachineFilter::default() };
    let request = ListMachinesRequest {
        page_size: PAGE_SIZE,
        page_token: String::new(),
        filter: Some(filter),
    };
    let Ok(page) = connection.client.machines_page(request).await else { return };
    if let Some(line) = line(&page.machines, &listed, Now::read()) {
        note(&line);
    }
}

/// How many stale sessions of each machine are listed, where there are several.
fn stale_by_machine(sessions: &[Session]) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for machine in sessions.iter().filter(|it| it.stale).filter_map(|it| it.machine.as_ref()) {
        *counts.entry(machine.machine_id.as_str()).or_default() += 1;
    }
    counts.retain(|id, count| !id.is_empty() && *count >= SESSIONS_MIN);
    counts
}

/// The line, if any of the listed machines is lost; the one with most sessions comes first.
fn line(lost: &[Machine], listed: &BTreeMap<&str, usize>, now: Now) -> Option<String> {
    let listed_of = |machine: &Machine| listed.get(machine.machine_id.as_str()).copied();
    let mut lost: Vec<(usize, &Machine)> =
        lost.iter().filter_map(|machine| Some((listed_of(machine)?, machine))).collect();
    lost.sort_by(|(one, a), (other, b)| other.cmp(one).then(a.machine_id.cmp(&b.machine_id)));
    let mut parts: Vec<String> = lost
        .iter()
        .take(NAMED_MAX)
        .map(|(count, machine)| {
            let seen = now.relative(machine.last_seen_at);
            format!("{} ({count} of these sessions, last seen {seen})", name(machine))
        })
        .collect();
    let incident = match lost.len() {
        0 => return None,
        1 => "a machine is lost, which is one incident",
        _ => "machines are lost, each of which is one incident",
    };
    if lost.len() > NAMED_MAX {
        parts.push(format!("{} more", lost.len() - NAMED_MAX));
    }
    Some(format!("note: {incident}: {}; see `tenure machine list --state lost`", parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use tenure::v1::MachineRef;

    use super::*;

    fn on(machine: &str, stale: bool) -> Session {
        let machine_id = machine.to_owned();
        let machine = Some(MachineRef { machine_id, ..MachineRef::default() });
        Session { machine, stale, ..Session::default() }
    }

    fn lost(id: &str) -> Machine {
        Machine { machine_id: id.to_owned(), ..Machine::default() }
    }

    #[test]
    fn only_several_stale_sessions_of_one_machine_are_worth_a_question() {
        let sessions = [on("a", true), on("a", true), on("b", true), on("c", false), on("c", true)];
        assert_eq!(stale_by_machine(&sessions), [("a", 2)].into());
        assert!(stale_by_machine(&[Session { stale: true, ..Session::default() }]).is_empty());
    }

    #[test]
    fn a_machine_that_still_holds_a_live_session_elsewhere_is_not_called_lost() {
        let listed = [("a", 40)].into();
        assert_eq!(line(&[], &listed, Now::read()), None);
        assert_eq!(line(&[lost("other")], &listed, Now::read()), None);
    }

    #[test]
    fn one_machine_is_one_incident_and_of_many_the_largest_are_named() {
        let one = line(&[lost("a")], &[("a", 40)].into(), Now::read()).unwrap();
        assert_eq!(
            one,
            "note: a machine is lost, which is one incident: a (40 of these sessions, last seen -); \
             see `tenure machine list --state lost`"
        );
        let all = ["a", "b", "c", "d", "e"];
        let listed = all.iter().zip(2..).map(|(id, count)| (*id, count)).collect();
        let many = line(&all.map(lost), &listed, Now::read()).unwrap();
        assert!(many.contains("each of which is one incident: e (6 of these"), "{many}");
        assert!(many.contains(", c (4 of these sessions, last seen -), 2 more; see"), "{many}");
    }
}
