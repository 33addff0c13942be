//! The whole of a workspace: what is asked of it, and how it is shown.

use tenure::v1;
use tenure_core::content::{DIGEST_BYTES, Digest};
use tenure_core::context::Clock;
use tenure_core::gate::Gates;
use tenure_core::name::{ActorId, Key};
use tenure_core::projection::{Projection, Section, SectionStanding, Status};
use tenure_core::reply::SessionView;
use tenure_core::section::ClientSection;
use tenure_core::workspace::Workspace;

use super::time::timestamp;
use super::violation::Violations;
use super::{machine, session, transfer, work};

/// The most digests that a caller may name: more than a workspace has sections, because it may
/// still have those of client sections that are gone.
pub const KNOWN_SECTIONS_MAX: usize = 100;

/// Which workspace is to be shown to whom.
#[derive(Debug, Clone)]
pub struct Asked {
    /// Which one.
    pub key: Key,
    /// Who asks, if that was said.
    pub caller: Option<ActorId>,
    /// The sections that the caller has, by name and digest.
    pub known: Vec<(String, Digest)>,
}

/// A request for a projection.
///
/// # Errors
/// Every violation.
pub fn parse(request: v1::GetProjectionRequest) -> Result<Asked, Violations> {
    let mut violations = Violations::default();
    let key = violations.key(&request.workspace, &request.profile);
    let caller = violations.optional("actor_id", request.actor_id.as_deref(), ActorId::parse);
    let known = known(request.known_sections, &mut violations);
    match key {
        Some(key) if violations.is_empty() => Ok(Asked { key, caller, known }),
        _ => Err(violations),
    }
}

fn known(sections: Vec<v1::SectionDigest>, violations: &mut Violations) -> Vec<(String, Digest)> {
    if sections.len() > KNOWN_SECTIONS_MAX {
        violations.add("known_sections", "must be at most 100");
        return Vec::new();
    }
    let sections = sections.into_iter().enumerate().filter_map(|(at, section)| {
        let digest = <[u8; DIGEST_BYTES]>::try_from(&*section.digest);
        if digest.is_err() {
            violations.in_item("known_sections", at, |violations| {
                violations.add("digest", "must be 32 bytes");
            });
        }
        Some((section.name, Digest(digest.ok()?)))
    });
    sections.collect()
}

/// `workspace`, which stands as `projection` says, read at `cursor`. Bodies that the caller has
/// are left out.
#[must_use]
pub fn shown(
    workspace: &Workspace,
    projection: &Projection,
    cursor: v1::Cursor,
    clock: &Clock,
) -> v1::Projection {
    let (tenure, around) = (&workspace.tenure, workspace.around());
    let stored = tenure.session.as_ref();
    let wanted = |section: &Section| {
        projection.sections.iter().any(|it| it.section == *section && !it.unchanged)
    };
    let losing = stored.and_then(|session| session.id.as_ref());
    let mut shown = v1::Projection {
        workspace: workspace.key.workspace.as_str().to_owned(),
        profile: workspace.key.profile.as_str().to_owned(),
        status: status(projection.status).into(),
        revision: projection.revision.map_or(0, |revision| revision.0),
        age_minutes: projection.age_minutes,
        stalled: projection.stalled,
        ownership_conflict: projection.ownership_conflict,
        sections: projection.sections.iter().map(standing).collect(),
        usage: around.progress.usage.as_ref().map(work::usage),
        work_streams: work_streams(workspace, clock),
        pending_transfer: tenure
            .transfer
            .as_ref()
            .map(|pending| transfer::pending(pending, losing, clock)),
        machine: stored.and_then(|session| session.machine.as_ref()).map(machine::shown),
        cursor: Some(cursor),
        ..v1::Projection::default()
    };
    if wanted(&Section::Session) {
        shown.session = SessionView::of(workspace, clock).map(|view| session::shown(&view, clock));
    }
    if wanted(&Section::Escalations) {
        shown.escalations = around.escalations.iter().map(work::escalation).collect();
    }
    if wanted(&Section::Gates) && !around.gates.is_empty() {
        shown.gates = Some(work::gates(&Gates::of(workspace)));
    }
    if wanted(&Section::Handoff) {
        shown.handoff = around.handoff.as_deref().map(work::handoff);
    }
    if wanted(&Section::Recovery) {
        shown.checkpoint = around.checkpoint.as_deref().map(work::checkpoint);
    }
    let sections = around.sections.iter();
    shown.client_sections = sections
        .filter(|(name, _)| wanted(&Section::Client((*name).clone())))
        .map(|(_, section)| client_section(section))
        .collect();
    shown
}

fn standing(standing: &SectionStanding) -> v1::SectionInfo {
    v1::SectionInfo {
        name: standing.section.name().to_owned(),
        digest: standing.digest.0.to_vec(),
        unchanged: standing.unchanged,
        changed_since_start: standing.changed_since_start,
    }
}

const fn status(status: Status) -> v1::WorkspaceStatus {
    match status {
        Status::Missing => v1::WorkspaceStatus::Missing,
        Status::Active => v1::WorkspaceStatus::Active,
        Status::Stale => v1::WorkspaceStatus::Stale,
    }
}

fn work_streams(workspace: &Workspace, clock: &Clock) -> Vec<v1::WorkStream> {
    let ranked = workspace.around().progress.work_streams.ranked(clock.now.lease);
    let shown = ranked.into_iter().map(|(score, stream)| v1::WorkStream {
        name: stream.name.as_str().to_owned(),
        score: score.as_f64(),
        last_touched_at: Some(timestamp(stream.touched_at.wall)),
    });
    shown.collect()
}

fn client_section(section: &ClientSection) -> v1::ClientSection {
    v1::ClientSection {
        name: section.name.as_str().to_owned(),
        content: section.content.bytes().to_vec(),
        content_type: section.content_type.to_string(),
    }
}

#[cfg(test)]
mod tests;
