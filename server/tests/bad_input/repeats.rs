use tenure::v1;
use tonic::Code;

use crate::rig::{Server, Told, bad_fields, labels, start};

const ID: &str = "0190A6F4-7B2C-7DEF-8123-456789ABCDEF";

fn with_id(request_id: &str) -> v1::StartSessionRequest {
    v1::StartSessionRequest { request_id: request_id.to_owned(), ..start("acme/api", "worker-1") }
}

#[tokio::test]
async fn a_repeat_is_answered_and_not_carried_out_again() {
    let mut server = Server::start().await;
    let first = server.lease.start_session(with_id(ID)).await.unwrap().into_inner();
    // The same id in another case, and the default profile written out, are the same request.
    let again =
        v1::StartSessionRequest { profile: "main".to_owned(), ..with_id(&ID.to_ascii_lowercase()) };
    let second = server.lease.start_session(again).await.unwrap().into_inner();
    assert!(!first.replayed && second.replayed);
    let (first, second) = (first.session.unwrap(), second.session.unwrap());
    assert_eq!((&first.session_id, first.revision), (&second.session_id, second.revision));
    assert_eq!(second.start_count, 1);
}

#[tokio::test]
async fn a_machine_with_many_labels_is_the_same_content_each_time() {
    let mut server = Server::start().await;
    for repeat in [false, true, true] {
        let machine = v1::MachineRef {
            machine_id: "m-1".to_owned(),
            host: "box".to_owned(),
            labels: labels(32),
        };
        let request = v1::StartSessionRequest { machine: Some(machine), ..with_id(ID) };
        let answer = server.lease.start_session(request).await.unwrap().into_inner();
        assert_eq!(answer.replayed, repeat);
    }
}

#[tokio::test]
async fn the_same_id_with_other_content_is_refused() {
    let mut server = Server::start().await;
    server.lease.start_session(with_id(ID)).await.unwrap();
    let other = v1::StartSessionRequest { mode: v1::Mode::Research.into(), ..with_id(ID) };
    let refused = server.lease.start_session(other).await.unwrap_err();
    let told = Told::of(&refused);
    assert_eq!((told.code, &*told.reason), (Some(Code::InvalidArgument), "REQUEST_ID_REUSED"));
    assert!(told.fields.is_empty());
}

#[tokio::test]
async fn an_item_of_a_batch_is_a_repeat_of_the_start_that_it_equals() {
    let mut server = Server::start().await;
    server.lease.start_session(with_id(ID)).await.unwrap();
    let request = v1::BatchStartSessionsRequest { starts: vec![with_id(ID)] };
    let results = server.lease.batch_start_sessions(request).await.unwrap().into_inner().results;
    let Some(v1::batch_start_result::Result::Started(started)) = &results[0].result else {
        panic!("{results:?}")
    };
    assert!(started.replayed);
}

#[tokio::test]
async fn a_request_id_that_is_no_id_is_refused() {
    let mut server = Server::start().await;
    let long = "0".repeat(100_000);
    for id in ["1", "0190A6F47B2C7DEF8123456789ABCDEF", "\u{0}", &long] {
        let answer = server.lease.start_session(with_id(id)).await;
        assert_eq!(bad_fields(answer), ["request_id"], "{id:.40}");
    }
    assert!(server.is_free("acme/api").await);
}
