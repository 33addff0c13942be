//! RPCs of the contract that this server cannot serve yet.

use tonic::Status;

use super::status::Fault;

/// The answer of an RPC that is still to come.
pub(super) fn not_yet(rpc: &str) -> Status {
    Fault::unimplemented(format!("{rpc} is not implemented by this server yet")).into_status()
}
