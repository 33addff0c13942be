//! What every store promises, held against each of them, and what only one of them can promise.
//!
//! A test of the suite is written once, generic over the store, and listed once below; it then
//! runs under its own name for each store.

#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

#[path = "store_conformance/harness.rs"]
mod harness;
#[path = "store_conformance/sample.rs"]
mod sample;
#[path = "store_conformance/surrounding.rs"]
mod surrounding;

#[path = "store_conformance/around.rs"]
mod around;
#[path = "store_conformance/around_guards.rs"]
mod around_guards;
#[path = "store_conformance/commits.rs"]
mod commits;
#[path = "store_conformance/epochs.rs"]
mod epochs;
#[path = "store_conformance/escalations.rs"]
mod escalations;
#[path = "store_conformance/guards.rs"]
mod guards;
#[path = "store_conformance/history.rs"]
mod history;
#[path = "store_conformance/ledger.rs"]
mod ledger;
#[path = "store_conformance/limits.rs"]
mod limits;
#[path = "store_conformance/lists.rs"]
mod lists;
#[path = "store_conformance/machines.rs"]
mod machines;
#[path = "store_conformance/retention.rs"]
mod retention;
#[path = "store_conformance/workspaces.rs"]
mod workspaces;

#[path = "store_conformance/alike.rs"]
mod alike;
#[path = "store_conformance/durability.rs"]
mod durability;
#[path = "store_conformance/memory_fates.rs"]
mod memory_fates;
#[path = "store_conformance/sqlite_damage.rs"]
mod sqlite_damage;
#[path = "store_conformance/sqlite_faults.rs"]
mod sqlite_faults;
#[path = "store_conformance/sqlite_files.rs"]
mod sqlite_files;
#[path = "store_conformance/sqlite_hot_rows.rs"]
mod sqlite_hot_rows;
#[path = "store_conformance/sqlite_migration.rs"]
mod sqlite_migration;
#[path = "store_conformance/sqlite_rows.rs"]
mod sqlite_rows;

macro_rules! conformance {
    ($($module:ident :: { $($test:ident),+ $(,)? })+) => {
        mod sqlite {
            $(mod $module {
                $(#[tokio::test]
                async fn $test() {
                    crate::$module::$test::<crate::harness::Sqlite>().await;
                })+
            })+
        }
        mod memory {
            $(mod $module {
                $(#[tokio::test]
                async fn $test() {
                    crate::$module::$test::<crate::harness::Memory>().await;
                })+
            })+
        }
    };
}

