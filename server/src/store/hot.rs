//! What hot rows mean, alike in every store: how one and the rest of a workspace make one
//! state, and which numbers can be stored.
//!
//! Guarantees: what the hot row says wins, so that a beat, which writes nothing else, is seen
//! by every later read.

use std::collections::HashSet;

use tenure_core::parts::Parts;
use tenure_core::session::{Holder, Renewal};
use tenure_core::workspace::Tenure;

use super::{AroundWrite, Batch, LeaseRow, StoreError};

/// The greatest number that every store can hold. Times and counts beyond it are stored as
/// this; a version or revision beyond it is refused, because it could not be told from another.
const STORABLE_MAX: u64 = i64::MAX as u64;

/// The stored state of a workspace, of what is stored beside the hot row.
pub(super) fn merge(mut tenure: Tenure, lease: &LeaseRow) -> Tenure {
    // Something can surround a workspace that never had a session.
    tenure.revision = Some(lease.revision).filter(|revision| revision.0 > 0);
    if let Some(session) = &mut tenure.session {
        session.beats = lease.beats;
        if let Holder::Autonomous(autonomous) = &mut session.holder {
            autonomous.renewal = match (lease.last_heartbeat_at, lease.expires_at) {
                (Some(last_heartbeat_at), Some(expires_at)) => {
                    Some(Renewal { last_heartbeat_at, expires_at })
                }
                _ => None,
            };
        }
    }
    tenure
}

/// Refuses a batch with numbers that are compared and that not every store can hold, or with
/// two escalations of one id in one workspace.
///
/// # Errors
/// [`StoreError::Unusable`].
pub(super) fn check_storable(batch: &Batch) -> Result<(), StoreError> {
    let storable =
        |lease: &LeaseRow| lease.version.0 <= STORABLE_MAX && lease.revision.0 <= STORABLE_MAX;
    let mut written = batch.writes.iter().filter_map(|write| write.lease.as_ref());
    if !written.all(storable) || !batch.renewals.iter().all(|renewal| storable(&renewal.lease)) {
        return Err(StoreError::Unusable(
            "a version or revision is greater than 2^63 - 1".to_owned(),
        ));
    }
    let mut around = batch.writes.iter().filter_map(|write| write.around.as_ref());
    if !around.all(has_distinct_escalations) {
        return Err(StoreError::Unusable("two escalations have the same id".to_owned()));
    }
    Ok(())
}

fn has_distinct_escalations(around: &AroundWrite) -> bool {
    let mut seen = HashSet::new();
    !around.parts.meets(Parts::ESCALATIONS)
        || around.surroundings.escalations.iter().all(|open| seen.insert(&open.id))
}
