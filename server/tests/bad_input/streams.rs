use tenure::v1;
use tokio_stream::StreamExt;
use tonic::{Code, Streaming};

use crate::rig::{Server, Told};

async fn stream(
    server: &mut Server,
    messages: Vec<v1::StreamHeartbeatsRequest>,
) -> Streaming<v1::StreamHeartbeatsResponse> {
    // Stays open, so that what ends the stream is the server.
    let outbound = tokio_stream::iter(messages).chain(tokio_stream::pending());
    server.lease.stream_heartbeats(outbound).await.unwrap().into_inner()
}

fn message(message_id: u64, beats: impl IntoIterator<Item = u32>) -> v1::StreamHeartbeatsRequest {
    let beats = beats.into_iter().map(|handle| v1::Beat { handle, ..v1::Beat::default() });
    v1::StreamHeartbeatsRequest {
        message_id,
        beats: beats.collect(),
        ..v1::StreamHeartbeatsRequest::default()
    }
}

fn join(handle: u32, session: &v1::Session, actor_id: &str) -> v1::Join {
    v1::Join {
        handle,
        workspace: session.workspace.clone(),
        session_id: session.session_id.clone(),
        actor_id: actor_id.to_owned(),
        ..v1::Join::default()
    }
}

/// The fields that the stream was ended for.
async fn ended_for(inbound: &mut Streaming<v1::StreamHeartbeatsResponse>) -> Vec<String> {
    let told = Told::of(&inbound.message().await.unwrap_err());
    assert_eq!((told.code, &*told.reason), (Some(Code::InvalidArgument), "INVALID_ARGUMENT"));
    told.fields
}

#[tokio::test]
async fn a_message_of_1_001_beats_ends_the_stream_and_names_the_bound() {
    let mut server = Server::start().await;
    let mut inbound = stream(&mut server, vec![message(1, 1..=1_001)]).await;
    assert_eq!(ended_for(&mut inbound).await, ["beats"]);
    server.start_session("acme/api", "worker-1").await;
}

#[tokio::test]
async fn message_ids_that_do_not_rise_end_the_stream() {
    let mut server = Server::start().await;
    for messages in [vec![message(0, [])], vec![message(5, []), message(5, [])]] {
        let mut inbound = stream(&mut server, messages).await;
        assert_eq!(ended_for(&mut inbound).await, ["message_id"]);
    }
}

#[tokio::test]
async fn bad_joins_and_beats_are_results_and_the_good_ones_go_on() {
    let mut server = Server::start().await;
    let session = server.start_session("acme/api", "worker-1").await;
    let bad_joins = [
        join(0, &session, "worker-1"),
        join(2, &session, ""),
        join(3, &session, "\u{202e}reversed"),
        join(4, &session, "somebody-else"),
    ];
    let mut first = message(1, [1, 99]);
    first.joins = std::iter::once(join(1, &session, "worker-1")).chain(bad_joins).collect();
    let mut inbound = stream(&mut server, vec![first]).await;
    let (mut renewed, mut refused) = (Vec::new(), Vec::new());
    while renewed.is_empty() || refused.len() < 5 {
        let answer = inbound.message().await.unwrap().unwrap();
        renewed.extend(answer.renewed.into_iter().flat_map(|group| group.renewals));
        refused.extend(answer.refused);
    }
    assert_eq!(renewed[0].handle, 1);
    refused.sort_by_key(|refused| refused.handle);
    let told: Vec<_> = refused.iter().map(|refused| (refused.handle, refused.reason())).collect();
    let invalid = v1::ErrorReason::InvalidArgument;
    assert_eq!(
        told,
        [(0, invalid), (2, invalid), (3, invalid), (4, v1::ErrorReason::NotHolder), (99, invalid)]
    );
    assert!(refused.iter().all(|refused| !refused.message.contains('\u{202e}')));
}
