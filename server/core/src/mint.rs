//! The beginning of a tenure: every session that comes into being is minted here, so that what
//! a new one has in common with no other (id, token, counts, times) is written once.

use crate::name::{Principal, SessionId};
use crate::session::{
    Autonomous, AutonomousKind, FencingToken, Holder, MachineRef, Mode, Renewal, Revision, Session,
    Successor,
};
use crate::time::{Moment, Span};

/// What differs between one new session and another.
pub(crate) struct Minting<'a> {
    /// Only what an older installation has left can lack one.
    pub id: Option<&'a SessionId>,
    pub holder: Holder,
    pub mode: Mode,
    pub principal: &'a Principal,
    pub machine: Option<&'a MachineRef>,
    /// For a grant: how long it lives until its first beat, at most.
    pub claim_within: Option<Span>,
}

/// The session that begins `now`; `revision` becomes its token.
pub(crate) fn mint(minting: Minting<'_>, revision: Revision, now: Moment) -> Session {
    let mut holder = minting.holder;
    let unclaimed = match (&mut holder, minting.claim_within) {
        (Holder::Autonomous(Autonomous { renewal: Some(renewal), .. }), Some(within)) => {
            renewal.expires_at = renewal.expires_at.min(now.lease.after(within));
            true
        }
        _ => false,
    };
    Session {
        id: minting.id.cloned(),
        holder,
        mode: minting.mode,
        token: FencingToken(revision.0),
        started_at: now,
        last_started_at: now,
        start_count: 1,
        principal: minting.principal.clone(),
        machine: minting.machine.cloned(),
        beats: 0,
        activity: None,
        activity_logged_at: None,
        expiry_recorded: false,
        applied_gates_revision: None,
        stalls_at: None,
        stalled: false,
        unclaimed,
    }
}

impl Renewal {
    /// A lease of `ttl`, renewed `now`. Within a tenure the expiry never moves back, so a
    /// lease that was made shorter takes effect once the `prior` expiry has been passed.
    pub(crate) fn new(now: Moment, ttl: Span, prior: Option<Self>) -> Self {
        let renewed = now.lease.after(ttl);
        let expires_at = prior.map_or(renewed, |prior| prior.expires_at.max(renewed));
        Self { last_heartbeat_at: now.wall, expires_at }
    }
}

impl Successor {
    /// The successor as a holder whose lease runs from `now`. Its kind is `runtime_worker`.
    pub(crate) fn holder(&self, now: Moment) -> Holder {
        match self {
            Self::Interactive => Holder::Interactive,
            Self::Autonomous { actor, ttl, supervisor, instance } => {
                Holder::Autonomous(Autonomous {
                    actor: Some(actor.clone()),
                    kind: AutonomousKind::RuntimeWorker,
                    supervisor: supervisor.clone(),
                    instance: instance.clone(),
                    ttl: Some(*ttl),
                    renewal: Some(Renewal::new(now, *ttl, None)),
                })
            }
        }
    }
}
