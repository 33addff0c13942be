//! One test for each cell: row, what becomes of it, column.

use super::*;

macro_rules! cells {
    ($($name:ident: $column:ident, $outcome:ident $($cause:ident)?;)*) => {$(
        #[test]
        fn $name() {
            $column().$outcome($(EndCause::$cause)?);
        }
    )*};
}

cells! {
    activity_is_kept_by_a_refresh: refresh, keeps_activity;
    activity_is_dropped_by_a_refresh_by_a_person: refresh_by_a_person, drops_activity;
    activity_is_dropped_and_returned_by_a_start_that_replaces: start_that_replaces, returns_activity;
    activity_is_dropped_and_returned_by_a_supersede: supersede, returns_activity;
    activity_is_dropped_and_returned_by_a_takeover: takeover, returns_activity;
    activity_is_dropped_and_returned_by_a_forced_takeover: forced_takeover, returns_activity;
    activity_is_dropped_and_returned_by_a_transfer_completed_by_time: transfer_completed_by_time, returns_activity;
    activity_is_dropped_and_returned_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, returns_activity;
    activity_is_dropped_and_returned_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, returns_activity;
    activity_is_dropped_and_returned_by_a_yield_to_nobody: yield_to_nobody, returns_activity;
    activity_is_dropped_and_returned_by_a_clear: clear_of_a_session, returns_activity;
}

cells! {
    work_streams_are_absent_after_a_first_start: first_start, has_no_work_streams;
    work_streams_are_kept_by_a_refresh: refresh, keeps_work_streams;
    work_streams_are_dropped_by_a_refresh_by_a_person: refresh_by_a_person, drops_work_streams;
    work_streams_are_dropped_by_a_start_that_replaces: start_that_replaces, drops_work_streams;
    work_streams_are_dropped_by_a_supersede: supersede, drops_work_streams;
    work_streams_are_dropped_by_a_takeover: takeover, drops_work_streams;
    work_streams_are_dropped_by_a_forced_takeover: forced_takeover, drops_work_streams;
    work_streams_are_dropped_by_a_transfer_completed_by_time: transfer_completed_by_time, drops_work_streams;
    work_streams_are_dropped_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, drops_work_streams;
    work_streams_are_dropped_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, drops_work_streams;
    work_streams_are_dropped_by_a_yield_to_nobody: yield_to_nobody, drops_work_streams;
    work_streams_are_dropped_by_a_clear: clear_of_a_session, drops_work_streams;
    work_streams_are_absent_after_a_clear_of_nothing: clear_of_nothing, has_no_work_streams;
}

cells! {
    usage_and_client_sections_are_kept_by_a_refresh: refresh, keeps_usage_and_sections;
    usage_and_client_sections_are_kept_by_a_refresh_by_a_person: refresh_by_a_person, keeps_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_start_that_replaces: start_that_replaces, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_supersede: supersede, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_takeover: takeover, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_forced_takeover: forced_takeover, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_transfer_completed_by_time: transfer_completed_by_time, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_yield_to_nobody: yield_to_nobody, seals_and_drops_usage_and_sections;
    usage_and_client_sections_are_sealed_and_dropped_by_a_clear: clear_of_a_session, seals_and_drops_usage_and_sections;
}

cells! {
    gates_are_kept_by_a_first_start: first_start, keeps_gates;
    gates_are_kept_by_a_refresh: refresh, keeps_gates;
    gates_are_kept_by_a_refresh_by_a_person: refresh_by_a_person, keeps_gates;
    gates_are_dropped_by_a_start_that_replaces: start_that_replaces, drops_gates;
    gates_are_kept_by_a_supersede: supersede, keeps_gates;
    gates_are_kept_by_a_takeover: takeover, keeps_gates;
    gates_are_kept_by_a_forced_takeover: forced_takeover, keeps_gates;
    gates_are_kept_by_a_transfer_completed_by_time: transfer_completed_by_time, keeps_gates;
    gates_are_kept_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, keeps_gates;
    gates_are_kept_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, keeps_gates;
    gates_are_kept_by_a_yield_to_nobody: yield_to_nobody, keeps_gates;
    gates_are_dropped_by_a_clear: clear_of_a_session, drops_gates;
    gates_are_dropped_by_a_clear_of_nothing: clear_of_nothing, drops_gates;
}

