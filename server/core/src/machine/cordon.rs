//! Cordons: what operators order of a machine, and what comes of it.

use std::sync::Arc;

use super::{Cordon, Held, Machine};
use crate::event::{Event, Stamp, What};
use crate::name::MachineId;
use crate::time::WallTime;

/// The most machines that are cordoned at a time.
pub const CORDONED_MAX: usize = 10_000;

/// Why a cordon is lifted when its machine is forgotten.
const FORGOTTEN: &str = "the machine was forgotten";

/// What an operator orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineCommand {
    /// Bar the machine from new sessions.
    Cordon {
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// Admit it again.
    Uncordon {
        /// Why.
        reason: Option<Arc<str>>,
    },
    /// Forget it, its cordon included.
    Forget,
}

/// What becomes of a machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MachineChange {
    /// It is cordoned.
    Cordoned(Cordon),
    /// It is not cordoned any more.
    Uncordoned,
    /// It is gone, unless it holds a session: then only its cordon is.
    Forgotten,
}

/// What an order does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MachineDecision {
    /// What becomes of the machine; absent if it is as it was ordered already.
    pub change: Option<MachineChange>,
    /// What the log says of it. Only a cordon is logged: that a machine is there, and that it
    /// is not, follows from the sessions.
    pub event: Option<Event>,
}

/// Why an order is not carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MachineRefusal {
    /// Nobody has named such a machine.
    #[error("no machine has this id")]
    Unknown,
    /// Too many are cordoned.
    #[error("{CORDONED_MAX} machines are cordoned, and no more are kept")]
    TooManyCordoned,
}

/// Decides an order about the machine `id`, of which `stored` is known, when `cordoned` machines
/// are cordoned.
///
/// # Errors
/// A [`MachineRefusal`].
pub fn decide(
    id: &MachineId,
    stored: Option<&Machine>,
    command: &MachineCommand,
    cordoned: usize,
    stamp: &Stamp,
) -> Result<MachineDecision, MachineRefusal> {
    let cordon = stored.and_then(|machine| machine.cordon.as_ref());
    let lifted = |why| Some(logged(What::MachineUncordoned { machine: id.clone() }, why, stamp));
    let (change, event) = match command {
        MachineCommand::Cordon { reason } => match cordon {
            // A repeat. Another reason is another cordon, in the place of the first.
            Some(standing) if standing.reason == *reason || reason.is_none() => (None, None),
            None if cordoned >= CORDONED_MAX => return Err(MachineRefusal::TooManyCordoned),
            _ => {
                let (at, by, reason) = (stamp.at, stamp.principal.clone(), reason.clone());
                let what = What::MachineCordoned { machine: id.clone() };
                let event = logged(what, reason.clone(), stamp);
                (Some(MachineChange::Cordoned(Cordon { at, by, reason })), Some(event))
            }
        },
        _ if stored.is_none() => return Err(MachineRefusal::Unknown),
        MachineCommand::Uncordon { reason } => match cordon {
            None => (None, None),
            Some(_) => (Some(MachineChange::Uncordoned), lifted(reason.clone())),
        },
        MachineCommand::Forget => {
            let event = cordon.and_then(|_| lifted(Some(Arc::from(FORGOTTEN))));
            (Some(MachineChange::Forgotten), event)
        }
    };
    Ok(MachineDecision { change, event })
}

/// What is stored of the machine `id` after `change`, made `at`, where `stored` was and `held`
/// are held.
#[must_use]
pub fn apply(
    id: &MachineId,
    stored: Option<Machine>,
    change: &MachineChange,
    held: Held,
    at: WallTime,
) -> Option<Machine> {
    let noted = |machine: Machine, cordon| Machine { noted_at: at, cordon, ..machine };
    match change {
        MachineChange::Cordoned(cordon) => {
            let machine = stored.unwrap_or_else(|| Machine::unseen(id.clone(), at));
            Some(noted(machine, Some(cordon.clone())))
        }
        MachineChange::Uncordoned => stored.map(|machine| noted(machine, None)),
        MachineChange::Forgotten if held == Held::default() => None,
        MachineChange::Forgotten => stored.map(|machine| noted(machine, None)),
    }
}

fn logged(what: What, why: Option<Arc<str>>, stamp: &Stamp) -> Event {
    Event {
        at: stamp.at,
        key: None,
        session_id: None,
        revision: None,
        principal: stamp.principal.clone(),
        actor: None,
        why,
        address: stamp.address.clone(),
        before: None,
        after: None,
        what,
    }
}

#[cfg(test)]
mod tests;
