//! What a heartbeat tells of the work: work stream, usage, applied gates, checkpoint, client
//! sections. Only what differs from what is stored becomes a change.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::change::{Change, Changes};
use crate::checkpoint::{Checkpoint, CheckpointOrigin};
use crate::command::{Heartbeat, Report};
use crate::context::Context;
use crate::refusal::{Quota, Reason};
use crate::section::SECTIONS_MAX;
use crate::session::{Revision, Session};
use crate::usage::{COUNTERS_MAX, Usage};
use crate::work_stream::Best;
use crate::workspace::Workspace;

/// The changes that `report` makes, but for its checkpoint.
pub(crate) fn report(
    workspace: &Workspace,
    session: &Session,
    report: &Report,
    context: &Context,
) -> Result<Changes, Reason> {
    let mut changes = Changes::new();
    changes.extend(usage(workspace, report)?);
    sections(workspace, report, &mut changes)?;
    changes.extend(applied_gates(workspace, session, report));
    touch(workspace, session, report, context, &mut changes);
    Ok(changes)
}

/// The checkpoint that `beat` brings, which renews the lease at `revision`. The same bytes again
/// are another checkpoint: their age tells a successor what they are worth.
pub(crate) fn checkpoint(
    session: &Session,
    beat: &Heartbeat,
    revision: Revision,
    context: &Context,
) -> Option<Change> {
    let content = beat.report.as_ref()?.checkpoint.clone()?;
    let origin = CheckpointOrigin {
        set_at: context.clock.now.wall,
        session_id: session.id.clone(),
        actor: beat.actor.clone(),
        revision,
    };
    Some(Change::CheckpointSet { checkpoint: Arc::new(Checkpoint { content, origin }) })
}

fn usage(workspace: &Workspace, report: &Report) -> Result<Option<Change>, Reason> {
    let Some(reported) = &report.usage else { return Ok(None) };
    let stored = workspace.around().progress.usage.as_ref();
    let usage = stored.unwrap_or(&Usage::default()).after(reported);
    if usage.counters.len() > COUNTERS_MAX {
        return Err(Reason::QuotaExceeded(Quota::UsageCounters));
    }
    let changed = stored.unwrap_or(&Usage::default()) != &usage;
    Ok(changed.then(|| Change::UsageReported { usage: Box::new(usage) }))
}

/// Of two with one name the later counts.
fn sections(workspace: &Workspace, report: &Report, changes: &mut Changes) -> Result<(), Reason> {
    if report.sections.is_empty() {
        return Ok(());
    }
    let stored = &workspace.around().sections;
    let told: BTreeMap<_, _> =
        report.sections.iter().map(|section| (&section.name, section)).collect();
    let mut names: BTreeSet<_> = stored.keys().collect();
    for (name, section) in told {
        let known = stored.get(name);
        if section.content.is_empty() {
            names.remove(name);
            changes.extend(known.map(|_| Change::SectionRemoved { name: name.clone() }));
        } else if known.is_none_or(|known| **known != *section) {
            names.insert(name);
            changes.push(Change::SectionSet { section: Arc::new(section.clone()) });
        }
    }
    if names.len() > SECTIONS_MAX {
        return Err(Reason::QuotaExceeded(Quota::ClientSections));
    }
    Ok(())
}

/// A holder cannot have applied gates that were never set: then the newest are meant.
fn applied_gates(workspace: &Workspace, session: &Session, report: &Report) -> Option<Change> {
    let current = workspace.tenure.signals.gates_revision;
    let revision = report.gates_revision?.min(current);
    (session.applied_gates_revision != Some(revision)).then_some(Change::GatesApplied { revision })
}

fn touch(
    workspace: &Workspace,
    session: &Session,
    report: &Report,
    context: &Context,
    changes: &mut Changes,
) {
    let Some(name) = &report.work_stream else { return };
    let streams = &workspace.around().progress.work_streams;
    let touch = streams.touch(name, context.clock.now, context.work_stream_half_life);
    let best = session.stalled.then(|| {
        let mut touched = streams.clone();
        touched.apply(&touch);
        touched.best(context.clock.now.lease)
    });
    changes.push(Change::WorkStreamTouched { touch: Box::new(touch) });
    changes.extend(best.map(|best: Best| Change::Resumed { best: Box::new(best) }));
}

#[cfg(test)]
mod tests;
