//! Signals: the first SIGTERM or SIGINT drains, the second ends what is left at once.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::drain::{Cause, Drain};

/// Begins to listen for signals.
///
/// # Errors
/// If the system does not let the process handle them.
pub fn listen(drain: Drain) -> io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        loop {
            let name = next(&mut terminate, &mut interrupt).await;
            if drain.has_begun() {
                tracing::warn!(signal = name, "ending at once");
                drain.cut();
            } else {
                drain.begin(Cause::Signal(name));
            }
        }
    });
    Ok(())
}

async fn next(terminate: &mut Signal, interrupt: &mut Signal) -> &'static str {
    tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
    }
}
