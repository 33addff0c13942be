//! The sessions that all fault servers of a test share: just enough of the rules of a lease
//! service to tell a client that keeps to the contract from one that does not.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use prost::Name;
use tenure::{Reason, v1};
use tonic_types::pb;

pub struct World {
    pub sessions: HashMap<String, Stored>,
    pub verdicts: HashMap<String, v1::Verdict>,
    /// Overrides the share of the TTL after which to renew.
    pub renew_after: Option<Duration>,
    starts: HashMap<String, v1::StartSessionResponse>,
    yields: HashMap<String, v1::YieldSessionResponse>,
    revision: u64,
}

pub struct Stored {
    pub session: v1::Session,
    ttl: Duration,
    expires_at: Instant,
}

impl World {
    pub fn new() -> Self {
        Self {
            sessions: HashMap::new(),
            verdicts: HashMap::new(),
            renew_after: None,
            starts: HashMap::new(),
            yields: HashMap::new(),
            revision: 0,
        }
    }

    pub fn start(
        &mut self,
        request: &v1::StartSessionRequest,
    ) -> Result<v1::StartSessionResponse, tonic::Status> {
        assert!(!request.request_id.is_empty(), "a write carries a request id");
        if let Some(done) = self.starts.get(&request.request_id) {
            return Ok(v1::StartSessionResponse { replayed: true, ..done.clone() });
        }
        let Some(v1::start_session_request::Holder::Autonomous(holder)) = &request.holder else {
            return Err(refused(Reason::InvalidArgument, &v1::Refusal::default()));
        };
        let live = self.sessions.get(&request.workspace);
        if let Some(live) = live.filter(|live| live.expires_at > Instant::now()) {
            let holder_actor_id = live.session.actor_id.clone();
            let refusal = v1::Refusal { holder_actor_id, ..Default::default() };
            return Err(refused(Reason::LeaseHeld, &refusal));
        }
        self.revision += 1;
        let session = v1::Session {
            workspace: request.workspace.clone(),
            profile: "main".into(),
            session_id: format!("ses_{}", self.revision),
            actor_id: holder.actor_id.clone(),
            instance_id: holder.instance_id.clone().unwrap_or_default(),
            revision: self.revision,
            fencing_token: self.revision,
            lease_ttl: holder.lease_ttl,
            ..Default::default()
        };
        let ttl = Duration::try_from(holder.lease_ttl.unwrap()).unwrap();
        let stored = Stored { session: session.clone(), ttl, expires_at: Instant::now() + ttl };
        self.sessions.insert(request.workspace.clone(), stored);
        let answer = v1::StartSessionResponse {
            session: Some(session),
            timing: Some(self.timing(ttl)),
            reset: true,
            ..Default::default()
        };
        self.starts.insert(request.request_id.clone(), answer.clone());
        Ok(answer)
    }

    pub fn yield_session(
        &mut self,
        request: &v1::YieldSessionRequest,
    ) -> Result<v1::YieldSessionResponse, tonic::Status> {
        assert!(!request.request_id.is_empty(), "a write carries a request id");
        if let Some(done) = self.yields.get(&request.request_id) {
            return Ok(v1::YieldSessionResponse { replayed: true, ..done.clone() });
        }
        let Some(stored) = self.sessions.get(&request.workspace) else {
            return Err(refused(Reason::NoSession, &v1::Refusal::default()));
        };
        let session_id = stored.session.session_id.clone();
        if request.expected_session_id.as_ref() != Some(&session_id) {
            return Err(refused(Reason::SessionMismatch, &v1::Refusal::default()));
        }
        self.sessions.remove(&request.workspace);
        let answer = v1::YieldSessionResponse {
            ended_session_id: session_id,
            cause: v1::EndCause::Yielded as i32,
            ..Default::default()
        };
        self.yields.insert(request.request_id.clone(), answer.clone());
        Ok(answer)
    }

    /// Renews the session if the caller holds it; answers revision and timing.
    pub fn beat(
        &mut self,
        workspace: &str,
        session_id: &str,
    ) -> Result<(u64, v1::LeaseTiming), Box<v1::Refusal>> {
        self.join(workspace, session_id)?;
        self.revision += 1;
        let stored = self.sessions.get_mut(workspace).expect("it was just joined");
        stored.expires_at = Instant::now() + stored.ttl;
        let ttl = stored.ttl;
        Ok((self.revision, self.timing(ttl)))
    }

    /// Checks that the caller holds the session; answers its timing.
    pub fn join(
        &mut self,
        workspace: &str,
        session_id: &str,
    ) -> Result<v1::LeaseTiming, Box<v1::Refusal>> {
        let verdict = self.verdicts.get(session_id).cloned();
        let no = |reason: Reason| {
            let (reason, verdict) = (reason as i32, verdict.clone());
            Box::new(v1::Refusal { reason, verdict, ..Default::default() })
        };
        let stored = self.sessions.get(workspace).ok_or_else(|| no(Reason::NoSession))?;
        if stored.session.session_id != session_id {
            return Err(no(Reason::SessionMismatch));
        }
        let left = stored.expires_at.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(no(Reason::LeaseExpired));
        }
        Ok(self.timing(left))
    }

    /// Ends a session, as an operator would.
    pub fn end(&mut self, workspace: &str, cause: v1::EndCause) -> v1::Verdict {
        let stored = self.sessions.remove(workspace).expect("a session is stored");
        let verdict = v1::Verdict {
            session_id: stored.session.session_id.clone(),
            cause: cause as i32,
            reason: "because".into(),
            ..Default::default()
        };
        self.verdicts.insert(stored.session.session_id, verdict.clone());
        verdict
    }

    fn timing(&self, expires_in: Duration) -> v1::LeaseTiming {
        let proto = |duration: Duration| prost_types::Duration::try_from(duration).ok();
        v1::LeaseTiming {
            expires_in: proto(expires_in),
            renew_after: proto(self.renew_after.unwrap_or(expires_in / 3)),
            stop_work_after: proto(expires_in * 2 / 3),
            lease_expires_at: None,
        }
    }
}

/// The status by which the service refuses.
pub fn refused(reason: Reason, refusal: &v1::Refusal) -> tonic::Status {
    use prost::Message;
    let code = match reason {
        Reason::Draining | Reason::StoreUnavailable => tonic::Code::Unavailable,
        Reason::InvalidArgument => tonic::Code::InvalidArgument,
        Reason::StreamLagged | Reason::WatchLagged => tonic::Code::ResourceExhausted,
        _ => tonic::Code::FailedPrecondition,
    };
    let info = pb::ErrorInfo {
        reason: reason.as_short().into(),
        domain: "tenure".into(),
        ..Default::default()
    };
    let any = |type_url: String, value: Vec<u8>| prost_types::Any { type_url, value };
    let details = vec![
        any("type.googleapis.com/google.rpc.ErrorInfo".into(), info.encode_to_vec()),
        any(v1::Refusal::type_url(), refusal.encode_to_vec()),
    ];
    let status = pb::Status { code: code as i32, message: "no".into(), details };
    tonic::Status::with_details(code, "no", status.encode_to_vec().into())
}
