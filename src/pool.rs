//! The connections of a client, one for each endpoint, opened when first used.
//!
//! All calls and streams go to the preferred endpoint until it fails; then the next one
//! is preferred, for all of them. Nothing here waits or repeats.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tonic::transport::Channel;

use crate::endpoint::{Endpoint, Endpoints};
use crate::error::Error;

/// How often a connection is probed, and how long the answer may take. A silent
/// connection is so found out even while nothing is asked of it.
const PROBE_EVERY: Duration = Duration::from_secs(10);
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);

/// Receive window of a connection. Small unread frames are charged against it by HTTP/2,
/// and past half of it the connection is cut.
const WINDOW_BYTES: u32 = 16 << 20;

pub(crate) struct Pool {
    transports: Vec<tonic::transport::Endpoint>,
    state: Mutex<State>,
}

struct State {
    preferred: usize,
    channels: Vec<Option<Channel>>,
    /// Raised whenever a channel is replaced, so that one broken connection is replaced
    /// once however many calls it failed.
    generations: Vec<u64>,
}

/// A connection to use, and what to say about it afterwards.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    pub index: usize,
    pub channel: Channel,
    generation: u64,
}

/// What befell a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The endpoint answered that it cannot serve, or the connection broke; the next use
    /// connects again by itself.
    Failed,
    /// Nothing came back. The connection may be half open, and is given up.
    Silent,
}

impl Pool {
    pub(crate) fn new(endpoints: &Endpoints, connect_timeout: Duration) -> Result<Self, Error> {
        let all = endpoints.as_slice();
        let transports =
            all.iter().map(|one| transport(one, connect_timeout)).collect::<Result<Vec<_>, _>>()?;
        let state = State {
            preferred: 0,
            channels: vec![None; transports.len()],
            generations: vec![0; transports.len()],
        };
        Ok(Self { transports, state: Mutex::new(state) })
    }

    /// How many endpoints there are.
    pub(crate) fn len(&self) -> usize {
        self.transports.len()
    }

    /// The connection to the preferred endpoint. It is opened when first used; this needs
    /// a tokio runtime around it, and does not wait.
    pub(crate) fn route(&self) -> Route {
        let mut state = self.state();
        let index = state.preferred;
        let channel = state.channels[index]
            .get_or_insert_with(|| self.transports[index].connect_lazy())
            .clone();
        Route { index, channel, generation: state.generations[index] }
    }

    /// Prefers the next endpoint from now on, unless another caller has done so already.
    pub(crate) fn report(&self, route: &Route, fault: Fault) {
        let mut state = self.state();
        if state.preferred == route.index {
            state.preferred = (route.index + 1) % self.transports.len();
        }
        if fault == Fault::Silent && state.generations[route.index] == route.generation {
            state.generations[route.index] += 1;
            state.channels[route.index] = None;
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing in here panics while the lock is held.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn transport(
    endpoint: &Endpoint,
    connect_timeout: Duration,
) -> Result<tonic::transport::Endpoint, Error> {
    let transport = tonic::transport::Endpoint::from_shared(endpoint.as_str().to_owned())
        .map_err(|error| Error::invalid("endpoint", format!("{endpoint}: {error}")))?;
    Ok(transport
        .connect_timeout(connect_timeout)
        .tcp_nodelay(true)
        .http2_keep_alive_interval(PROBE_EVERY)
        .keep_alive_timeout(PROBE_TIMEOUT)
        .keep_alive_while_idle(true)
        .initial_connection_window_size(WINDOW_BYTES))
}
