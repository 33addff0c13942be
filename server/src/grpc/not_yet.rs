//! RPCs of the contract that this server cannot serve yet.

use tonic::Status;

use super::status::Fault;

/// The answer of an RPC that is still to come.
pub(super) fn not_yet(rpc: &str) -> Status {
    Fault::unimplemented(format!("{rpc} is not implemented by this server yet")).into_status()
}

/// Implements a service of which every RPC is still to come.
macro_rules! service_not_yet {
    (
        $service:ident: $trait:path,
        $($rpc:ident($request:ident) -> $response:ident = $name:literal;)+
    ) => {
        #[tonic::async_trait]
        impl $trait for $service {
            $(
                async fn $rpc(
                    &self,
                    _: tonic::Request<tenure::v1::$request>,
                ) -> Result<tonic::Response<tenure::v1::$response>, tonic::Status> {
                    Err($crate::grpc::not_yet::not_yet($name))
                }
            )+
        }
    };
}

pub(super) use service_not_yet;
