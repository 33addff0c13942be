//! Listening: TCP on loopback, and Unix sockets.
//!
//! Guarantees: a Unix socket is never open to other users, not even for a moment; a file that
//! is no socket, or a socket that somebody answers on, is left alone; the socket's file goes
//! when the listener does.
//!
//! Must not know: HTTP.

use std::io;
use std::net::SocketAddr;

use tokio::net::{TcpListener, TcpSocket};

use crate::config::ListenAddress;

mod socket;
mod unix;

pub use socket::{Peer, Socket};
use unix::UnixEndpoint;
pub use unix::UnixSocketError;

/// How many connections may wait to be accepted; the system may hold it lower.
const BACKLOG: u32 = 4_096;

/// A socket that takes connections.
#[derive(Debug)]
pub struct Listener {
    kind: Kind,
    address: ListenAddress,
}

#[derive(Debug)]
enum Kind {
    Tcp(TcpListener),
    Unix(UnixEndpoint),
}

/// An address that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// A TCP address.
    #[error("cannot listen on {address}; {}", advice(source))]
    Tcp {
        /// Which.
        address: SocketAddr,
        /// Why.
        source: io::Error,
    },
    /// A Unix socket.
    #[error(transparent)]
    Unix(#[from] UnixSocketError),
}

/// What to do about a TCP address that the system refuses.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::AddrInUse => {
            "stop what listens there, or choose another address with --listen"
        }
        io::ErrorKind::PermissionDenied => "choose a port from 1024 up with --listen",
        _ => "choose another address with --listen",
    }
}

/// Binds all addresses, or none.
///
/// # Errors
/// [`ListenError`] for the first that cannot be bound.
pub async fn bind(addresses: &[ListenAddress]) -> Result<Vec<Listener>, ListenError> {
    let mut listeners = Vec::with_capacity(addresses.len());
    for address in addresses {
        listeners.push(Listener::bind(address).await?);
    }
    Ok(listeners)
}

impl Listener {
    async fn bind(address: &ListenAddress) -> Result<Self, ListenError> {
        match address {
            ListenAddress::Tcp(address) => {
                let bound = bind_tcp(*address)
                    .and_then(|listener| Ok((listener.local_addr()?, listener)))
                    .map_err(|source| ListenError::Tcp { address: *address, source });
                let (local, listener) = bound?;
                Ok(Self { kind: Kind::Tcp(listener), address: ListenAddress::Tcp(local) })
            }
            ListenAddress::Unix(path) => {
                let endpoint = UnixEndpoint::bind(path, BACKLOG).await?;
                Ok(Self { kind: Kind::Unix(endpoint), address: address.clone() })
            }
        }
    }

    /// Where it listens: the port is the one that the system chose.
    #[must_use]
    pub fn address(&self) -> &ListenAddress {
        &self.address
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// What the system says; the listener goes on.
    pub async fn accept(&self) -> io::Result<(Socket, Peer)> {
        match &self.kind {
            Kind::Tcp(listener) => {
                let (stream, remote) = listener.accept().await?;
                // Small answers must not wait for more to send.
                stream.set_nodelay(true)?;
                let peer = Peer::Tcp { local: stream.local_addr().ok(), remote };
                Ok((Socket::Tcp(stream), peer))
            }
            Kind::Unix(endpoint) => {
                let stream = endpoint.accept().await?;
                let peer = Peer::Unix { credentials: stream.peer_cred().ok() };
                Ok((Socket::Unix(stream), peer))
            }
        }
    }
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    // A restart must not wait for connections of the process before.
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
