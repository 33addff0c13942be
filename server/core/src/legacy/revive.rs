//! A session of an older installation as one of this service: its instants on the lease clock,
//! its lease within bounds.

use super::{LegacyHolder, LegacySession};
use crate::context::{Context, INTERACTIVE_STALE_AFTER, LeaseBounds};
use crate::mint::{Minting, mint};
use crate::reply::Warning;
use crate::session::{Autonomous, Holder, Renewal, Revision, Session};
use crate::time::{LeaseInstant, Moment, Span, WallTime};

/// The session that `legacy` comes to, and what is to be said about it. `revision` becomes its
/// token.
pub(super) fn revive(
    legacy: &LegacySession,
    bounds: LeaseBounds,
    revision: Revision,
    context: &Context,
) -> (Session, Vec<Warning>) {
    let now = context.clock.now;
    let mut warnings = Vec::new();
    let (holder, last_started_at) = match &legacy.holder {
        LegacyHolder::Person => (Holder::Interactive, last_start(legacy.last_started_at, now)),
        LegacyHolder::Program { actor, kind, supervisor, ttl, last_heartbeat_at } => {
            let ttl = within(*ttl, bounds, &mut warnings);
            let program = Autonomous {
                actor: actor.clone(),
                kind: *kind,
                supervisor: supervisor.clone(),
                instance: None,
                ttl,
                renewal: last_heartbeat_at.map(|at| renewal(at, ttl.unwrap_or_default(), now)),
            };
            (Holder::Autonomous(program), then(legacy.last_started_at, now))
        }
    };
    let minting = Minting {
        id: legacy.id.as_ref(),
        holder,
        mode: legacy.mode,
        principal: &context.principal,
        machine: None,
        claim_within: None,
    };
    let session = Session {
        started_at: then(legacy.started_at, now),
        last_started_at,
        start_count: legacy.start_count,
        ..mint(minting, revision, now)
    };
    (session, warnings)
}

/// The lease's length within the bounds; none for zero, since a lease of no length could
/// neither be held nor be inherited.
fn within(ttl: Span, bounds: LeaseBounds, warnings: &mut Vec<Warning>) -> Option<Span> {
    if ttl == Span::ZERO {
        return None;
    }
    if ttl > bounds.max {
        warnings.push(Warning::LeaseTtlCut { to: bounds.max });
    } else if ttl < bounds.min {
        warnings.push(Warning::LeaseTtlRaised { to: bounds.min });
    }
    // The bounds may be at odds with each other, and no lease is longer than the maximum.
    Some(ttl.max(bounds.min).min(bounds.max))
}

/// The moment at which the wall clock showed `at`; the future counts as now.
fn then(at: WallTime, now: Moment) -> Moment {
    let wall = at.min(now.wall);
    Moment { lease: now.lease.before(now.wall.since(wall)), wall }
}

/// The last start of a person. The instant may lie before the clock, above all in a store whose
/// clock began at zero, and not long ago: then it is the one before the clock if the session is
/// stale by now, and else the first one of the clock.
fn last_start(at: WallTime, now: Moment) -> Moment {
    let then = then(at, now);
    let age = now.wall.since(then.wall);
    if age.0 < now.lease.0 {
        return then;
    }
    let stale = age > INTERACTIVE_STALE_AFTER;
    let lease = if stale { LeaseInstant::BEFORE_THE_CLOCK } else { LeaseInstant(1) };
    Moment { lease, ..then }
}

/// The lease of `ttl` that was renewed when the wall clock showed `at`. Its expiry is right
/// also where the renewal lies before the clock began.
fn renewal(at: WallTime, ttl: Span, now: Moment) -> Renewal {
    let last_heartbeat_at = at.min(now.wall);
    let age = now.wall.since(last_heartbeat_at);
    let left = Span(ttl.0.saturating_sub(age.0));
    let over = Span(age.0.saturating_sub(ttl.0));
    Renewal { last_heartbeat_at, expires_at: now.lease.after(left).before(over) }
}
