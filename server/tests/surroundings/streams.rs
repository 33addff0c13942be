use tenure::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Streaming;

use crate::rig::{Server, WORKER, WORKSPACE};

struct Stream {
    messages: mpsc::Sender<v1::StreamHeartbeatsRequest>,
    answers: Streaming<v1::StreamHeartbeatsResponse>,
    message_id: u64,
}

impl Stream {
    /// Opens a stream and joins `session` under handle 1.
    async fn joined(server: &mut Server, session: &v1::Session) -> (Self, v1::Joined) {
        let (messages, outbound) = mpsc::channel(4);
        let join = v1::Join {
            handle: 1,
            workspace: WORKSPACE.to_owned(),
            session_id: session.session_id.clone(),
            actor_id: WORKER.to_owned(),
            ..v1::Join::default()
        };
        let first = v1::StreamHeartbeatsRequest {
            message_id: 1,
            joins: vec![join],
            ..v1::StreamHeartbeatsRequest::default()
        };
        messages.send(first).await.unwrap();
        let answers = server.lease.stream_heartbeats(ReceiverStream::new(outbound)).await.unwrap();
        let mut stream = Self { messages, answers: answers.into_inner(), message_id: 1 };
        let joined = stream.answer(|answer| answer.joined.pop()).await;
        (stream, joined)
    }

    /// What the next answer has of what is looked for.
    async fn answer<T>(
        &mut self,
        find: impl Fn(&mut v1::StreamHeartbeatsResponse) -> Option<T>,
    ) -> T {
        loop {
            let mut answer = self.answers.message().await.unwrap().unwrap();
            if let Some(found) = find(&mut answer) {
                return found;
            }
        }
    }

    async fn send(&mut self, beat: v1::Beat) {
        self.message_id += 1;
        let message = v1::StreamHeartbeatsRequest {
            message_id: self.message_id,
            beats: vec![v1::Beat { handle: 1, ..beat }],
            ..v1::StreamHeartbeatsRequest::default()
        };
        self.messages.send(message).await.unwrap();
    }

    async fn renewed(&mut self, beat: v1::Beat) -> v1::Renewal {
        self.send(beat).await;
        self.answer(|answer| answer.renewed.pop()?.renewals.pop()).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn beats_of_a_stream_tell_of_the_work() {
    let mut server = Server::start().await;
    let session = server.held().await;
    let (mut stream, _) = Stream::joined(&mut server, &session).await;
    let usage = v1::Usage { input_tokens: 5, ..v1::Usage::default() };
    stream
        .renewed(v1::Beat {
            work_stream: Some("parser".to_owned()),
            usage: Some(Box::new(usage)),
            ..v1::Beat::default()
        })
        .await;
    let projection = server.projection().await;
    assert_eq!(projection.usage.unwrap().input_tokens, 5);
    assert_eq!(projection.work_streams[0].name, "parser");

    stream.send(v1::Beat { work_stream: Some(String::new()), ..v1::Beat::default() }).await;
    let refused = stream.answer(|answer| answer.refused.pop()).await;
    assert_eq!(refused.reason(), v1::ErrorReason::InvalidArgument);
    assert!(refused.message.contains("work_stream: "), "{}", refused.message);
    stream.renewed(v1::Beat::default()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn directives_come_with_results_only_when_they_changed() {
    let mut server = Server::start().await;
    let session = server.held().await;
    let (mut stream, joined) = Stream::joined(&mut server, &session).await;
    assert_eq!(joined.directives, Some(v1::Directives::default()));
    assert_eq!(stream.renewed(v1::Beat::default()).await.directives, None);
    let gates = v1::PutGatesRequest {
        workspace: WORKSPACE.to_owned(),
        gates: vec![v1::Gate { name: "build".to_owned(), ..v1::Gate::default() }],
        ..v1::PutGatesRequest::default()
    };
    server.workspace.put_gates(gates).await.unwrap();
    let told = stream.renewed(v1::Beat::default()).await.directives.unwrap();
    assert_eq!((told.gates_revision, told.blocked), (1, false));
    let applied = v1::Beat { gates_revision: Some(1), ..v1::Beat::default() };
    assert_eq!(stream.renewed(applied).await.directives, None);
    assert_eq!(server.projection().await.gates.unwrap().applied_gates_revision, Some(1));
    let raise = v1::RaiseEscalationRequest {
        workspace: WORKSPACE.to_owned(),
        kind: v1::EscalationKind::Blocking.into(),
        reason: "which?".to_owned(),
        ..v1::RaiseEscalationRequest::default()
    };
    server.workspace.raise_escalation(raise).await.unwrap();
    let told = stream.renewed(v1::Beat::default()).await.directives.unwrap();
    assert!(told.blocked && told.blocking_reason == "which?");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_holder_is_told_unasked_of_questions_and_gates() {
    use v1::push::Kind;
    let mut server = Server::start().await;
    let session = server.held().await;
    let (mut stream, _) = Stream::joined(&mut server, &session).await;
    let raise = v1::RaiseEscalationRequest {
        workspace: WORKSPACE.to_owned(),
        kind: v1::EscalationKind::Blocking.into(),
        reason: "which?".to_owned(),
        ..v1::RaiseEscalationRequest::default()
    };
    let raised = server.workspace.raise_escalation(raise).await.unwrap().into_inner();
    let escalation_id = raised.escalation.unwrap().escalation_id;
    let push = stream.answer(|answer| answer.pushes.pop()).await;
    assert_eq!(push.handle, 1);
    let Some(Kind::Blocked(blocked)) = push.kind else { panic!("{push:?}") };
    assert_eq!((&*blocked.escalation_id, &*blocked.reason), (&*escalation_id, "which?"));
    assert_eq!(blocked.blocking_escalations, 1);
    let resolve = v1::ResolveEscalationRequest {
        workspace: WORKSPACE.to_owned(),
        escalation_id,
        ..v1::ResolveEscalationRequest::default()
    };
    server.workspace.resolve_escalation(resolve).await.unwrap();
    let push = stream.answer(|answer| answer.pushes.pop()).await;
    assert!(matches!(push.kind, Some(Kind::Unblocked(_))), "{push:?}");
    let gates = v1::PutGatesRequest {
        workspace: WORKSPACE.to_owned(),
        gates: vec![v1::Gate { name: "build".to_owned(), ..v1::Gate::default() }],
        ..v1::PutGatesRequest::default()
    };
    server.workspace.put_gates(gates).await.unwrap();
    let push = stream.answer(|answer| answer.pushes.pop()).await;
    let Some(Kind::GatesChanged(changed)) = push.kind else { panic!("{push:?}") };
    assert_eq!(changed.gates_revision, 1);
}
