//! A loopback port that a server can have again after it was killed.
//!
//! Guarantees: it is none that the system hands out by itself. Such a one could be given to
//! somebody else's outgoing connection while the server is down, and a client that tries again
//! and again could even be connected with itself.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::bail;

/// Below what Linux hands out by default, and above what is usually served.
const PORTS: std::ops::Range<u16> = 15_000..30_000;

/// How many are tried.
const TRIES_MAX: usize = 200;

/// A port that nobody listens on now.
pub(super) fn free() -> anyhow::Result<SocketAddr> {
    for _ in 0..TRIES_MAX {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, fastrand::u16(PORTS)));
        if TcpListener::bind(address).is_ok() {
            return Ok(address);
        }
    }
    bail!("no free port was found in {PORTS:?} on {}", Ipv4Addr::LOCALHOST)
}
