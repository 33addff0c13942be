//! What a heartbeat tells of the work, unary or on a stream.

use std::collections::BTreeMap;

use tenure::v1;
use tenure_core::checkpoint::CHECKPOINT_MAX_BYTES;
use tenure_core::command::Report;
use tenure_core::content::Content;
use tenure_core::gate::GatesRevision;
use tenure_core::name::{CounterName, SectionName, WorkStreamName};
use tenure_core::section::{
    CONTENT_TYPE_MAX_CHARS, ClientSection, SECTION_MAX_BYTES, SECTIONS_MAX,
};
use tenure_core::usage::{COUNTERS_MAX, Usage};

use super::text::at_most;
use super::time::measured;
use super::violation::Violations;

/// What a beat of a stream tells; absent if it tells nothing.
pub fn of_beat(beat: &v1::Beat, violations: &mut Violations) -> Option<Box<Report>> {
    told(Report {
        work_stream: work_stream(beat.work_stream.as_deref(), violations),
        usage: beat.usage.as_ref().map(|usage| self::usage(usage, violations)),
        gates_revision: beat.gates_revision.map(GatesRevision),
        ..Report::default()
    })
}

/// What a unary heartbeat tells; absent if it tells nothing.
pub fn of_heartbeat(
    request: &v1::HeartbeatRequest,
    violations: &mut Violations,
) -> Option<Box<Report>> {
    told(Report {
        work_stream: work_stream(request.work_stream.as_deref(), violations),
        usage: request.usage.as_ref().map(|usage| self::usage(usage, violations)),
        gates_revision: request.gates_revision.map(GatesRevision),
        checkpoint: checkpoint(request.checkpoint.as_deref(), violations),
        sections: sections(&request.client_sections, violations),
    })
}

fn told(report: Report) -> Option<Box<Report>> {
    (report != Report::default()).then(|| Box::new(report))
}

fn work_stream(name: Option<&str>, violations: &mut Violations) -> Option<WorkStreamName> {
    violations.optional("work_stream", name, WorkStreamName::parse)
}

fn usage(usage: &v1::Usage, violations: &mut Violations) -> Usage {
    let wall_time = usage.wall_time.as_ref();
    Usage {
        input_tokens: usage.input_tokens,
        output_tokens: usage.output_tokens,
        cost_microunits: usage.cost_microunits,
        wall_time: wall_time.and_then(|time| measured("usage.wall_time", time, violations)),
        counters: counters(&usage.counters, violations),
    }
}

/// One violation for all counters: a map has no places by which to name them.
fn counters(
    counters: &BTreeMap<String, u64>,
    violations: &mut Violations,
) -> BTreeMap<CounterName, u64> {
    let named = |(name, total): (&String, &u64)| Some((CounterName::parse(name).ok()?, *total));
    let parsed = if counters.len() > COUNTERS_MAX {
        None
    } else {
        counters.iter().map(named).collect::<Option<_>>()
    };
    if parsed.is_none() {
        violations.add("usage.counters", "must be at most 16, with names of 1 to 64 of a-z 0-9 _");
    }
    parsed.unwrap_or_default()
}

fn checkpoint(content: Option<&[u8]>, violations: &mut Violations) -> Option<Content> {
    let content = content?;
    if content.len() > CHECKPOINT_MAX_BYTES {
        violations.add("checkpoint", "must be at most 65,536 bytes");
        return None;
    }
    Some(Content::new(content))
}

fn sections(sections: &[v1::ClientSection], violations: &mut Violations) -> Vec<ClientSection> {
    if sections.len() > SECTIONS_MAX {
        violations.add("client_sections", "must be at most 16");
        return Vec::new();
    }
    let sections = sections.iter().enumerate().filter_map(|(at, section)| {
        violations.in_item("client_sections", at, |violations| {
            let content_type =
                at_most("content_type", &section.content_type, CONTENT_TYPE_MAX_CHARS, violations);
            let name = violations.required("name", &section.name, SectionName::parse);
            if section.content.len() > SECTION_MAX_BYTES {
                violations.add("content", "must be at most 65,536 bytes");
                return None;
            }
            let content = Content::new(&*section.content);
            Some(ClientSection { name: name?, content_type, content })
        })
    });
    sections.collect()
}

#[cfg(test)]
mod tests;
