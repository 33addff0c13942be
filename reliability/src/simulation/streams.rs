//! What the server does at its end of a stream: heartbeats, waits and watches, over a network
//! that may break off anywhere.

use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;

use tenured::access::Caller;
use tenured::engine::Failure;
use tenured::engine::outbox::{Delivery, Incoming, Next, Outbox};
use tenured::engine::waits::{WaitUpdate, Waiting};
use tenured::store::Reads;
use tenured::watch::{EventFilter, Start, Update, WatchError, Watcher};
use tokio::task::spawn_local;

use super::network::Network;
use super::pipe::{Pipe, PipeEnd, pipe};
use super::server::Running;

/// How many sessions a stream may hold.
const JOINS_MAX: usize = 8;

/// A client's end of a heartbeat stream.
#[derive(Debug)]
pub struct Heartbeats {
    /// What the client says.
    pub to_server: Pipe<Incoming>,
    /// What it hears.
    pub from_server: PipeEnd<Delivery>,
}

impl Network {
    /// Opens a heartbeat stream; absent if no server runs.
    pub async fn open_heartbeats(self: &Rc<Self>) -> Option<Heartbeats> {
        let running = self.look(async |running| Some(running.clone())).await?;
        let (to_server, at_server) = pipe(self);
        let (to_client, from_server) = pipe(self);
        spawn_local(serve_heartbeats(running, at_server, to_client));
        Some(Heartbeats { to_server, from_server })
    }

    /// Asks to wait for a workspace, and listens; absent if no server runs.
    pub async fn open_wait(
        self: &Rc<Self>,
        waiting: Waiting,
    ) -> Option<PipeEnd<Result<WaitUpdate, Failure>>> {
        let running = self.look(async |running| Some(running.clone())).await?;
        let (to_client, from_server) = pipe(self);
        spawn_local(serve_wait(running, waiting, to_client));
        Some(from_server)
    }

    /// Watches; absent if no server runs.
    pub async fn open_watch(
        self: &Rc<Self>,
        filter: EventFilter,
        start: Start,
    ) -> Option<PipeEnd<Result<Update, WatchError>>> {
        let running = self.look(async |running| Some(running.clone())).await?;
        let (to_client, from_server) = pipe(self);
        spawn_local(serve_watch(running, filter, start, to_client));
        Some(from_server)
    }
}

async fn serve_heartbeats(
    running: Running,
    mut from_client: PipeEnd<Incoming>,
    to_client: Pipe<Delivery>,
) {
    let engine = &running.engine;
    let outbox = Arc::new(Outbox::new(Arc::new(Caller::local(None)), JOINS_MAX));
    loop {
        tokio::select! {
            biased;
            () = running.gone.cancelled() => break,
            () = to_client.closed() => break,
            message = from_client.recv() => {
                let Some(message) = message else { break };
                let Ok(accepted) = outbox.accept(message, || engine.clock()) else { break };
                if engine.submit(&outbox, accepted).is_err() {
                    break;
                }
            }
            next = poll_fn(|cx| outbox.poll_next(cx)) => {
                let Next::Deliver(delivery) = next else { break };
                if !to_client.send(delivery) {
                    break;
                }
            }
        }
    }
    engine.leave(&outbox);
}

async fn serve_wait(
    running: Running,
    waiting: Waiting,
    to_client: Pipe<Result<WaitUpdate, Failure>>,
) {
    let mut wait = match running.engine.wait(waiting) {
        Ok(wait) => wait,
        Err(failure) => {
            to_client.send(Err(failure));
            return;
        }
    };
    loop {
        let update = tokio::select! {
            biased;
            () = running.gone.cancelled() => return,
            () = to_client.closed() => return,
            update = wait.next() => update,
        };
        let Some(update) = update else { return };
        let is_over = matches!(update, WaitUpdate::Over(_));
        if !to_client.send(Ok(update)) || is_over {
            return;
        }
    }
}

async fn serve_watch(
    running: Running,
    filter: EventFilter,
    start: Start,
    to_client: Pipe<Result<Update, WatchError>>,
) {
    let reads: Arc<dyn Reads> = running.store.clone();
    let feed = Arc::new(running.engine.clone());
    let watch = async {
        let mut watcher = Watcher::open(reads, feed, filter, start).await?;
        loop {
            let update = watcher.next().await?;
            if !to_client.send(Ok(update)) {
                return Ok(());
            }
        }
    };
    let ended = tokio::select! {
        biased;
        () = running.gone.cancelled() => return,
        () = to_client.closed() => return,
        ended = watch => ended,
    };
    if let Err(error) = ended {
        to_client.send(Err(error));
    }
}
