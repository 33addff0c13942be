//! The whole of a workspace in one read, as pure functions of what is stored, the clock and
//! who asks.

use crate::content::Digest;
use crate::context::Clock;
use crate::name::{ActorId, RESERVED_SECTION_NAMES, SectionName};
use crate::session::{Revision, Session};
use crate::workspace::{Tenure, Workspace};

mod digest;

pub use digest::{Digests, of_client_section};

/// Milliseconds of a minute.
const MINUTE_MS: u64 = 60_000;

/// Whether somebody has a workspace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// No session is stored.
    Missing,
    /// A live session is stored.
    Active,
    /// A stale session is stored.
    Stale,
}

/// A section of a projection.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// The session, with activity, machine and pending transfer.
    Session,
    /// The open escalations.
    Escalations,
    /// The gates.
    Gates,
    /// The handoff.
    Handoff,
    /// The checkpoint.
    Recovery,
    /// A section of the client's own.
    Client(SectionName),
}

impl Section {
    /// The section's name in the contract.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Session => RESERVED_SECTION_NAMES[0],
            Self::Escalations => RESERVED_SECTION_NAMES[1],
            Self::Gates => RESERVED_SECTION_NAMES[2],
            Self::Handoff => RESERVED_SECTION_NAMES[3],
            Self::Recovery => RESERVED_SECTION_NAMES[4],
            Self::Client(name) => name.as_str(),
        }
    }
}

/// How a section stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SectionStanding {
    /// Which one.
    pub section: Section,
    /// The digest of its content.
    pub digest: Digest,
    /// Whether the caller has this very content, so that the body may be left out.
    pub unchanged: bool,
    /// Whether its content changed since the session started; absent without a baseline.
    pub changed_since_start: Option<bool>,
}

/// How a workspace stands. The bodies of the sections are the workspace's own parts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Projection {
    /// Whether somebody has it.
    pub status: Status,
    /// Its revision; absent while it had no session.
    pub revision: Option<Revision>,
    /// Whole minutes since the session was minted; absent without one.
    pub age_minutes: Option<u64>,
    /// Whether the session is alive without progress.
    pub stalled: bool,
    /// Whether the named caller would meet another's live lease; absent where no caller is
    /// named.
    pub ownership_conflict: Option<bool>,
    /// The sections in their fixed order; those of clients come last, by name.
    pub sections: Vec<SectionStanding>,
}

/// The projection of `workspace`, for the named `caller` if there is one, who has the sections
/// with the digests that `known` names.
#[must_use]
pub fn project(
    workspace: &Workspace,
    clock: &Clock,
    caller: Option<&ActorId>,
    known: &[(&str, Digest)],
) -> Projection {
    let tenure = &workspace.tenure;
    let session = tenure.session.as_ref();
    let baseline = workspace.around().baseline.as_deref();
    let sections = Digests::of(workspace)
        .list()
        .into_iter()
        .map(|(section, digest)| SectionStanding {
            unchanged: known.contains(&(section.name(), digest)),
            changed_since_start: baseline.map(|then| then.get(&section) != Some(digest)),
            section,
            digest,
        })
        .collect();
    Projection {
        status: tenure.status(clock),
        revision: tenure.revision,
        age_minutes: session.map(|session| session.age_minutes(clock)),
        stalled: tenure.is_stalled(clock),
        ownership_conflict: caller.map(|caller| tenure.conflicts_with(caller, clock)),
        sections,
    }
}

impl Tenure {
    /// Whether somebody has the workspace.
    #[must_use]
    pub fn status(&self, clock: &Clock) -> Status {
        match &self.session {
            None => Status::Missing,
            Some(_) if self.is_stale(clock) => Status::Stale,
            Some(_) => Status::Active,
        }
    }

    /// Whether a live lease is stored that is not `caller`'s.
    #[must_use]
    pub fn conflicts_with(&self, caller: &ActorId, clock: &Clock) -> bool {
        self.session
            .as_ref()
            .is_some_and(|session| session.autonomous().is_some() && !session.is_owned_by(caller))
            && !self.is_stale(clock)
    }
}

impl Session {
    /// Whole minutes since the session was minted, for display.
    #[must_use]
    pub fn age_minutes(&self, clock: &Clock) -> u64 {
        clock.now.wall.since(self.started_at.wall).0 / MINUTE_MS
    }
}

#[cfg(test)]
mod tests;
