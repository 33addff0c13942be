//! Health for probes, and reflection for tools.
//!
//! Guarantees: every service of ours, and the server as a whole (the empty name), has a health
//! that changes as one.
//!
//! Must not know: why the health changes.

use tonic::service::RoutesBuilder;
use tonic_health::ServingStatus;
use tonic_health::server::HealthReporter;
use tonic_reflection::server::Builder as Reflection;

use crate::contract::Contract;

/// The largest request of health and reflection, in bytes; both ask by name.
const REQUEST_BYTES_MAX: usize = 16 << 10;

/// The name under which the server as a whole is asked for.
const WHOLE_SERVER: &str = "";

/// Sets the health of all services.
#[derive(Debug, Clone)]
pub struct Health {
    reporter: HealthReporter,
    services: Vec<String>,
}

impl Health {
    /// Adds health, not serving yet, and reflection to the routes.
    ///
    /// # Errors
    /// If descriptors that were compiled in cannot be decoded.
    pub async fn add_to(
        routes: &mut RoutesBuilder,
        contract: &Contract,
    ) -> Result<Self, tonic_reflection::server::Error> {
        let (reporter, server) = tonic_health::server::health_reporter();
        routes.add_service(server.max_decoding_message_size(REQUEST_BYTES_MAX));
        // Python's client knows only v1alpha.
        let v1 = reflection().build_v1()?.max_decoding_message_size(REQUEST_BYTES_MAX);
        let v1alpha = reflection().build_v1alpha()?.max_decoding_message_size(REQUEST_BYTES_MAX);
        routes.add_service(v1).add_service(v1alpha);

        let mut services = contract.own_services().to_vec();
        services.push(WHOLE_SERVER.to_owned());
        let health = Self { reporter, services };
        health.set(false).await;
        Ok(health)
    }

    /// Says whether the server serves, for every service.
    pub async fn set(&self, serving: bool) {
        let status = if serving { ServingStatus::Serving } else { ServingStatus::NotServing };
        for service in &self.services {
            self.reporter.set_service_status(service, status).await;
        }
    }
}

fn reflection() -> Reflection<'static> {
    Reflection::configure()
        .register_encoded_file_descriptor_set(tenure::FILE_DESCRIPTOR_SET)
        .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
}