cells! {
    non_blocking_escalations_are_kept_by_a_first_start: first_start, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_refresh: refresh, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_refresh_by_a_person: refresh_by_a_person, keeps_non_blocking;
    non_blocking_escalations_are_dropped_by_a_start_that_replaces: start_that_replaces, drops_non_blocking;
    non_blocking_escalations_are_kept_by_a_supersede: supersede, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_takeover: takeover, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_forced_takeover: forced_takeover, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_transfer_completed_by_time: transfer_completed_by_time, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, keeps_non_blocking;
    non_blocking_escalations_are_kept_by_a_yield_to_nobody: yield_to_nobody, keeps_non_blocking;
    non_blocking_escalations_are_dropped_by_a_clear: clear_of_a_session, drops_non_blocking;
    non_blocking_escalations_are_dropped_by_a_clear_of_nothing: clear_of_nothing, drops_non_blocking;
}

cells! {
    blocking_escalations_are_kept_by_a_first_start: first_start, keeps_blocking;
    blocking_escalations_are_kept_by_a_refresh: refresh, keeps_blocking;
    blocking_escalations_are_kept_by_a_refresh_by_a_person: refresh_by_a_person, keeps_blocking;
    blocking_escalations_are_kept_by_a_start_that_replaces: start_that_replaces, keeps_blocking;
    blocking_escalations_are_kept_by_a_supersede: supersede, keeps_blocking;
    blocking_escalations_are_kept_by_a_takeover: takeover, keeps_blocking;
    blocking_escalations_are_kept_by_a_forced_takeover: forced_takeover, keeps_blocking;
    blocking_escalations_are_kept_by_a_transfer_completed_by_time: transfer_completed_by_time, keeps_blocking;
    blocking_escalations_are_kept_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, keeps_blocking;
    blocking_escalations_are_kept_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, keeps_blocking;
    blocking_escalations_are_kept_by_a_yield_to_nobody: yield_to_nobody, keeps_blocking;
    blocking_escalations_are_dropped_by_a_clear: clear_of_a_session, drops_blocking;
    blocking_escalations_are_dropped_by_a_clear_of_nothing: clear_of_nothing, drops_blocking;
}

cells! {
    checkpoint_is_kept_by_a_first_start: first_start, keeps_checkpoint;
    checkpoint_is_kept_by_a_refresh: refresh, keeps_checkpoint;
    checkpoint_is_kept_by_a_refresh_by_a_person: refresh_by_a_person, keeps_checkpoint;
    checkpoint_is_kept_by_a_start_that_replaces: start_that_replaces, keeps_checkpoint;
    checkpoint_is_kept_by_a_supersede: supersede, keeps_checkpoint;
    checkpoint_is_kept_by_a_takeover: takeover, keeps_checkpoint;
    checkpoint_is_kept_by_a_forced_takeover: forced_takeover, keeps_checkpoint;
    checkpoint_is_kept_by_a_transfer_completed_by_time: transfer_completed_by_time, keeps_checkpoint;
    checkpoint_is_kept_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, keeps_checkpoint;
    checkpoint_is_kept_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, keeps_checkpoint;
    checkpoint_is_kept_by_a_yield_to_nobody: yield_to_nobody, keeps_checkpoint;
    checkpoint_is_dropped_by_a_clear: clear_of_a_session, drops_checkpoint;
    checkpoint_is_dropped_by_a_clear_of_nothing: clear_of_nothing, drops_checkpoint;
}

