//! The wire edge: gRPC services over the engine and the store's reads.
//!
//! Guarantees: a handler converts in, calls, and converts out; every refused request says why
//! in the contract's terms, and every bad field at once; nothing here decides what is allowed
//! to happen to a session.
//!
//! Must not know: the rules, SQL, how connections are served.

use std::sync::Arc;

use tenure::v1::admin_service_server::AdminServiceServer;
use tenure::v1::history_service_server::HistoryServiceServer;
use tenure::v1::lease_service_server::LeaseServiceServer;
use tenure::v1::machine_service_server::MachineServiceServer;
use tokio_util::task::TaskTracker;
use tonic::service::RoutesBuilder;

use crate::drain::Drain;
use crate::engine::Engine;
use crate::store::{Reads, Store};
use crate::watch::Feed;

pub mod convert;
pub mod heartbeats;
pub mod history;
pub mod page_token;
pub mod server_info;
pub mod status;
pub mod watch;

mod admin;
mod carry_out;
mod filling;
mod lease;
mod machine;
mod not_yet;
mod open_streams;
mod workspace;

pub use server_info::ServerInfo;

/// What the services work with.
#[derive(Clone)]
pub struct Services {
    /// Where writes go.
    pub engine: Engine,
    /// Where reads come from.
    pub store: Arc<dyn Store>,
    /// What the server tells of itself; its limits hold for every service.
    pub info: Arc<ServerInfo>,
    /// How the server ends.
    pub drain: Drain,
    /// The tasks of open connections, to be counted.
    pub connections: TaskTracker,
}

impl Services {
    /// Adds all services of the contract. Health and reflection come from elsewhere.
    pub fn add_to(self, routes: &mut RoutesBuilder) {
        let Self { engine, store, info, drain, connections } = self;
        let import_bytes = usize::try_from(info.limits.import_message_bytes).unwrap_or(usize::MAX);
        let message_bytes = usize::try_from(info.limits.message_bytes).unwrap_or(usize::MAX);
        let open = open_streams::OpenStreams::default();
        let reads: Arc<dyn Reads> = store.clone();
        let feed: Arc<dyn Feed> = Arc::new(engine.clone());
        let workspace =
            workspace::WorkspaceRpcs { engine: engine.clone(), reads: Arc::clone(&reads) };
        let machine = machine::MachineRpcs { engine: engine.clone(), reads: Arc::clone(&reads) };
        let watches_max = usize::try_from(info.limits.watches).unwrap_or(usize::MAX);
        let watches = watch::Watches::new(Arc::clone(&reads), Arc::clone(&feed), watches_max);
        let lease = lease::LeaseRpcs {
            engine: engine.clone(),
            store: Arc::clone(&store),
            joins_max: usize::try_from(info.limits.joins_per_stream).unwrap_or(usize::MAX),
            open: open.clone(),
            watches,
        };
        let admin = admin::AdminRpcs::new(engine, store, info, drain, open, connections);
        routes
            .add_service(LeaseServiceServer::new(lease).max_decoding_message_size(message_bytes))
            .add_service(
                HistoryServiceServer::new(history::History::new(reads, feed))
                    .max_decoding_message_size(message_bytes),
            )
            .add_service(AdminServiceServer::new(admin).max_decoding_message_size(message_bytes))
            .add_service(workspace::service(workspace, message_bytes, import_bytes))
            .add_service(
                MachineServiceServer::new(machine).max_decoding_message_size(message_bytes),
            );
    }
}
