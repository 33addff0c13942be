//! Addresses: where to listen, and what keeps the state.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

/// The longest path that fits a socket address, in bytes, its closing zero included.
const SOCKET_PATH_BYTES_MAX: usize = 107;

/// Where to listen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListenAddress {
    /// A loopback address and a port; port 0 lets the system choose.
    Tcp(SocketAddr),
    /// A Unix socket at this path.
    Unix(PathBuf),
}

/// What keeps the state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreAddress {
    /// A SQLite file.
    Sqlite {
        /// Its path.
        path: PathBuf,
        /// Whether it is the default, whose folder is made if it is missing.
        in_data_folder: bool,
    },
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

impl fmt::Display for StoreAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { path, .. } => write!(f, "sqlite:{}", path.display()),
        }
    }
}

/// Parses an address to listen on.
pub(super) fn parse_listen(text: &str) -> Result<ListenAddress, String> {
    if let Some(path) = text.strip_prefix("unix:") {
        return parse_socket_path(path);
    }
    let address: SocketAddr =
        text.parse().map_err(|_| "it is no IP address with a port, and no unix:PATH".to_owned())?;
    if !address.ip().to_canonical().is_loopback() {
        return Err("without access control the server listens on loopback addresses and Unix \
                    sockets only, because everybody who can reach it may do everything; reach it \
                    from other machines through a tunnel, such as ssh -L"
            .to_owned());
    }
    Ok(ListenAddress::Tcp(address))
}

/// Parses a store.
pub(super) fn parse_store(text: &str) -> Result<StoreAddress, String> {
    if text.starts_with("etcd:") {
        return Err("etcd is not supported by this version".to_owned());
    }
    match text.strip_prefix("sqlite:") {
        None => Err("it names no kind of store".to_owned()),
        Some(path) => {
            let path = parse_path(path)?;
            Ok(StoreAddress::Sqlite { path, in_data_folder: false })
        }
    }
}

fn parse_socket_path(text: &str) -> Result<ListenAddress, String> {
    if text.starts_with('@') {
        return Err("an abstract socket has no permissions; name a path".to_owned());
    }
    if text.len() > SOCKET_PATH_BYTES_MAX {
        return Err(format!("the path is longer than {SOCKET_PATH_BYTES_MAX} bytes"));
    }
    parse_path(text).map(ListenAddress::Unix)
}

fn parse_path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() {
        return Err("the path is empty".to_owned());
    }
    if text.contains('\0') {
        return Err("the path contains a zero byte".to_owned());
    }
    if text.ends_with('/') {
        return Err("the path is that of a folder".to_owned());
    }
    Ok(PathBuf::from(text))
}
