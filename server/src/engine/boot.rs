//! The way from a store to a working engine: acquire it, read the mark, set the first timers.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize};
use std::sync::{Arc, Mutex};

use tenure_core::event::SERVICE_PRINCIPAL;
use tenure_core::name::{EscalationId, Principal, SessionId};
use tenure_core::time::LeaseInstant;
use tokio::sync::{broadcast, mpsc, watch};

use crate::engine::cache::Cache;
use crate::engine::lease_clock::LeaseClock;
use crate::engine::machines::Cordons;
use crate::engine::members::Members;
use crate::engine::run::Runner;
use crate::engine::scan::Scan;
use crate::engine::timers::Timers;
use crate::engine::waits::Waits;
use crate::engine::{Engine, EngineOptions, FEED_MAX_BATCHES, Shared};
use crate::store::{Store, StoreError};

pub(crate) async fn boot(
    store: Arc<dyn Store>,
    options: EngineOptions,
) -> Result<(Engine, Runner), StoreError> {
    let acquired = store.acquire().await?;
    let clock = LeaseClock::resume(acquired.lease_mark, options.time.read());
    let mut timers = Timers::default();
    let scan = Scan::begin(&*store, &mut timers, clock.clock().boot_mark).await?;
    let cordons = Cordons::read(&*store).await?;
    let newest = store.events(None, u64::MAX, 1).await?.newest;
    let (queue_in, queue) = mpsc::unbounded_channel();
    let shared = Arc::new(Shared {
        queue: queue_in,
        waiting_calls: AtomicUsize::new(0),
        epoch: acquired.epoch,
        log_id: acquired.log_id,
        lease_bounds: options.lease_bounds,
        work_stream_half_life: options.work_stream_half_life,
        registration_required: options.registration_required,
        time: Arc::clone(&options.time),
        clock: Mutex::new(clock),
        newest_sequence: AtomicU64::new(newest),
        waiters: Mutex::default(),
        last_waiter: AtomicU64::new(0),
        feed: broadcast::Sender::new(FEED_MAX_BATCHES),
        failed: watch::Sender::new(None),
    });
    let runner = Runner {
        store,
        shared: Arc::clone(&shared),
        time: options.time,
        ids: options.ids,
        batching: options.batching,
        work_stream_half_life: options.work_stream_half_life,
        registration_required: options.registration_required,
        queue,
        clock,
        cache: Cache::new(options.cache_bytes),
        timers,
        scan,
        asked_for_due: Vec::new(),
        retried_by: LeaseInstant::BEFORE_THE_CLOCK,
        members: Members::default(),
        cordons,
        orders: VecDeque::new(),
        waits: Waits::new(options.waiters_max),
        revision_floor: acquired.revision_floor,
        service: Principal::imported(SERVICE_PRINCIPAL),
        no_session_id: SessionId::imported(""),
        no_escalation_id: EscalationId::imported(""),
        mark_stored: acquired.lease_mark,
        chains: Vec::new(),
        ahead: Vec::new(),
        deferred: Vec::new(),
        service_events: Vec::new(),
        again: Vec::new(),
        untold: None,
        spare: Vec::new(),
        stopping: None,
    };
    Ok((Engine { shared }, runner))
}
