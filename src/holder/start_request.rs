//! What a holder asks for: a lease, with the fields that only make sense for one.

use std::time::Duration;

use crate::v1;

/// A start of an autonomous session, to be held by a [`LeaseHolder`](crate::LeaseHolder).
#[derive(Clone, Debug, PartialEq)]
pub struct StartRequest {
    request: v1::StartSessionRequest,
    holder: v1::AutonomousHolder,
}

impl StartRequest {
    /// Asks for `workspace` (path-like, 1 to 200 bytes), profile `main`, on behalf of
    /// `actor_id`, with a lease that lives for `lease_ttl` without a heartbeat (1 s to 24 h
    /// unless configured otherwise).
    #[must_use]
    pub fn new(
        workspace: impl Into<String>,
        actor_id: impl Into<String>,
        lease_ttl: Duration,
    ) -> Self {
        let request = v1::StartSessionRequest { workspace: workspace.into(), ..Default::default() };
        let holder = v1::AutonomousHolder {
            actor_id: actor_id.into(),
            // What does not fit is refused by the service as every other wrong TTL.
            lease_ttl: prost_types::Duration::try_from(lease_ttl).ok(),
            ..Default::default()
        };
        Self { request, holder }
    }

    /// Another profile than `main`.
    #[must_use]
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.request.profile = profile.into();
        self
    }

    /// Another kind of owner than `runtime_worker`.
    #[must_use]
    pub fn owner_kind(mut self, kind: v1::OwnerKind) -> Self {
        self.holder.owner_kind = kind as i32;
        self
    }

    /// A second actor who may clear and yield.
    #[must_use]
    pub fn supervisor_id(mut self, supervisor_id: impl Into<String>) -> Self {
        self.holder.supervisor_id = Some(supervisor_id.into());
        self
    }

    /// Names this holder among those of the same actor; a ULID of its own by default. Two
    /// holders with the same name share one session and end each other's.
    #[must_use]
    pub fn instance_id(mut self, instance_id: impl Into<String>) -> Self {
        self.holder.instance_id = Some(instance_id.into());
        self
    }

    /// Ends the live session of another instance of the same actor.
    #[must_use]
    pub fn supersede(mut self, supersede: bool) -> Self {
        self.request.supersede = supersede;
        self
    }

    /// What the session is for.
    #[must_use]
    pub fn mode(mut self, mode: v1::Mode) -> Self {
        self.request.mode = mode as i32;
        self
    }

    /// The machine on which the holder runs.
    #[must_use]
    pub fn machine(mut self, machine: v1::MachineRef) -> Self {
        self.request.machine = Some(machine);
        self
    }

    /// An own `request_id` (a UUID or a ULID), so that a start whose answer was never seen
    /// can be asked for again; made anew by default.
    #[must_use]
    pub fn request_id(mut self, request_id: impl Into<String>) -> Self {
        self.request.request_id = request_id.into();
        self
    }
}

impl From<StartRequest> for v1::StartSessionRequest {
    fn from(start: StartRequest) -> Self {
        let StartRequest { mut request, mut holder } = start;
        holder.instance_id.get_or_insert_with(|| ulid::Ulid::generate().to_string());
        request.holder = Some(v1::start_session_request::Holder::Autonomous(holder));
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn instance(start: StartRequest) -> String {
        let request = v1::StartSessionRequest::from(start);
        let Some(v1::start_session_request::Holder::Autonomous(holder)) = request.holder else {
            panic!("a holder is autonomous");
        };
        holder.instance_id.unwrap()
    }

    #[test]
    fn every_holder_names_an_instance_of_its_own() {
        let start = StartRequest::new("acme/api", "a", Duration::from_secs(30));
        assert_ne!(instance(start.clone()), instance(start.clone()));
        assert_eq!(instance(start.instance_id("mine")), "mine");
    }
}
