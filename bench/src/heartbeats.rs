//! The beats of each contender: a session or lease that is renewed, over and over.
//!
//! Every load is put on a server of its own, which is started for it and ended after it.

use std::sync::Arc;

use crate::callers::{self, Called, Caller};
use crate::figure::Stage;
use crate::load::book::Book;
use crate::load::dialogue::Dialogue;
use crate::load::{self, Load, Outcome, Timing, connect_all};
use crate::peer::etcd::keepalive::KeepAlive;
use crate::peer::redis::connection::{Command, Connection, Reply};
use crate::peer::{Server, echo, etcd, redis, tenured};
use crate::sessions::{self, Held};

/// Connections that leases are granted over.
const GRANTING_CONNECTIONS: usize = 4;

/// The shape of a load.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Streams altogether, dealt out evenly to the connections.
    pub streams: usize,
    /// Connections.
    pub connections: usize,
    /// Sessions or leases altogether, dealt out evenly to the streams.
    pub sessions: usize,
    /// Beats a message, each for another session. etcd has one a message, whatever is asked for.
    pub beats: usize,
    /// Messages in flight a stream.
    pub in_flight: usize,
    /// When messages are sent.
    pub timing: Timing,
    /// Whether sessions are dealt out in random order, and not in that of their names.
    pub shuffled: bool,
}

impl Shape {
    fn load(self) -> Load {
        Load { connections: self.connections, timing: self.timing }
    }

    /// The dialogues of heartbeat streams for these sessions.
    #[must_use]
    pub fn books(self, mut held: Vec<Held>) -> Vec<Book> {
        if self.shuffled {
            // The same order each time, so that repetitions differ in nothing else.
            fastrand::Rng::with_seed(1).shuffle(&mut held);
        }
        let each = held.chunks(self.sessions / self.streams);
        each.map(|held| Book::new(held, self.beats, self.in_flight)).collect()
    }
}

/// Beats of ours.
///
/// # Errors
/// When the server fails, or an answer is wrong.
pub async fn ours(stage: &Stage<'_>, shape: Shape) -> anyhow::Result<Outcome> {
    let server = tenured::start(stage.site).await?;
    let held = sessions::start(server.address(), shape.sessions).await?;
    on_server(server, shape.books(held), shape, stage).await
}

/// Messages of the echo.
///
/// # Errors
/// When the server fails, or an answer is wrong.
pub async fn echo(stage: &Stage<'_>, shape: Shape) -> anyhow::Result<Outcome> {
    let server = echo::start(stage.site).await?;
    let held = sessions::made_up(shape.sessions);
    on_server(server, shape.books(held), shape, stage).await
}

/// Renewals of etcd's leases on raw `LeaseKeepAlive` streams.
///
/// # Errors
/// When the server fails, or an answer is wrong.
pub async fn etcd(stage: &Stage<'_>, shape: Shape) -> anyhow::Result<Outcome> {
    let server = etcd::start(stage.site).await?;
    let granting = connect_all(server.address(), GRANTING_CONNECTIONS).await?;
    let leases = etcd::grant(&granting, shape.sessions).await?;
    let each = leases.chunks(shape.sessions / shape.streams);
    let dialogues = each.map(|leases| KeepAlive::new(leases.to_vec(), shape.in_flight)).collect();
    on_server(server, dialogues, shape, stage).await
}

async fn on_server<D: Dialogue>(
    server: Server,
    dialogues: Vec<D>,
    shape: Shape,
    stage: &Stage<'_>,
) -> anyhow::Result<Outcome> {
    let outcome = on(&server, dialogues, shape, stage).await?;
    server.stop()?;
    Ok(outcome)
}

/// A load on a server that is there.
///
/// # Errors
/// When the server fails, or an answer is wrong.
pub async fn on<D: Dialogue>(
    server: &Server,
    dialogues: Vec<D>,
    shape: Shape,
    stage: &Stage<'_>,
) -> anyhow::Result<Outcome> {
    let (address, pid) = (server.address(), server.pid());
    let outcome = load::run(address, pid, dialogues, shape.load(), stage.times).await;
    outcome.map_err(|error| error.context(server.failure("failed")))
}

/// Extensions of Redis's keys: so many connections, each with `pipelined` in flight, over so many
/// keys.
///
/// # Errors
/// When the server fails, or an answer is wrong.
pub async fn redis(
    stage: &Stage<'_>,
    connections: usize,
    pipelined: usize,
    keys: usize,
) -> anyhow::Result<Outcome> {
    let server = redis::start(stage.site).await?;
    let commands = Arc::new(redis::leases(&server, keys).await?);
    let mut extenders = Vec::with_capacity(connections);
    for turn in 0..connections {
        let connection = Connection::open(server.address()).await?;
        let next = turn * keys / connections;
        let commands = Arc::clone(&commands);
        extenders.push(Extender { connection, commands, next, pipelined, message: Vec::new() });
    }
    let outcome = callers::run(extenders, server.pid(), stage.times).await;
    let mut outcome = outcome.map_err(|error| error.context(server.failure("failed")))?;
    outcome.beats_per_s *= pipelined as f64;
    server.stop()?;
    Ok(outcome)
}

/// Extends keys in turn, a pipeline at a time.
struct Extender {
    connection: Connection,
    commands: Arc<Vec<Command>>,
    next: usize,
    pipelined: usize,
    message: Vec<u8>,
}

impl Caller for Extender {
    async fn call(&mut self) -> anyhow::Result<Called> {
        self.message.clear();
        for _ in 0..self.pipelined {
            self.message.extend_from_slice(self.commands[self.next].bytes());
            self.next = (self.next + 1) % self.commands.len();
        }
        self.connection.send(&self.message).await?;
        for _ in 0..self.pipelined {
            let extended = self.connection.reply().await?;
            anyhow::ensure!(extended == Reply::Number(1), "Redis did not extend: {extended:?}");
        }
        Ok(Called::Done)
    }
}
