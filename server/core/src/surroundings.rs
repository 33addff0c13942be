//! What surrounds a session and may outlive it. All of it is loaded together or not at all;
//! what every beat has to tell of it is kept in the tenure, as [`Signals`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::checkpoint::Checkpoint;
use crate::content::Digest;
use crate::escalation::{Blocking, Escalation};
use crate::gate::{Gate, GatesRevision};
use crate::handoff::Handoff;
use crate::name::SectionName;
use crate::projection::Digests;
use crate::section::ClientSection;
use crate::usage::Usage;
use crate::work_stream::WorkStreams;
use crate::workspace::Workspace;

/// The parts of a workspace beside its tenure.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Surroundings {
    /// The open escalations, oldest first.
    pub escalations: Vec<Escalation>,
    /// The gates, in order.
    pub gates: Vec<Gate>,
    /// The handoff.
    pub handoff: Option<Arc<Handoff>>,
    /// The checkpoint.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// How the stored session comes along.
    pub progress: Progress,
    /// The sections of the stored session's client, by name.
    pub sections: BTreeMap<SectionName, Arc<ClientSection>>,
    /// The digests of all sections when the last session started.
    pub baseline: Option<Arc<Digests>>,
    /// The digests of the files that were imported, so that none is imported twice. They go
    /// with the workspace and never before.
    pub imported: BTreeSet<Digest>,
}

/// How a session comes along.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Progress {
    /// The strands of work that it has touched.
    pub work_streams: WorkStreams,
    /// What it has consumed; absent while it reported nothing.
    pub usage: Option<Usage>,
}

/// What a plain beat, which loads none of the surroundings, has to tell of them. Cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Signals {
    /// Rises with each change and each clearing of the gates; never reset.
    pub gates_revision: GatesRevision,
    /// The open blocking escalations; absent without any.
    pub blocking: Option<Arc<Blocking>>,
}

/// What a new holder finds: the state by which it can go on.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Found {
    /// The stored checkpoint.
    pub checkpoint: Option<Arc<Checkpoint>>,
    /// The stored handoff.
    pub handoff: Option<Arc<Handoff>>,
    /// What is asked of the holder from the outset.
    pub signals: Signals,
}

impl Found {
    /// What a holder of `workspace` finds.
    #[must_use]
    pub fn of(workspace: &Workspace) -> Self {
        let around = workspace.around();
        Self {
            checkpoint: around.checkpoint.clone(),
            handoff: around.handoff.clone(),
            signals: workspace.tenure.signals.clone(),
        }
    }
}

/// What counts where nothing is loaded.
static NOTHING: Surroundings = Surroundings {
    escalations: Vec::new(),
    gates: Vec::new(),
    handoff: None,
    checkpoint: None,
    progress: Progress { work_streams: WorkStreams::NONE, usage: None },
    sections: BTreeMap::new(),
    baseline: None,
    imported: BTreeSet::new(),
};

impl Workspace {
    /// The surroundings. Where they are not loaded, nothing: the rules stay total, and it is
    /// the engine's to ask [`needs`](crate::command::Command::needs) first.
    #[must_use]
    pub fn around(&self) -> &Surroundings {
        self.surroundings.as_deref().unwrap_or(&NOTHING)
    }
}
