//! Whether a server serves, as its health tells.

use std::net::SocketAddr;
use std::time::Instant;

use tonic::transport::Endpoint;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// Asks once, and waits for the answer until the deadline; anything but `SERVING` is a no.
pub(super) async fn serves(address: SocketAddr, deadline: Instant) -> bool {
    tokio::time::timeout_at(deadline.into(), ask(address)).await.unwrap_or(false)
}

async fn ask(address: SocketAddr) -> bool {
    let Ok(endpoint) = Endpoint::from_shared(format!("http://{address}")) else { return false };
    let Ok(channel) = endpoint.connect().await else { return false };
    // The empty name is the server as a whole.
    let whole = HealthCheckRequest { service: String::new() };
    match HealthClient::new(channel).check(whole).await {
        Ok(answer) => answer.into_inner().status() == ServingStatus::Serving,
        Err(_) => false,
    }
}
