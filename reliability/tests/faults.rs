//! The faults that need nothing but Rust and a C compiler. The others, which need programs or
//! rights of their own, are in the long form: `cargo run --release -p tenure-reliability -- faults`.

use tenure_reliability::faults::carry_out;

fn withstands(name: &str) -> anyhow::Result<()> {
    carry_out(name).map(drop)
}

#[test]
fn a_holder_that_was_stopped_past_its_lease_is_refused_and_learns_why() -> anyhow::Result<()> {
    withstands("paused_holder")
}

#[test]
fn a_full_disk_refuses_writes_answers_reads_and_charges_nobody() -> anyhow::Result<()> {
    withstands("full_disk")
}

#[test]
fn after_a_failed_sync_the_server_ends_and_all_acknowledged_is_there() -> anyhow::Result<()> {
    withstands("failed_sync")
}

#[test]
fn a_log_torn_behind_what_was_synced_loses_nothing_that_was() -> anyhow::Result<()> {
    withstands("torn_log")
}

#[test]
fn a_log_damaged_before_that_is_served_as_an_earlier_state_without_a_gap() -> anyhow::Result<()> {
    withstands("damaged_log")
}

#[test]
fn a_server_refuses_a_damaged_file_and_says_so() -> anyhow::Result<()> {
    withstands("damaged_file")
}

#[test]
fn a_store_that_stalls_charges_nobody() -> anyhow::Result<()> {
    withstands("stalled_store")
}

#[test]
fn a_server_that_was_stopped_charges_nobody() -> anyhow::Result<()> {
    withstands("paused_server")
}

#[test]
fn a_thousand_clients_reconnect_at_once() -> anyhow::Result<()> {
    withstands("fewer_reconnects")
}

#[test]
fn half_open_connections_are_noticed_on_both_sides() -> anyhow::Result<()> {
    withstands("half_open")
}
