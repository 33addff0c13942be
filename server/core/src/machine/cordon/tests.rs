//! What operators order of machines, row by row.

use super::*;
use crate::name::Principal;

fn id() -> MachineId {
    MachineId::imported("m")
}

fn stamp() -> Stamp {
    Stamp {
        at: WallTime(1_000),
        principal: Principal::imported("operator"),
        actor: None,
        address: Some("192.0.2.7:4000".into()),
    }
}

fn cordon(reason: &str) -> MachineCommand {
    MachineCommand::Cordon { reason: Some(reason).filter(|r| !r.is_empty()).map(Arc::from) }
}

const UNCORDON: MachineCommand = MachineCommand::Uncordon { reason: None };

fn known() -> Machine {
    Machine { seen_at: Some(WallTime(5)), ..Machine::unseen(id(), WallTime(10)) }
}

fn cordoned(reason: &str) -> Machine {
    let by = Principal::imported("somebody");
    Machine {
        cordon: Some(Cordon { at: WallTime(20), by, reason: Some(reason.into()) }),
        ..known()
    }
}

fn order(stored: Option<&Machine>, command: &MachineCommand) -> MachineDecision {
    decide(&id(), stored, command, 0, &stamp()).unwrap()
}

/// What is stored after an order.
fn after(stored: Option<&Machine>, command: &MachineCommand, held: Held) -> Option<Machine> {
    match order(stored, command).change {
        None => stored.cloned(),
        Some(change) => apply(&id(), stored.cloned(), &change, held, stamp().at),
    }
}

#[test]
fn a_machine_is_cordoned_by_whom_when_and_why_seen_before_or_not() {
    for stored in [None, Some(&known())] {
        let machine = after(stored, &cordon("a bad disk"), Held::default()).unwrap();
        let by = stamp().principal;
        let reason = Some("a bad disk".into());
        assert_eq!(machine.cordon, Some(Cordon { at: WallTime(1_000), by, reason }));
        assert_eq!(machine.seen_at, stored.and_then(|machine| machine.seen_at));
        assert_eq!(machine.noted_at, WallTime(1_000));
    }
}

#[test]
fn a_cordon_is_logged_with_who_why_and_from_where() {
    let event = order(None, &cordon("a bad disk")).event.unwrap();
    assert_eq!(event.what, What::MachineCordoned { machine: id() });
    assert_eq!((event.key, event.why.as_deref()), (None, Some("a bad disk")));
    assert_eq!((event.principal, event.address), (stamp().principal, stamp().address));
}

#[test]
fn cordoning_twice_is_cordoning_once() {
    let standing = cordoned("a bad disk");
    for again in [cordon("a bad disk"), cordon("")] {
        let decision = order(Some(&standing), &again);
        assert_eq!((decision.change, decision.event), (None, None));
    }
}

#[test]
fn another_reason_is_another_cordon() {
    let machine = after(Some(&cordoned("a bad disk")), &cordon("sold"), Held::default()).unwrap();
    let standing = machine.cordon.unwrap();
    assert_eq!((standing.reason.as_deref(), standing.by), (Some("sold"), stamp().principal));
}

#[test]
fn no_more_machines_are_cordoned_than_are_kept() {
    let full =
        |stored: Option<&Machine>| decide(&id(), stored, &cordon("x"), CORDONED_MAX, &stamp());
    assert_eq!(full(None).unwrap_err(), MachineRefusal::TooManyCordoned);
    assert_eq!(full(Some(&known())).unwrap_err(), MachineRefusal::TooManyCordoned);
    assert!(full(Some(&cordoned("y"))).is_ok(), "it is one of them already");
    assert!(decide(&id(), None, &cordon("x"), CORDONED_MAX - 1, &stamp()).is_ok());
}

#[test]
fn uncordon_lifts_the_cordon_and_is_logged() {
    let command = MachineCommand::Uncordon { reason: Some("a new disk".into()) };
    let event = order(Some(&cordoned("a bad disk")), &command).event.unwrap();
    assert_eq!(event.what, What::MachineUncordoned { machine: id() });
    assert_eq!(event.why.as_deref(), Some("a new disk"));
    let machine = after(Some(&cordoned("a bad disk")), &command, Held::default()).unwrap();
    // It stays for another 30 days, so that a repeat succeeds.
    assert_eq!((machine.cordon, machine.noted_at), (None, WallTime(1_000)));
}

#[test]
fn uncordon_of_one_that_is_not_cordoned_changes_nothing() {
    let decision = order(Some(&known()), &UNCORDON);
    assert_eq!((decision.change, decision.event), (None, None));
}

#[test]
fn uncordon_and_forget_need_a_machine() {
    for command in [UNCORDON, MachineCommand::Forget] {
        let refused = decide(&id(), None, &command, 0, &stamp());
        assert_eq!(refused.unwrap_err(), MachineRefusal::Unknown);
    }
}

#[test]
fn forget_removes_the_machine_with_its_cordon_and_logs_only_that() {
    assert_eq!(after(Some(&known()), &MachineCommand::Forget, Held::default()), None);
    assert_eq!(order(Some(&known()), &MachineCommand::Forget).event, None);
    let standing = cordoned("a bad disk");
    assert_eq!(after(Some(&standing), &MachineCommand::Forget, Held::default()), None);
    let event = order(Some(&standing), &MachineCommand::Forget).event.unwrap();
    assert_eq!(event.what, What::MachineUncordoned { machine: id() });
    assert_eq!(event.why.as_deref(), Some(FORGOTTEN));
}

#[test]
fn a_machine_that_holds_a_session_stays_when_it_is_forgotten_and_its_cordon_goes() {
    for held in [Held { live: 1, stale: 0 }, Held { live: 0, stale: 1 }] {
        let machine = after(Some(&cordoned("x")), &MachineCommand::Forget, held).unwrap();
        assert_eq!((machine.cordon, machine.seen_at), (None, known().seen_at));
    }
}