conformance! {
    commits::{
        a_batch_is_there_after_it_was_answered,
        an_empty_batch_stores_the_mark,
        the_mark_never_goes_back,
        a_beat_changes_the_hot_row_and_nothing_else,
        the_hot_row_wins_over_the_state_beside_it,
        a_chain_of_versions_is_kept,
        a_thousand_beats_in_any_order_are_applied_each_to_its_row,
        a_pending_transfer_comes_and_goes,
        a_cleared_workspace_keeps_its_revision,
        places_are_dense_and_fixed,
        outcomes_are_stored_in_the_same_step,
        outcomes_alone_change_nothing_else,
        outcomes_alone_of_an_unknown_workspace_leave_it_unknown,
        an_outcome_is_found_only_under_its_whole_key,
        a_later_outcome_of_the_same_request_replaces_the_first,
        every_field_of_a_session_survives,
    }
    guards::{
        a_renewal_whose_guard_has_gone_is_named_and_the_others_are_applied,
        a_wrong_version_is_a_conflict_of_that_write_only,
        a_conflict_leaves_nothing_of_its_write,
        absent_conflicts_where_something_is_stored,
        an_unknown_place_is_a_conflict,
        outcomes_alone_are_guarded_too,
        a_conflict_does_not_use_up_a_place,
    }
    around::{
        every_part_survives_at_its_limits,
        only_the_parts_that_are_named_change,
        no_part_at_all_is_nothing_written,
        an_empty_part_is_the_same_as_none,
        a_load_brings_surroundings_only_where_they_are_asked_for,
        a_whole_workspace_is_read_from_one_snapshot,
        a_beat_leaves_the_surroundings_alone,
        surroundings_outlive_their_session,
        every_read_sees_the_signals,
        escalations_keep_their_order_through_every_change,
        sections_come_change_and_go_one_by_one,
        counts_and_retention_leave_surroundings_alone,
    }
    around_guards::{
        a_conflict_leaves_no_trace_of_its_parts,
        outcomes_alone_write_no_parts,
        one_id_is_of_one_escalation_in_a_workspace,
    }
    workspaces::{
        how_a_workspace_came_to_be_known_is_kept,
        what_is_stored_is_known,
        nothing_is_left_of_a_deleted_workspace_but_its_events,
        a_deletion_raises_the_floor_for_good,
        a_deletion_is_guarded,
        nothing_is_written_to_a_deleted_workspace,
        a_deleted_workspace_is_created_anew,
        the_name_of_a_deleted_workspace_goes_with_its_last_event,
        workspaces_are_listed_with_a_session_or_without,
        workspaces_are_listed_with_their_open_escalations,
    }
    escalations::{
        pages_come_in_order_whatever_the_filter,
        a_page_goes_on_after_any_place,
        only_open_escalations_are_listed,
        an_escalation_is_listed_as_it_was_raised,
        a_limit_of_escalations_is_bounded,
    }
    epochs::{
        each_acquire_begins_a_new_epoch,
        an_earlier_epoch_is_fenced_and_leaves_nothing,
        a_store_is_the_same_after_a_close,
        a_store_is_the_same_after_a_drop,
        a_closed_store_refuses_every_call,
        the_boot_scan_finds_live_sessions_in_order,
    }
    history::{
        sequences_rise_by_commit_and_by_write,
        sequences_are_never_given_twice,
        events_are_read_in_pages,
        events_of_one_workspace_are_read_past_the_others,
        a_cursor_from_the_future_stays,
        service_events_come_before_those_of_the_writes,
        the_ledger_finds_ended_sessions,
        the_newest_entry_of_a_repeated_id_counts,
        counts_follow_every_change,
    }
    retention::{
        outcomes_go_at_their_time,
        ordinary_events_go_by_age,
        ordinary_events_go_by_number,
        important_events_stay_longer,
        ledger_entries_go_by_age,
        one_call_removes_a_bounded_number,
        sequences_rise_across_prune_and_restart,
        nothing_to_forget_is_nothing_removed,
    }
    lists::{
        only_sessions_are_listed_in_the_order_of_keys,
        pages_follow_each_other_without_gap,
        a_prefix_covers_whole_segments,
        prefixes_page_too,
        each_filter_holds,
        filters_combine,
        few_among_many_are_found,
        a_page_has_the_sequence_of_its_snapshot,
        a_limit_is_bounded,
        workspaces_are_read_in_the_order_that_was_asked_for,
    }
    ledger::{
        the_last_ended_come_first_and_of_one_instant_the_last_sealed,
        the_last_page_names_no_next_one,
        what_is_sealed_or_forgotten_between_pages_moves_nothing,
        each_ledger_filter_holds,
        a_period_begins_with_its_first_instant_and_ends_before_its_last,
        a_ledger_prefix_covers_whole_segments,
        few_under_a_prefix_and_many_are_found_alike,
        ledger_filters_combine,
        totals_are_of_all_that_is_selected_on_whatever_page,
        a_page_of_the_ledger_is_bounded,
    }
    machines::{
        a_machine_is_there_after_the_step_that_saw_it,
        every_field_of_a_machine_survives,
        what_a_machine_holds_is_counted_by_recorded_expiry,
        a_conflict_leaves_no_sighting,
        beats_and_outcomes_write_no_machine,
        sightings_of_one_batch_add_up,
        machines_are_listed_in_the_order_of_their_ids,
        each_machine_filter_holds,
        machine_filters_combine,
        a_page_of_machines_is_bounded,
        orders_are_done_in_the_step_with_their_events,
        a_machine_that_holds_a_session_is_not_forgotten,
        an_earlier_epoch_orders_nothing,
        machines_go_by_age_unless_they_are_cordoned_or_hold_a_session,
    }
    limits::{
        hostile_texts_survive_unchanged,
        numbers_beyond_the_stores_saturate,
        a_version_beyond_the_stores_is_refused,
        a_guard_beyond_the_stores_is_a_conflict,
        a_cursor_beyond_the_stores_finds_nothing,
    }
}
