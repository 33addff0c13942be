//! What time does, and what is not charged to holders.

use std::time::Duration;

use tenure_core::event::What;
use tenure_core::ledger::EndCause;
use tenure_core::refusal::Reason;
use tenure_core::time::Span;
use tenured::store::memory::Fate;
use tokio::time::Instant;

use crate::world::{World, clear, force, heartbeat, start};

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn ten_thousand_expiries_are_noticed_in_time_and_none_is_early() {
    const LEASES: usize = 10_000;
    let mut world = World::new().await;
    let begun = Instant::now();
    let starts = (0..LEASES).map(|n| {
        let engine = world.engine.clone();
        async move { engine.execute(start(&format!("w/{n}"), "a", 30)).await.unwrap() }
    });
    futures_util::future::join_all(starts).await;
    let (mut expired, mut seen) = (0, 0);
    while expired < LEASES {
        let published = world.feed.recv().await.unwrap();
        for sequenced in published.events.iter() {
            seen += 1;
            if matches!(sequenced.event.what, What::SessionExpired { .. }) {
                expired += 1;
                let after = begun.elapsed();
                assert!(after >= 30 * SECOND, "early: {after:?}");
                assert!(after <= 30 * SECOND + Duration::from_millis(250), "late: {after:?}");
            }
        }
    }
    assert_eq!(seen, 2 * LEASES);
}

#[tokio::test(start_paused = true)]
async fn a_lease_is_live_until_its_instant_and_a_beat_moves_it() {
    let world = World::new().await;
    world.started("w", "a", 30).await;
    tokio::time::sleep(29 * SECOND).await;
    assert!(world.call(heartbeat("w", "a", None)).await.is_ok());
    tokio::time::sleep(29 * SECOND).await;
    assert!(!world.seen("w").await.stale);
    tokio::time::sleep(2 * SECOND).await;
    assert!(world.seen("w").await.stale);
    assert_eq!(world.refused(heartbeat("w", "a", None)).await, Reason::LeaseExpired);
}

#[tokio::test(start_paused = true)]
async fn downtime_is_not_charged_and_a_running_lease_gets_a_grace() {
    for (ttl_secs, grace_secs) in [(30, 30), (600, 60)] {
        let world = World::new().await;
        world.started("w", "a", ttl_secs).await;
        tokio::time::sleep(Duration::from_secs(ttl_secs - 1)).await;
        let world = world.crash_and_restart(Duration::from_secs(3_600)).await;
        let left = world.seen("w").await.effective_expiry.since(world.engine.clock().now.lease);
        assert_eq!(left, Span::from_secs(grace_secs));
        // The holder comes back and goes on as if nothing had been.
        assert!(world.call(heartbeat("w", "a", None)).await.is_ok());
    }
}

#[tokio::test(start_paused = true)]
async fn a_grace_is_not_the_basis_of_another_one() {
    let world = World::new().await;
    world.started("w", "a", 30).await;
    tokio::time::sleep(29 * SECOND).await;
    let world = world.crash_and_restart(SECOND).await;
    // In the grace, past the stored expiry, the server goes down again.
    tokio::time::sleep(10 * SECOND).await;
    assert!(!world.seen("w").await.stale);
    let world = world.crash_and_restart(SECOND).await;
    assert!(world.seen("w").await.stale);
}

