//! How many sessions there are, live, stalled and stale. Nobody keeps that number: whether a session is
//! stale depends on the instant at which it is asked.
//!
//! Guarantees: the sessions are counted at most once a second, however many callers ask.

use std::time::Duration;

use tenure::v1;
use tenure_core::reply::SessionView;
use tenure_core::workspace::Workspace;
use tokio::sync::Mutex;
use tokio::time::Instant;

use crate::engine::Engine;
use crate::grpc::status::Fault;
use crate::store::{ListFilter, PAGE_MAX, Store};

/// For how long a count is told again.
const KEPT_FOR: Duration = Duration::from_secs(1);

/// The last count.
#[derive(Debug, Default)]
pub(super) struct Census(Mutex<Option<(Instant, v1::Counts)>>);

impl Census {
    /// The counts of what is stored, as of the last second.
    pub async fn take(&self, store: &dyn Store, engine: &Engine) -> Result<v1::Counts, Fault> {
        let mut last = self.0.lock().await;
        if let Some((at, counts)) = &*last
            && at.elapsed() < KEPT_FOR
        {
            return Ok(*counts);
        }
        let counts = count(store, engine).await?;
        *last = Some((Instant::now(), counts));
        Ok(counts)
    }
}

async fn count(store: &dyn Store, engine: &Engine) -> Result<v1::Counts, Fault> {
    let mut counts = v1::Counts::default();
    // What is recorded as expired is stale; only the rest has to be looked at.
    let filter = ListFilter { expiry_recorded: Some(false), ..ListFilter::default() };
    let mut after = None;
    loop {
        let page = store.list(filter.clone(), after, PAGE_MAX).await;
        let page = page.map_err(|error| Fault::store(&error))?;
        let clock = engine.clock();
        for row in page.rows {
            let workspace =
                Workspace { key: row.key, tenure: row.stored.tenure, surroundings: None };
            let Some(view) = SessionView::of(&workspace, &clock) else { continue };
            counts.live_sessions += u64::from(!view.stale);
            let stalled = !view.stale && view.session.has_stalled(clock.now.lease);
            counts.stalled_sessions += u64::from(stalled);
            counts.pending_transfers += u64::from(view.transfer.is_some());
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let stored = store.counts().await.map_err(|error| Fault::store(&error))?;
    counts.workspaces = stored.workspaces;
    // The pages and the total are of different moments, which may cross.
    counts.stale_sessions = stored.sessions.saturating_sub(counts.live_sessions);
    Ok(counts)
}
