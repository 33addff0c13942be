//! What systemd is told, where it asks for it (`NOTIFY_SOCKET`): ready, alive, stopping.

use std::future::pending;

use sd_notify::NotifyState;
use tokio::time::{MissedTickBehavior, interval};

use crate::drain::Drain;

/// Says that the server is ready, then that it lives, until it drains.
pub async fn supervise(drain: Drain) {
    tell(&[NotifyState::Ready]);
    tokio::select! {
        () = drain.begun() => {}
        () = keep_alive() => {}
    }
    tell(&[NotifyState::Stopping]);
}

/// Pings twice as often as the watchdog asks for, if there is one.
async fn keep_alive() {
    let Some(limit) = sd_notify::watchdog_enabled().filter(|limit| !limit.is_zero()) else {
        return pending().await;
    };
    let mut ticks = interval(limit / 2);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::warn!(?error, ?state, "systemd could not be told");
    }
}
