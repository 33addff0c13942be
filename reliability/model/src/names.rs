//! The names and the commands of a model. Made once: they are told from each other by index.

use std::sync::Arc;

use tenure_core::command::{
    CancelTransfer, Clear, Command, Expected, ForceTakeOver, Heartbeat, Join, RequestedHolder,
    RequestedLease, RequestedSuccessor, Start, TakeOver, Yield,
};
use tenure_core::context::{Clock, Context};
use tenure_core::name::{
    ActorId, EscalationId, InstanceId, Key, Principal, ProfileName, SessionId, WorkspaceName,
};
use tenure_core::session::{AutonomousKind, Revision};
use tenure_core::time::Span;
use tenure_core::work_stream::HALF_LIFE_DEFAULT;

use super::client::ProcessIndex;
use super::config::Config;

/// The names of a model.
#[derive(Debug)]
pub struct Names {
    /// The workspace.
    pub key: Key,
    actors: Vec<ActorId>,
    supervisor: ActorId,
    principal: Principal,
    no_escalation_id: EscalationId,
    reason: Arc<str>,
    ttl: Span,
}

/// The letters by which actors are told from each other.
const ACTORS: [&str; 4] = ["ann", "bob", "cid", "dan"];

impl Names {
    /// The names for `config`.
    #[must_use]
    pub fn new(config: &Config) -> Self {
        let workspace = WorkspaceName::imported("acme/api");
        Self {
            key: Key { workspace, profile: ProfileName::default() },
            actors: ACTORS.iter().map(|name| ActorId::imported(name)).collect(),
            supervisor: ActorId::imported("supervisor"),
            principal: Principal::imported("local"),
            no_escalation_id: EscalationId::imported(""),
            reason: "because".into(),
            ttl: config.ttl(),
        }
    }

    /// The id that is given out after `given` others.
    #[must_use]
    pub fn session_id(&self, given: u8) -> SessionId {
        SessionId::imported(&format!("ses_{given}"))
    }

    /// The circumstances of a command.
    #[must_use]
    pub fn context(&self, clock: Clock, new_session_id: SessionId) -> Context {
        Context {
            clock,
            principal: self.principal.clone(),
            operator: true,
            address: None,
            new_session_id,
            new_escalation_id: self.no_escalation_id.clone(),
            work_stream_half_life: HALF_LIFE_DEFAULT,
            revision_floor: Revision::default(),
            registration_required: false,
            machine_cordoned: false,
        }
    }

    /// The n-th actor.
    #[must_use]
    pub fn actor(&self, index: u8) -> ActorId {
        self.actors.get(usize::from(index)).unwrap_or(&self.supervisor).clone()
    }

    /// Which actor that is; absent for the supervisor.
    #[must_use]
    pub fn actor_index(&self, actor: &ActorId) -> Option<u8> {
        let at = self.actors.iter().position(|known| known == actor)?;
        u8::try_from(at).ok()
    }

    /// A start by a process that names its instance; each of its tries is another one, as each
    /// `LeaseHolder` is. Without a process it is a command of one shot, which names none.
    #[must_use]
    pub fn start(
        &self,
        actor: u8,
        process: Option<(ProcessIndex, u8)>,
        supersede: bool,
    ) -> Command {
        let lease = RequestedLease {
            actor: self.actor(actor),
            ttl: self.ttl,
            kind: AutonomousKind::RuntimeWorker,
            supervisor: Some(self.supervisor.clone()),
            instance: process.map(Self::instance),
        };
        Command::Start(Start {
            holder: RequestedHolder::Autonomous(lease),
            mode: None,
            supersede,
            machine: None,
            expected: Expected::default(),
        })
    }

    fn instance((process, try_): (ProcessIndex, u8)) -> InstanceId {
        InstanceId::imported(&format!("{process}.{try_}"))
    }

    /// A takeover by a process.
    #[must_use]
    pub fn take_over(&self, actor: u8, process: (ProcessIndex, u8)) -> Command {
        Command::TakeOver(TakeOver {
            successor: self.successor(actor, Some(Self::instance(process))),
            reason: Arc::clone(&self.reason),
            machine: None,
            expected: Expected::default(),
        })
    }

    fn successor(&self, actor: u8, instance: Option<InstanceId>) -> RequestedSuccessor {
        let (actor, ttl) = (self.actor(actor), Some(self.ttl));
        RequestedSuccessor::Autonomous { actor, ttl, supervisor: None, instance }
    }

    /// A beat for a session.
    #[must_use]
    pub fn beat(&self, actor: u8, session_id: SessionId) -> Command {
        let (actor, session_id) = (self.actor(actor), Some(session_id));
        Command::Heartbeat(Heartbeat { actor, session_id, activity: None, report: None })
    }

    /// A join for a session.
    #[must_use]
    pub fn join(&self, actor: u8, session_id: SessionId) -> Command {
        Command::Join(Join { actor: self.actor(actor), session_id })
    }

    /// The owner gives up; it names its session, but for what is planted.
    #[must_use]
    pub fn give_up(&self, actor: u8, session_id: Option<SessionId>) -> Command {
        let expected = Expected { session_id, revision: None };
        Command::Yield(Yield { actor: Some(self.actor(actor)), reason: None, expected })
    }

    /// The supervisor gives up.
    #[must_use]
    pub fn supervisor_yields(&self) -> Command {
        let actor = Some(self.supervisor.clone());
        Command::Yield(Yield { actor, reason: None, expected: Expected::default() })
    }

    /// The supervisor clears.
    #[must_use]
    pub fn supervisor_clears(&self) -> Command {
        let actor = Some(self.supervisor.clone());
        Command::Clear(Clear { actor, reason: None, expected: Expected::default() })
    }

    /// An operator takes over by force whatever is stored as `session_id`.
    #[must_use]
    pub fn force(&self, successor: u8, grace: Span, session_id: SessionId) -> Command {
        Command::ForceTakeOver(ForceTakeOver {
            successor: self.successor(successor, None),
            reason: Arc::clone(&self.reason),
            grace,
            dry_run: false,
            machine: None,
            expected: Expected { session_id: Some(session_id), revision: None },
        })
    }

    /// An operator cancels what is pending.
    #[must_use]
    pub fn cancel(&self) -> Command {
        Command::CancelTransfer(CancelTransfer::default())
    }
}
