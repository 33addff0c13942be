//! Totals only rise, one by one.

use super::*;
use crate::testing::usage;

#[test]
fn lower_values_are_ignored_field_by_field_and_counter_by_counter() {
    let stored = Usage {
        input_tokens: 10,
        output_tokens: 20,
        cost_microunits: 30,
        wall_time: Some(Span(40)),
        ..usage(10, &[("calls", 5), ("files", 6)])
    };
    let reported = Usage {
        input_tokens: 11,
        output_tokens: 19,
        cost_microunits: 31,
        wall_time: Some(Span(39)),
        ..usage(11, &[("calls", 4), ("files", 7), ("tests", 1)])
    };
    let after = Usage {
        input_tokens: 11,
        output_tokens: 20,
        cost_microunits: 31,
        wall_time: Some(Span(40)),
        ..usage(11, &[("calls", 5), ("files", 7), ("tests", 1)])
    };
    assert_eq!(stored.after(&reported), after);
    assert_eq!(after.after(&reported), after, "a report may come twice");
    assert_eq!(Usage::default().after(&stored).after(&reported), after);
}

#[test]
fn what_is_not_reported_is_unchanged_and_zero_is_nothing() {
    let stored = Usage { wall_time: Some(Span(4)), ..usage(1, &[("calls", 5)]) };
    assert_eq!(stored.after(&Usage::default()), stored);
    assert_eq!(stored.after(&usage(0, &[("calls", 0), ("files", 0)])), stored);
}
