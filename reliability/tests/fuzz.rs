//! Whatever is sent, the server answers, serves on, and harms nobody. The long form is
//! `cargo run --release -p tenure-reliability -- fuzz`.

use tenure_reliability::fuzz::{Until, fuzz};

/// About fifty methods, each some forty times.
const BATCHES: u64 = 8;

#[test]
fn whatever_is_sent_is_answered_and_harms_nobody() {
    let tried = fuzz(1, Until::Batches(BATCHES), |_| {}).unwrap();
    // Little would be tried if all were refused at the door, or nothing.
    assert!(tried.readable > tried.calls / 3, "{tried:?}");
    assert!(tried.readable < tried.calls * 9 / 10, "{tried:?}");
    assert!(tried.done > tried.calls / 20, "{tried:?}");
    assert!(tried.went_on > 10, "{tried:?}");
    assert!(tried.good_files > 100 && tried.good_files < tried.files / 2, "{tried:?}");
}
