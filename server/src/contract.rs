//! What the descriptors say: which services are served, and which of their methods stream.
//!
//! Guarantees: health and limits follow the contract by themselves when it grows.
//!
//! Must not know: what any method does.

use std::collections::HashMap;

use prost::Message;
use prost_types::FileDescriptorSet;

/// The package of our own services.
const OWN_PACKAGE: &str = "tenure.v1";

/// The one method that receives larger messages than all others.
pub const IMPORT_PATH: &str = "/tenure.v1.WorkspaceService/ImportLegacyState";

/// How a method exchanges messages.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Shape {
    /// The client sends a stream.
    pub client_streams: bool,
    /// The server sends a stream.
    pub server_streams: bool,
    /// The method is one of ours, and ends its streams itself when the server drains.
    pub own: bool,
}

impl Shape {
    /// Whether either side streams.
    #[must_use]
    pub fn streams(self) -> bool {
        self.client_streams || self.server_streams
    }
}

/// Everything that the server answers to.
#[derive(Debug, Clone)]
pub struct Contract {
    own_services: Vec<String>,
    shapes: HashMap<String, Shape>,
}

impl Contract {
    /// Reads the descriptors of our services, health and reflection.
    ///
    /// # Errors
    /// If descriptors that were compiled in cannot be decoded.
    pub fn read() -> Result<Self, prost::DecodeError> {
        let mut contract = Self { own_services: Vec::new(), shapes: HashMap::new() };
        for encoded in [
            tenure::FILE_DESCRIPTOR_SET,
            tonic_health::pb::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1::FILE_DESCRIPTOR_SET,
            tonic_reflection::pb::v1alpha::FILE_DESCRIPTOR_SET,
        ] {
            contract.add(&FileDescriptorSet::decode(encoded)?);
        }
        Ok(contract)
    }

    /// The full names of our own services.
    #[must_use]
    pub fn own_services(&self) -> &[String] {
        &self.own_services
    }

    /// The shape of the method at this path, `/package.Service/Method`.
    #[must_use]
    pub fn shape(&self, path: &str) -> Option<Shape> {
        self.shapes.get(path).copied()
    }

    fn add(&mut self, descriptors: &FileDescriptorSet) {
        for file in &descriptors.file {
            let own = file.package() == OWN_PACKAGE;
            for service in &file.service {
                let name = format!("{}.{}", file.package(), service.name());
                for method in &service.method {
                    let shape = Shape {
                        client_streams: method.client_streaming(),
                        server_streams: method.server_streaming(),
                        own,
                    };
                    self.shapes.insert(format!("/{name}/{}", method.name()), shape);
                }
                if own {
                    self.own_services.push(name);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn our_services_and_their_streams_are_known() {
        let contract = Contract::read().unwrap();
        let services = contract.own_services();
        assert_eq!(services.len(), 5, "{services:?}");
        assert!(services.contains(&"tenure.v1.LeaseService".to_owned()));
        let shape = |path| contract.shape(path).unwrap();
        assert!(!shape("/tenure.v1.LeaseService/StartSession").streams());
        assert!(shape("/tenure.v1.LeaseService/StreamHeartbeats").client_streams);
        let watch = shape("/tenure.v1.LeaseService/WatchSessions");
        assert!(watch.server_streams && !watch.client_streams && watch.own);
        assert!(!shape(IMPORT_PATH).streams());
    }

    #[test]
    fn health_and_reflection_are_known_and_not_ours() {
        let contract = Contract::read().unwrap();
        for path in [
            "/grpc.health.v1.Health/Watch",
            "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
            "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
        ] {
            let shape = contract.shape(path).unwrap();
            assert!(shape.server_streams && !shape.own, "{path}");
        }
        assert_eq!(contract.shape("/tenure.v1.LeaseService/Unknown"), None);
    }
}
