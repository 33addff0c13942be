//! Digests of sections: blake3 over their content, without lease times and revisions, so that
//! beats alone change none.
//!
//! The bytes: the text `tenure section 1`, the section's name, then its fields in the order in
//! which the functions below write them. A text is its length in bytes and the bytes; a number,
//! also a length or a count, is 8 bytes, the least significant first; what may be absent is
//! preceded by the number 0 or 1; a list by its count; a choice is its word. Opaque content
//! stands as its own digest.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Section;
use crate::checkpoint::Checkpoint;
use crate::content::Digest;
use crate::escalation::{Escalation, EscalationKind};
use crate::gate::{Gate, GateState};
use crate::handoff::{ActionState, Handoff};
use crate::name::SectionName;
use crate::section::ClientSection;
use crate::session::{MachineRef, Mode, OwnerKind, Session, Successor, Transfer};
use crate::workspace::Workspace;

/// The digests of all sections of a workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    /// Of the session.
    pub session: Digest,
    /// Of the open escalations.
    pub escalations: Digest,
    /// Of the gates.
    pub gates: Digest,
    /// Of the handoff.
    pub handoff: Digest,
    /// Of the checkpoint.
    pub recovery: Digest,
    /// Of the client sections.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub client: BTreeMap<SectionName, Digest>,
}

impl Digests {
    /// The digests as the workspace stands. A section that is empty has a digest, too.
    #[must_use]
    pub fn of(workspace: &Workspace) -> Self {
        let (tenure, around) = (&workspace.tenure, workspace.around());
        let sections = around.sections.iter();
        Self {
            session: of_session(tenure.session.as_ref(), tenure.transfer.as_ref()),
            escalations: of_escalations(&around.escalations),
            gates: of_gates(&around.gates),
            handoff: of_handoff(around.handoff.as_deref()),
            recovery: of_checkpoint(around.checkpoint.as_deref()),
            client: sections.map(|(name, each)| (name.clone(), of_client_section(each))).collect(),
        }
    }

    /// The digest of one section; absent for a client section that is not there.
    #[must_use]
    pub fn get(&self, section: &Section) -> Option<Digest> {
        Some(match section {
            Section::Session => self.session,
            Section::Escalations => self.escalations,
            Section::Gates => self.gates,
            Section::Handoff => self.handoff,
            Section::Recovery => self.recovery,
            Section::Client(name) => *self.client.get(name)?,
        })
    }

    /// All of them in the order of a projection.
    #[must_use]
    pub fn list(&self) -> Vec<(Section, Digest)> {
        let client =
            self.client.iter().map(|(name, &digest)| (Section::Client(name.clone()), digest));
        [
            (Section::Session, self.session),
            (Section::Escalations, self.escalations),
            (Section::Gates, self.gates),
            (Section::Handoff, self.handoff),
            (Section::Recovery, self.recovery),
        ]
        .into_iter()
        .chain(client)
        .collect()
    }
}

/// The digest of a client section.
#[must_use]
pub fn of_client_section(section: &ClientSection) -> Digest {
    let mut writer = Writer::new(section.name.as_str());
    writer.text(&section.content_type);
    writer.digest(section.content.digest());
    writer.finish()
}

fn of_session(session: Option<&Session>, transfer: Option<&Transfer>) -> Digest {
    let mut writer = Writer::new(Section::Session.name());
    writer.present(session.is_some());
    let Some(session) = session else { return writer.finish() };
    writer.optional(session.id.as_ref().map(|id| id.as_str()));
    writer.text(owner_kind(session.owner_kind()));
    writer.optional(session.actor().map(|actor| actor.as_str()));
    writer.optional(session.supervisor().map(|actor| actor.as_str()));
    let instance = session.autonomous().and_then(|held| held.instance.as_ref());
    writer.optional(instance.map(|instance| instance.as_str()));
    writer.present(session.ttl().is_some());
    writer.number(session.ttl().unwrap_or_default().0);
    writer.text(match session.mode {
        Mode::General => "general",
        Mode::Research => "research",
        Mode::Implement => "implement",
    });
    writer.number(session.started_at.wall.0);
    writer.number(session.last_started_at.wall.0);
    writer.number(session.start_count.into());
    writer.text(session.principal.as_str());
    machine(&mut writer, session.machine.as_ref());
    writer.optional(session.activity.as_ref().map(|activity| &*activity.text));
    writer.number(session.activity.as_ref().map_or(0, |activity| activity.set_at.0));
    pending(&mut writer, transfer);
    writer.finish()
}

