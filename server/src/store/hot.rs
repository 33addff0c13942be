//! How a hot row and the rest of a workspace make one state.
//!
//! Guarantees: what the hot row says wins, in every store alike; so a beat, which writes
//! nothing else, is seen by every later read.

use tenure_core::session::{Holder, Renewal, Session, Transfer};
use tenure_core::workspace::Tenure;

use super::LeaseRow;

/// The greatest number that every store can hold. Times and counts beyond it are stored as
/// this; a version or revision beyond it is refused, because it could not be told from another.
pub(super) const STORABLE_MAX: u64 = i64::MAX as u64;

/// The stored state of a workspace.
pub(super) fn merge(
    session: Option<Session>,
    transfer: Option<Transfer>,
    lease: &LeaseRow,
) -> Tenure {
    let session = session.map(|mut session| {
        session.beats = lease.beats;
        if let Holder::Autonomous(autonomous) = &mut session.holder {
            autonomous.renewal = match (lease.last_heartbeat_at, lease.expires_at) {
                (Some(last_heartbeat_at), Some(expires_at)) => {
                    Some(Renewal { last_heartbeat_at, expires_at })
                }
                _ => None,
            };
        }
        session
    });
    Tenure { revision: Some(lease.revision), session, transfer }
}
