//! The real binaries together: supervisors and a server, killed at the worst moment.
//!
//! The test's own executable also plays the supervisors, each a process of its own, so that
//! they can be killed like one.

#![expect(clippy::expect_used, clippy::panic, reason = "what a test cannot do without ends it")]

mod command_line;
mod evicted;
mod imports;
mod load;
mod lost;
mod server;
mod story;
mod supervisor;
mod takeover;
mod waits;
mod workspaces;

use libtest_mimic::{Arguments, Trial};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, rest @ ..] = &arguments[..]
        && role == supervisor::ROLE
    {
        supervisor::play(rest);
        return;
    }
    let trials = vec![
        Trial::test("an_evicted_worker_learns_by_token_and_by_session_id", || {
            evicted::an_evicted_worker_learns_by_token_and_by_session_id();
            Ok(())
        }),
        Trial::test("a_lost_machine_is_one_incident_and_a_cordon_outlives_the_server", || {
            lost::a_lost_machine_is_one_incident_and_a_cordon_outlives_the_server();
            Ok(())
        }),
        Trial::test("sessions_of_a_killed_supervisor_expire_in_time_and_no_others", || {
            takeover::sessions_of_a_killed_supervisor_expire_in_time_and_no_others();
            Ok(())
        }),
        Trial::test("a_killed_server_loses_nothing_that_it_acknowledged", || {
            load::a_killed_server_loses_nothing_that_it_acknowledged();
            Ok(())
        }),
        Trial::test("holders_wait_for_each_other_in_the_order_in_which_they_came", || {
            waits::holders_wait_for_each_other_in_the_order_in_which_they_came();
            Ok(())
        }),
        Trial::test("a_standby_takes_over_from_a_killed_holder", || {
            waits::a_standby_takes_over_from_a_killed_holder();
            Ok(())
        }),
        Trial::test("who_waits_to_start_is_told_how_a_stale_session_is_taken_over", || {
            waits::who_waits_to_start_is_told_how_a_stale_session_is_taken_over();
            Ok(())
        }),
        Trial::test("a_wait_that_comes_to_nothing_ends_with_8_and_leaves_the_queue", || {
            waits::a_wait_that_comes_to_nothing_ends_with_8_and_leaves_the_queue();
            Ok(())
        }),
        Trial::test("a_workspace_is_registered_listed_and_deleted", || {
            workspaces::a_workspace_is_registered_listed_and_deleted();
            Ok(())
        }),
        Trial::test("a_worker_dies_and_another_goes_on", || {
            story::a_worker_dies_and_another_goes_on();
            Ok(())
        }),
        Trial::test("files_are_imported_renamed_and_never_imported_again", || {
            imports::files_are_imported_renamed_and_never_imported_again();
            Ok(())
        }),
        Trial::test("whatever_is_wrong_with_one_file_the_others_go_on", || {
            imports::whatever_is_wrong_with_one_file_the_others_go_on();
            Ok(())
        }),
        Trial::test("a_map_imports_many_workspaces_and_says_what_became_of_each_file", || {
            imports::a_map_imports_many_workspaces_and_says_what_became_of_each_file();
            Ok(())
        }),
        Trial::test("hostile_records_are_shown_escaped_and_can_be_got_rid_of", || {
            imports::hostile_records_are_shown_escaped_and_can_be_got_rid_of();
            Ok(())
        }),
    ];
    // One after another: both measure time.
    let arguments = Arguments { test_threads: Some(1), ..Arguments::from_args() };
    libtest_mimic::run(&arguments, trials).exit();
}