fn pending(writer: &mut Writer, transfer: Option<&Transfer>) {
    writer.present(transfer.is_some());
    let Some(transfer) = transfer else { return };
    match &transfer.successor {
        Successor::Interactive => writer.text("interactive"),
        Successor::Autonomous { actor, ttl, supervisor, instance } => {
            writer.text("autonomous");
            writer.text(actor.as_str());
            writer.number(ttl.0);
            writer.optional(supervisor.as_ref().map(|actor| actor.as_str()));
            writer.optional(instance.as_ref().map(|instance| instance.as_str()));
        }
    }
    writer.text(transfer.successor_session_id.as_str());
    writer.text(&transfer.reason);
    writer.text(transfer.principal.as_str());
    writer.number(transfer.scheduled_at.wall.0);
    machine(writer, transfer.machine.as_ref());
}

fn machine(writer: &mut Writer, machine: Option<&MachineRef>) {
    writer.present(machine.is_some());
    let Some(machine) = machine else { return };
    writer.text(machine.id.as_str());
    writer.text(&machine.host);
    writer.count(machine.labels.len());
    for (name, value) in &machine.labels {
        writer.text(name);
        writer.text(value);
    }
}

fn of_escalations(open: &[Escalation]) -> Digest {
    let mut writer = Writer::new(Section::Escalations.name());
    writer.count(open.len());
    for each in open {
        writer.text(each.id.as_str());
        writer.text(match each.kind {
            EscalationKind::Blocking => "blocking",
            EscalationKind::NonBlocking => "non_blocking",
        });
        writer.text(&each.reason);
        writer.number(each.raised_at.0);
        writer.optional(each.actor.as_ref().map(|actor| actor.as_str()));
        writer.text(each.principal.as_str());
        writer.optional(each.session_id.as_ref().map(|id| id.as_str()));
    }
    writer.finish()
}

fn of_gates(gates: &[Gate]) -> Digest {
    let mut writer = Writer::new(Section::Gates.name());
    writer.count(gates.len());
    for gate in gates {
        writer.text(gate.name.as_str());
        writer.text(match gate.state {
            GateState::Open => "open",
            GateState::Passed => "passed",
            GateState::Waived => "waived",
            GateState::Failed => "failed",
        });
        writer.optional(gate.note.as_deref());
        writer.number(gate.updated_at.0);
        writer.optional(gate.updated_by_actor.as_ref().map(|actor| actor.as_str()));
        writer.text(gate.updated_by.as_str());
    }
    writer.finish()
}

fn of_handoff(handoff: Option<&Handoff>) -> Digest {
    let mut writer = Writer::new(Section::Handoff.name());
    writer.present(handoff.is_some());
    let Some(handoff) = handoff else { return writer.finish() };
    writer.text(&handoff.title);
    writer.count(handoff.actions.len());
    for action in &handoff.actions {
        writer.text(&action.text);
        writer.text(match action.state {
            ActionState::Open => "open",
            ActionState::Done => "done",
            ActionState::Dropped => "dropped",
        });
    }
    writer.number(handoff.put_at.0);
    writer.optional(handoff.actor.as_ref().map(|actor| actor.as_str()));
    writer.text(handoff.principal.as_str());
    writer.optional(handoff.session_id.as_ref().map(|id| id.as_str()));
    writer.finish()
}

fn of_checkpoint(checkpoint: Option<&Checkpoint>) -> Digest {
    let mut writer = Writer::new(Section::Recovery.name());
    writer.present(checkpoint.is_some());
    let Some(Checkpoint { content, origin }) = checkpoint else { return writer.finish() };
    writer.digest(content.digest());
    writer.number(origin.set_at.0);
    writer.optional(origin.session_id.as_ref().map(|id| id.as_str()));
    writer.text(origin.actor.as_str());
    writer.finish()
}

const fn owner_kind(kind: OwnerKind) -> &'static str {
    match kind {
        OwnerKind::Interactive => "interactive",
        OwnerKind::RuntimeSupervisor => "runtime_supervisor",
        OwnerKind::RuntimeWorker => "runtime_worker",
    }
}

/// Writes the bytes that the module describes.
struct Writer(blake3::Hasher);

impl Writer {
    fn new(section: &str) -> Self {
        let mut writer = Self(blake3::Hasher::new());
        writer.text("tenure section 1");
        writer.text(section);
        writer
    }

    fn number(&mut self, number: u64) {
        self.0.update(&number.to_le_bytes());
    }

    fn count(&mut self, count: usize) {
        self.number(u64::try_from(count).unwrap_or(u64::MAX));
    }

    fn present(&mut self, present: bool) {
        self.number(present.into());
    }

    fn text(&mut self, text: &str) {
        self.count(text.len());
        self.0.update(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        self.present(text.is_some());
        if let Some(text) = text {
            self.text(text);
        }
    }

    fn digest(&mut self, digest: Digest) {
        self.0.update(&digest.0);
    }

    fn finish(&self) -> Digest {
        Digest(*self.0.finalize().as_bytes())
    }
}

#[cfg(test)]
mod tests;
