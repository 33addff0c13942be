//! What every store promises, held against each of them, and what only a file can promise.
//!
//! A test of the suite is written once, generic over the store, and listed once below; it then
//! runs under its own name for each store.

#[path = "store_conformance/harness.rs"]
mod harness;
#[path = "store_conformance/sample.rs"]
mod sample;

#[path = "store_conformance/commits.rs"]
mod commits;

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
    };
}

conformance! {
    commits::{
        a_batch_is_there_after_it_was_answered,
        an_empty_batch_stores_the_mark,
        a_beat_changes_the_hot_row_and_nothing_else,
    }
}
