//! Reflection, as tools meet it that know nothing of the contract: in both versions, because
//! some clients know only the older one.

use prost::Message;
use prost_types::FileDescriptorProto;

use crate::harness::World;
use crate::serving::{ARGUMENTS, connect};

/// Every service that is served, but reflection itself.
const SERVICES: [&str; 6] = [
    "grpc.health.v1.Health",
    "tenure.v1.AdminService",
    "tenure.v1.HistoryService",
    "tenure.v1.LeaseService",
    "tenure.v1.MachineService",
    "tenure.v1.WorkspaceService",
];

/// Asks for the names of all services, and for the file that one of them is in, by reflection
/// of this version.
macro_rules! reflected {
    ($version:ident, $channel:expr) => {{
        use tonic_reflection::pb::$version::ServerReflectionRequest;
        use tonic_reflection::pb::$version::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::$version::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::$version::server_reflection_response::MessageResponse;

        let ask = |request| ServerReflectionRequest {
            host: String::new(),
            message_request: Some(request),
        };
        let requests = tokio_stream::iter([
            ask(MessageRequest::ListServices(String::new())),
            ask(MessageRequest::FileContainingSymbol("tenure.v1.LeaseService".to_owned())),
        ]);
        let mut client = ServerReflectionClient::new($channel);
        let mut answers = client.server_reflection_info(requests).await.unwrap().into_inner();
        let (mut names, mut files) = (Vec::new(), Vec::new());
        while let Some(answer) = answers.message().await.unwrap() {
            match answer.message_response.unwrap() {
                MessageResponse::ListServicesResponse(list) => {
                    names.extend(list.service.into_iter().map(|service| service.name));
                }
                MessageResponse::FileDescriptorResponse(found) => {
                    files.extend(found.file_descriptor_proto);
                }
                other => panic!("{other:?}"),
            }
        }
        (names, files)
    }};
}

fn check((names, files): (Vec<String>, Vec<Vec<u8>>), itself: &str) {
    for service in SERVICES.into_iter().chain([itself]) {
        assert!(names.iter().any(|name| name == service), "{service} is missing: {names:?}");
    }
    assert_eq!(names.len(), SERVICES.len() + 1, "{names:?}");
    let services =
        files.iter().flat_map(|file| FileDescriptorProto::decode(&**file).unwrap().service);
    let lease = services.into_iter().find(|service| service.name() == "LeaseService").unwrap();
    assert!(lease.method.iter().any(|method| method.name() == "StreamHeartbeats"), "{lease:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn reflection_lists_and_describes_the_services_in_both_versions() {
    let world = World::new();
    let mut server = world.start(&ARGUMENTS);
    let channel = connect(&mut server).await;
    check(reflected!(v1, channel.clone()), "grpc.reflection.v1.ServerReflection");
    check(reflected!(v1alpha, channel), "grpc.reflection.v1alpha.ServerReflection");
}