cells! {
    handoff_is_kept_by_a_first_start: first_start, keeps_handoff;
    handoff_is_kept_by_a_refresh: refresh, keeps_handoff;
    handoff_is_kept_by_a_refresh_by_a_person: refresh_by_a_person, keeps_handoff;
    handoff_is_kept_by_a_start_that_replaces: start_that_replaces, keeps_handoff;
    handoff_is_kept_by_a_supersede: supersede, keeps_handoff;
    handoff_is_kept_by_a_takeover: takeover, keeps_handoff;
    handoff_is_kept_by_a_forced_takeover: forced_takeover, keeps_handoff;
    handoff_is_kept_by_a_transfer_completed_by_time: transfer_completed_by_time, keeps_handoff;
    handoff_is_kept_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, keeps_handoff;
    handoff_is_kept_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, keeps_handoff;
    handoff_is_kept_by_a_yield_to_nobody: yield_to_nobody, keeps_handoff;
    handoff_is_kept_by_a_clear: clear_of_a_session, keeps_handoff;
    handoff_is_kept_by_a_clear_of_nothing: clear_of_nothing, keeps_handoff;
}

cells! {
    no_ledger_entry_is_sealed_by_a_first_start: first_start, seals_nothing;
    no_ledger_entry_is_sealed_by_a_refresh: refresh, seals_nothing;
    no_ledger_entry_is_sealed_by_a_refresh_by_a_person: refresh_by_a_person, seals_nothing;
    ledger_entry_is_sealed_as_replaced_by_a_start_that_replaces: start_that_replaces, seals Replaced;
    ledger_entry_is_sealed_as_superseded_by_a_supersede: supersede, seals Superseded;
    ledger_entry_is_sealed_as_taken_over_by_a_takeover: takeover, seals TakenOver;
    ledger_entry_is_sealed_as_force_taken_over_by_a_forced_takeover: forced_takeover, seals ForceTakenOver;
    ledger_entry_is_sealed_as_force_taken_over_by_a_transfer_completed_by_time: transfer_completed_by_time, seals ForceTakenOver;
    ledger_entry_is_sealed_as_force_taken_over_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, seals ForceTakenOver;
    ledger_entry_is_sealed_as_force_taken_over_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, seals ForceTakenOver;
    ledger_entry_is_sealed_as_yielded_by_a_yield_to_nobody: yield_to_nobody, seals Yielded;
    ledger_entry_is_sealed_as_cleared_by_a_clear: clear_of_a_session, seals Cleared;
    no_ledger_entry_is_sealed_by_a_clear_of_nothing: clear_of_nothing, seals_nothing;
}

cells! {
    baseline_is_taken_by_a_first_start: first_start, takes_baseline;
    baseline_is_taken_by_a_refresh: refresh, takes_baseline;
    baseline_is_taken_by_a_refresh_by_a_person: refresh_by_a_person, takes_baseline;
    baseline_is_taken_by_a_start_that_replaces: start_that_replaces, takes_baseline;
    baseline_is_taken_by_a_supersede: supersede, takes_baseline;
    baseline_is_taken_by_a_takeover: takeover, takes_baseline;
    baseline_is_taken_by_a_forced_takeover: forced_takeover, takes_baseline;
    baseline_is_taken_by_a_transfer_completed_by_time: transfer_completed_by_time, takes_baseline;
    baseline_is_taken_by_a_transfer_completed_by_a_yield: transfer_completed_by_a_yield, takes_baseline;
    baseline_is_taken_by_a_transfer_completed_by_a_clear: transfer_completed_by_a_clear, takes_baseline;
    baseline_is_left_by_a_yield_to_nobody: yield_to_nobody, leaves_baseline;
    baseline_is_dropped_by_a_clear: clear_of_a_session, drops_baseline;
    baseline_is_dropped_by_a_clear_of_nothing: clear_of_nothing, drops_baseline;
}
