//! Who is calling, and what they may do.
//!
//! Without access configuration there is one principal, `local`, with every role; the server
//! then listens on loopback and Unix sockets only, which the configuration enforces.

use std::sync::Arc;

use tenure_core::name::Principal;
use tonic::transport::server::UdsConnectInfo;

/// The principal of everybody who can reach a server without access configuration.
pub const LOCAL_PRINCIPAL: &str = "local";

/// An authenticated caller.
#[derive(Debug, Clone)]
pub struct Caller {
    /// Who is authenticated.
    pub principal: Principal,
    /// Whether the caller may force takeovers, and read hints about it.
    pub operator: bool,
    /// Where the call came from: `127.0.0.1:50412`, or `unix`.
    pub address: Option<Arc<str>>,
}

impl Caller {
    /// The one caller of a server without access configuration.
    #[must_use]
    pub fn local(address: Option<Arc<str>>) -> Self {
        Self { principal: Principal::imported(LOCAL_PRINCIPAL), operator: true, address }
    }
}

/// What is shown as the address of a caller on a Unix socket.
const UNIX_ADDRESS: &str = "unix";

/// Who sent `request`: the one local caller, with the address that the connection told.
#[must_use]
pub fn caller<T>(request: &tonic::Request<T>) -> Arc<Caller> {
    let address = match request.remote_addr() {
        Some(address) => Some(Arc::from(address.to_string())),
        None if request.extensions().get::<UdsConnectInfo>().is_some() => {
            Some(Arc::from(UNIX_ADDRESS))
        }
        None => None,
    };
    Arc::new(Caller::local(address))
}