#[tokio::test(start_paused = true)]
async fn after_a_restart_every_expiry_is_noticed_however_many_sessions_there_are() {
    // More than are read before the server serves, and than between two batches.
    const SESSIONS: usize = 1_700;
    let world = World::new().await;
    let starts = (0..SESSIONS).map(|n| world.engine.execute(start(&format!("w{n}"), "a", 30)));
    for started in futures_util::future::join_all(starts).await {
        started.unwrap();
    }
    let world = world.crash_and_restart(SECOND).await;
    assert!(!world.seen("w0").await.stale);
    tokio::time::sleep(40 * SECOND).await;
    for n in 0..SESSIONS {
        let session = world.stored(&format!("w{n}")).await.unwrap().tenure.session.unwrap();
        assert!(session.expiry_recorded, "w{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_mark_is_stored_while_leases_are_live() {
    let world = World::new().await;
    world.started("w", "a", 600).await;
    let before = world.engine.clock().now.lease;
    tokio::time::sleep(100 * SECOND).await;
    let world = world.crash_and_restart(SECOND).await;
    let charged = world.engine.clock().now.lease.since(before);
    assert!(charged <= Span(100_000) && charged >= Span(99_000), "{charged:?}");
}

#[tokio::test(start_paused = true)]
async fn a_stall_is_told_and_not_charged() {
    let mut world = World::new().await;
    world.started("w", "a", 30).await;
    world.event().await;
    world.time.stall(300 * SECOND);
    assert!(
        matches!(world.event().await.what, What::StallSeen { stalled_for } if stalled_for >= Span(300_000))
    );
    assert!(world.call(heartbeat("w", "a", None)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_suspended_machine_is_told_and_not_charged() {
    let mut world = World::new().await;
    world.started("w", "a", 30).await;
    world.event().await;
    world.time.suspend(3_600 * SECOND);
    assert!(
        matches!(world.event().await.what, What::StallSeen { stalled_for } if stalled_for == Span(3_600_000))
    );
    assert!(world.call(heartbeat("w", "a", None)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_step_of_the_wall_clock_is_told_and_touches_no_lease() {
    let mut world = World::new().await;
    world.started("w", "a", 30).await;
    world.event().await;
    world.time.step(86_400 * SECOND);
    assert!(matches!(world.event().await.what, What::ClockStepped { by_ms: 86_400_000 }));
    assert!(!world.seen("w").await.stale);
    assert!(world.call(heartbeat("w", "a", None)).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn time_in_which_the_store_takes_nothing_is_not_charged() {
    let world = World::new().await;
    world.started("w", "a", 30).await;
    tokio::time::sleep(10 * SECOND).await;
    for _ in 0..600 {
        world.store.script(Fate::Refuse);
    }
    // Marks and beats fail until the script has run out.
    let mut failures = 0;
    while world.engine.execute(heartbeat("w", "a", None)).await.is_err() {
        failures += 1;
        tokio::time::sleep(SECOND / 5).await;
    }
    assert!(failures > 200, "{failures}");
    assert!(!world.seen("w").await.stale);
}

#[tokio::test(start_paused = true)]
async fn a_transfer_completes_at_its_deadline_by_itself() {
    let mut world = World::new().await;
    let old = world.started("w", "a", 600).await.session.session;
    world.event().await;
    world.call(force("w", "b", old.id.clone().unwrap(), 20)).await.unwrap();
    assert!(matches!(world.event().await.what, What::TransferScheduled { .. }));
    let scheduled = Instant::now();
    let ended = world.event().await;
    let after = scheduled.elapsed();
    assert!(after >= 20 * SECOND && after <= 20 * SECOND + Duration::from_millis(250), "{after:?}");
    let What::SessionEnded { entry, transfer_completed: true } = ended.what else {
        panic!("{ended:?}")
    };
    assert_eq!(entry.cause, EndCause::ForceTakenOver);
    let new = world.seen("w").await.session;
    assert!(new.token > old.token);
    assert_eq!(new.id, entry.successor.map(|next| next.session_id));
}

#[tokio::test(start_paused = true)]
async fn a_transfer_survives_a_restart() {
    let world = World::new().await;
    let old = world.started("w", "a", 600).await.session.session;
    world.call(force("w", "b", old.id.clone().unwrap(), 20)).await.unwrap();
    let world = world.crash_and_restart(3_600 * SECOND).await;
    assert_eq!(world.seen("w").await.session.token, old.token);
    tokio::time::sleep(21 * SECOND).await;
    assert!(world.seen("w").await.session.token > old.token);
}

#[tokio::test(start_paused = true)]
async fn an_idle_engine_stores_nothing_and_stops_when_told() {
    let mut world = World::new().await;
    world.started("w", "a", 30).await;
    world.event().await;
    world.call(clear("w", "a")).await.unwrap();
    world.event().await;
    let drained_at = world.engine.clock().now.lease;
    world.engine.note_drain();
    world.engine.stop().await;
    let drained = What::ServerDrained { epoch: 1, lease_clock: drained_at };
    assert_eq!(world.event().await.what, drained);
}

#[tokio::test(start_paused = true)]
async fn who_is_told_that_all_is_noticed_finds_every_expiry_recorded() {
    let world = World::new().await;
    for n in 0..50 {
        world.started(&format!("w{n}"), "a", 30).await;
    }
    // A turn of the clock may be as far off as it ever is.
    tokio::time::sleep(30 * SECOND).await;
    assert!(world.engine.record_due().await);
    for n in 0..50 {
        let session = world.stored(&format!("w{n}")).await.unwrap().tenure.session.unwrap();
        assert!(session.expiry_recorded, "w{n}");
    }
}

#[tokio::test(start_paused = true)]
async fn also_while_the_store_takes_nothing_nobody_is_told_so_in_vain() {
    let world = World::new().await;
    world.started("w", "a", 30).await;
    for _ in 0..20 {
        world.store.script(Fate::Refuse);
    }
    let mut told = 0;
    for _ in 0..300 {
        tokio::time::sleep(Duration::from_millis(217)).await;
        if world.engine.record_due().await {
            told += 1;
            let session = world.stored("w").await.unwrap().tenure.session.unwrap();
            assert_eq!(world.seen("w").await.stale, session.expiry_recorded);
        }
    }
    assert!(told > 100 && world.seen("w").await.stale, "told {told} times");
}
