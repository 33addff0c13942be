use tenure_core::time::Span;

use super::*;

fn heartbeat(
    change: impl FnOnce(&mut v1::HeartbeatRequest),
) -> Result<Option<Box<Report>>, Vec<String>> {
    let mut request = v1::HeartbeatRequest::default();
    change(&mut request);
    let mut violations = Violations::default();
    let report = of_heartbeat(&request, &mut violations);
    if violations.is_empty() {
        return Ok(report);
    }
    Err(violations.iter().map(|violation| violation.path().into_owned()).collect())
}

fn section(name: &str, bytes: usize) -> v1::ClientSection {
    v1::ClientSection { name: name.to_owned(), content: vec![7; bytes], ..Default::default() }
}

#[test]
fn a_plain_beat_has_no_report() {
    assert_eq!(heartbeat(|_| ()), Ok(None));
    let beat = v1::Beat { handle: 1, ..v1::Beat::default() };
    assert_eq!(of_beat(&beat, &mut Violations::default()), None);
}

#[test]
fn everything_that_is_told_is_in_the_report() {
    let wall_time = prost_types::Duration { seconds: 1, nanos: 1 };
    let usage = v1::Usage {
        input_tokens: 1,
        output_tokens: 2,
        cost_microunits: 3,
        wall_time: Some(wall_time),
        counters: [("tool_calls".to_owned(), 4)].into(),
    };
    let report = heartbeat(|request| {
        request.work_stream = Some("parser".to_owned());
        request.usage = Some(usage.clone());
        request.gates_revision = Some(0);
        request.checkpoint = Some(Vec::new());
        request.client_sections = vec![section("git", 0)];
    });
    let report = report.unwrap().unwrap();
    assert_eq!(report.work_stream.as_ref().map(|name| name.as_str()), Some("parser"));
    assert_eq!(report.gates_revision, Some(GatesRevision(0)));
    assert!(report.checkpoint.as_ref().is_some_and(Content::is_empty), "it removes what is stored");
    assert!(report.sections[0].content.is_empty());
    let told = report.usage.as_ref().unwrap();
    assert_eq!((told.input_tokens, told.output_tokens, told.cost_microunits), (1, 2, 3));
    assert_eq!(told.wall_time, Some(Span(1_001)), "never cut short");
    assert_eq!(told.counters.values().copied().collect::<Vec<_>>(), [4]);
    let beat = v1::Beat { usage: Some(Box::new(usage)), ..v1::Beat::default() };
    assert_eq!(of_beat(&beat, &mut Violations::default()).unwrap().usage, report.usage);
}

#[test]
fn every_violation_is_told_at_once() {
    let fields = heartbeat(|request| {
        request.work_stream = Some(String::new());
        request.usage = Some(v1::Usage {
            wall_time: Some(prost_types::Duration { seconds: -1, nanos: 0 }),
            counters: [("Not A Name".to_owned(), 1)].into(),
            ..v1::Usage::default()
        });
        request.checkpoint = Some(vec![0; CHECKPOINT_MAX_BYTES + 1]);
        request.client_sections = vec![
            section("git", 1),
            section("gates", 1),
            v1::ClientSection { content_type: "t".repeat(129), ..section("big", 65_537) },
        ];
    });
    assert_eq!(
        fields.unwrap_err(),
        [
            "work_stream",
            "usage.wall_time",
            "usage.counters",
            "checkpoint",
            "client_sections[1].name",
            "client_sections[2].content_type",
            "client_sections[2].content"
        ]
    );
}

#[test]
fn what_is_at_its_limit_is_taken() {
    let names = |n: usize| (0..n).map(|n| (format!("c{n}"), 1));
    let sections =
        |n: usize| (0..n).map(|n| section(&format!("s{n}"), SECTION_MAX_BYTES)).collect();
    let report = heartbeat(|request| {
        request.work_stream = Some("ä".repeat(128));
        request.usage = Some(v1::Usage { counters: names(16).collect(), ..v1::Usage::default() });
        request.checkpoint = Some(vec![0; CHECKPOINT_MAX_BYTES]);
        request.client_sections = sections(16);
    });
    assert_eq!(report.unwrap().unwrap().sections.len(), 16);
    let past = heartbeat(|request| {
        request.work_stream = Some("ä".repeat(129));
        request.usage = Some(v1::Usage { counters: names(17).collect(), ..v1::Usage::default() });
        request.client_sections = sections(17);
    });
    assert_eq!(past.unwrap_err(), ["work_stream", "usage.counters", "client_sections"]);
}
