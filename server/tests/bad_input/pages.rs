use std::sync::Arc;

use tenure::v1;
use tenure_core::name::{ActorId, Key, Principal, ProfileName, SessionId, WorkspaceName};
use tenure_core::session::{
    Autonomous, AutonomousKind, FencingToken, Holder, Renewal, Revision, Session,
};
use tenure_core::time::{LeaseInstant, Moment, Span, WallTime};
use tenure_core::workspace::Tenure;
use tenured::store::{Batch, Guard, LeaseRow, Version, Write};

use crate::rig::{Server, bad_fields, start_for};

/// A stored session whose expiry nobody has recorded.
fn unrecorded(workspace: &str, expires_at: LeaseInstant) -> Write {
    let renewal = Renewal { last_heartbeat_at: WallTime(0), expires_at };
    let session = Session {
        id: Some(SessionId::imported(&format!("ses_{workspace}"))),
        holder: Holder::Autonomous(Autonomous {
            actor: Some(ActorId::imported("worker-1")),
            kind: AutonomousKind::RuntimeWorker,
            supervisor: None,
            instance: None,
            ttl: Some(Span(1_000)),
            renewal: Some(renewal),
        }),
        mode: tenure_core::session::Mode::General,
        token: FencingToken(1),
        started_at: Moment::default(),
        last_started_at: Moment::default(),
        start_count: 1,
        principal: Principal::imported("local"),
        machine: None,
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: None,
        stalled: false,
        unclaimed: false,
    };
    let revision = Revision(1);
    let tenure = Tenure { revision: Some(revision), session: Some(session), ..Tenure::default() };
    Write {
        key: Key {
            workspace: WorkspaceName::parse(workspace).unwrap(),
            profile: ProfileName::default(),
        },
        guard: Guard::Absent,
        lease: Some(LeaseRow {
            version: Version(1),
            revision,
            last_heartbeat_at: Some(renewal.last_heartbeat_at),
            expires_at: Some(expires_at),
            beats: 0,
        }),
        tenure: Some(Arc::new(tenure)),
        around: None,
        deleted: None,
        origin: None,
        sealed: vec![],
        events: vec![],
        outcomes: vec![],
        sightings: vec![],
    }
}

/// Stores sessions behind the engine's back, so that it sets no timer for them.
async fn store(server: &Server, writes: Vec<Write>) {
    let lease_now = LeaseInstant(0);
    let batch = Batch {
        epoch: server.epoch,
        lease_now,
        writes,
        renewals: vec![],
        service_events: vec![],
        machines: vec![],
    };
    server.store.commit(batch).await.unwrap();
}

async fn names(server: &mut Server, stale: bool) -> Vec<String> {
    let filter = v1::SessionFilter { stale: Some(stale), ..v1::SessionFilter::default() };
    let request = v1::ListSessionsRequest { filter: Some(filter), ..page(20, "") };
    let answer = server.lease.list_sessions(request).await.unwrap().into_inner();
    assert_eq!(answer.next_page_token, "");
    assert!(answer.sessions.iter().all(|session| session.stale == stale));
    answer.sessions.into_iter().map(|session| session.workspace).collect()
}

#[tokio::test]
async fn a_session_that_is_due_but_not_recorded_is_listed_as_stale() {
    let mut server = Server::start().await;
    // Nobody records any more what has come due.
    server.engine.stop().await;
    let writes = vec![
        unrecorded("acme/due", LeaseInstant(0)),
        unrecorded("acme/live", LeaseInstant(u64::MAX)),
    ];
    store(&server, writes).await;
    assert_eq!(names(&mut server, true).await, ["acme/due"]);
    assert_eq!(names(&mut server, false).await, ["acme/live"]);
}

#[tokio::test]
async fn a_session_that_is_seen_as_stale_is_listed_so_at_once() {
    let mut server = Server::start().await;
    for n in 0..20 {
        let request = start_for(&format!("acme/short/{n:02}"), "worker-1", 1);
        server.lease.start_session(request).await.unwrap();
        // So that they do not all come due in one batch.
        tokio::time::sleep(std::time::Duration::from_millis(7)).await;
    }
    let mut seen = Vec::new();
    while seen.len() < 20 {
        let workspace = format!("acme/short/{:02}", seen.len());
        let request = v1::GetSessionRequest { workspace: workspace.clone(), ..Default::default() };
        let session = server.lease.get_session(request).await.unwrap().into_inner().session;
        if session.unwrap().stale {
            seen.push(workspace);
            let listed = names(&mut server, true).await;
            assert!(listed.len() >= seen.len() && listed.starts_with(&seen), "{listed:?}");
        }
    }
}

#[tokio::test]
async fn a_session_that_stalled_and_is_not_recorded_so_is_listed_as_stalled_while_it_lives() {
    let mut server = Server::start().await;
    let mut writes = Vec::new();
    for (name, expires_at, stalls_at) in [
        ("acme/lives", u64::MAX, None),
        ("acme/progresses", u64::MAX, Some(u64::MAX)),
        ("acme/stalled", u64::MAX, Some(0)),
        ("acme/stale", 0, Some(0)),
    ] {
        let mut write = unrecorded(name, LeaseInstant(expires_at));
        let tenure = write.tenure.as_mut().map(Arc::make_mut).unwrap();
        tenure.session.as_mut().unwrap().stalls_at = stalls_at.map(LeaseInstant);
        writes.push(write);
    }
    store(&server, writes).await;
    let mut names = async |stalled| {
        let filter = v1::SessionFilter { stalled: Some(stalled), ..v1::SessionFilter::default() };
        let request = v1::ListSessionsRequest { filter: Some(filter), ..page(10, "") };
        let answer = server.lease.list_sessions(request).await.unwrap().into_inner();
        assert!(answer.sessions.iter().all(|session| session.stalled == stalled));
        answer.sessions.into_iter().map(|session| session.workspace).collect::<Vec<_>>()
    };
    assert_eq!(names(true).await, ["acme/stalled"]);
    assert_eq!(names(false).await, ["acme/lives", "acme/progresses", "acme/stale"]);
    let info = server.admin.get_server_info(v1::GetServerInfoRequest {}).await.unwrap();
    assert_eq!(info.into_inner().counts.unwrap().stalled_sessions, 1);
}

