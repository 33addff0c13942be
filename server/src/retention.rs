//! Retention: forgets, in the background, what need not be kept any more.
//!
//! Guarantees: a little at a time, so that writers wait little; nothing depends on it but
//! space.
//!
//! Must not know: what the rows mean.

use std::sync::Arc;
use std::time::Duration;

use tenure_core::machine::KEPT_FOR;
use tenure_core::time::Span;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::config::RetentionTimes;
use crate::drain::Drain;
use crate::engine::Engine;
use crate::store::{Pruned, Retention, Store, StoreError};

/// How often to look for something to forget.
const EVERY: Duration = Duration::from_secs(30);

/// How many rows to remove in one step.
const ROWS_MAX: u32 = 1_000;

/// Between two steps, while there is more: writers have the store for longer than this does.
const PAUSE: Duration = Duration::from_millis(50);

/// Keeps the store bounded until a drain begins.
pub async fn keep_bounded(
    store: Arc<dyn Store>,
    engine: Engine,
    times: RetentionTimes,
    drain: Drain,
) {
    let mut ticks = interval(EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = drain.begun() => return,
            _ = ticks.tick() => {}
        }
        if let Err(error) = forget(store.as_ref(), &engine, &times, &drain).await {
            tracing::warn!(%error, "nothing could be forgotten, trying again later");
        }
    }
}

/// Forgets until nothing is left that may go.
async fn forget(
    store: &dyn Store,
    engine: &Engine,
    times: &RetentionTimes,
    drain: &Drain,
) -> Result<(), StoreError> {
    let mut total = 0;
    while !drain.has_begun() {
        let removed = rows(store.prune(now(engine, times)).await?);
        total += removed;
        if removed < u64::from(ROWS_MAX) {
            break;
        }
        sleep(PAUSE).await;
    }
    if total > 0 {
        tracing::debug!(rows = total, "forgot what retention does not keep");
    }
    Ok(())
}

fn now(engine: &Engine, times: &RetentionTimes) -> Retention {
    let moment = engine.clock().now;
    let before = |age: Duration| {
        moment.wall.before(Span(u64::try_from(age.as_millis()).unwrap_or(u64::MAX)))
    };
    Retention {
        lease_now: moment.lease,
        events_before: before(times.event_age),
        events_max: times.event_count,
        important_events_before: before(times.important_event_age),
        ledger_before: before(times.ledger_age),
        machines_before: moment.wall.before(KEPT_FOR),
        wall_now: moment.wall,
        rows_max: ROWS_MAX,
    }
}

fn rows(pruned: Pruned) -> u64 {
    pruned.events + pruned.ledger_entries + pruned.outcomes + pruned.machines
}