#[tokio::test]
async fn a_rare_match_behind_many_rows_is_found_by_following_the_tokens() {
    let mut server = Server::start().await;
    // So that staleness is looked for row by row.
    server.engine.stop().await;
    for thousand in 0..12 {
        let name = |n| format!("acme/{thousand:02}/{n:03}");
        let live = (0..1_000).map(|n| unrecorded(&name(n), LeaseInstant(u64::MAX)));
        store(&server, live.collect()).await;
    }
    store(&server, vec![unrecorded("zeta", LeaseInstant(0))]).await;
    let filter = v1::SessionFilter { stale: Some(true), ..v1::SessionFilter::default() };
    let request =
        |token: &str| v1::ListSessionsRequest { filter: Some(filter.clone()), ..page(5, token) };
    let first = server.lease.list_sessions(request("")).await.unwrap().into_inner();
    assert_eq!(first.sessions.len(), 0, "one call reads a bounded number of rows");
    assert_ne!(first.next_page_token, "");
    let token = first.next_page_token;
    let second = server.lease.list_sessions(request(&token)).await.unwrap().into_inner();
    assert_eq!((second.sessions.len(), &*second.next_page_token), (1, ""));
    assert_eq!(second.sessions[0].workspace, "zeta");
}

fn page(page_size: i32, page_token: &str) -> v1::ListSessionsRequest {
    v1::ListSessionsRequest { page_size, page_token: page_token.to_owned(), filter: None }
}

#[tokio::test]
async fn pages_follow_each_other_without_loss_or_repeats() {
    let mut server = Server::start().await;
    let mut expected = Vec::new();
    for n in 0..7 {
        let workspace = format!("acme/{n}");
        server.start_session(&workspace, "worker-1").await;
        expected.push(workspace);
    }
    let (mut listed, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let answer = server.lease.list_sessions(page(3, &token)).await.unwrap().into_inner();
        pages += 1;
        assert!(answer.sessions.len() <= 3 && pages <= 7, "{pages}");
        listed.extend(answer.sessions.into_iter().map(|session| session.workspace));
        token = answer.next_page_token;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(listed, expected);
}

#[tokio::test]
async fn garbage_and_foreign_page_tokens_are_refused() {
    let mut server = Server::start().await;
    for n in 0..3 {
        server.start_session(&format!("acme/{n}"), "worker-1").await;
    }
    let token = server.lease.list_sessions(page(1, "")).await.unwrap().into_inner().next_page_token;
    let long = "0".repeat(1 << 16);
    let mut flipped = token.clone().into_bytes();
    flipped[20] ^= 1;
    let flipped = String::from_utf8(flipped).unwrap();
    for garbage in ["x", "0", "00", "\u{0}", "🦀", &long, &token[2..], &flipped] {
        let answer = server.lease.list_sessions(page(1, garbage)).await;
        assert_eq!(bad_fields(answer), ["page_token"], "{garbage:.40}");
    }
    let filter = v1::SessionFilter { owner: "worker-1".to_owned(), ..Default::default() };
    let other = v1::ListSessionsRequest { filter: Some(filter), ..page(1, &token) };
    assert_eq!(bad_fields(server.lease.list_sessions(other).await), ["page_token"]);
    assert!(server.lease.list_sessions(page(1, &token)).await.is_ok());
}

#[tokio::test]
async fn a_page_size_outside_the_bounds_is_refused() {
    let mut server = Server::start().await;
    for size in [-1, 1_001, i32::MIN, i32::MAX] {
        assert_eq!(bad_fields(server.lease.list_sessions(page(size, "")).await), ["page_size"]);
    }
}

#[tokio::test]
async fn every_bad_field_of_a_fence_check_is_told_at_once() {
    let mut server = Server::start().await;
    let check = |workspace: &str, profile: &str, fencing_token| v1::FenceCheck {
        workspace: workspace.to_owned(),
        profile: profile.to_owned(),
        fencing_token,
    };
    let fine = check("acme/api", "", 1);
    for (checks, fields) in [
        (vec![], &["checks"][..]),
        (vec![fine.clone(); 1_001], &["checks"]),
        (vec![fine.clone(), check("", "", 1)], &["checks.workspace"]),
        (
            vec![fine.clone(), check("a", "x/y", 1), check("a//b", "", 1), check("a", "", 0)],
            &["checks.workspace", "checks.profile", "checks.fencing_token"],
        ),
        (
            vec![check("\u{202E}", "\0", 0); 1_000],
            &["checks.workspace", "checks.profile", "checks.fencing_token"],
        ),
    ] {
        let request = v1::CheckFenceRequest { checks };
        assert_eq!(bad_fields(server.lease.check_fence(request).await), fields);
    }
    let request = v1::CheckFenceRequest { checks: vec![fine; 1_000] };
    assert!(server.lease.check_fence(request).await.is_ok());
}
