//! How a lease was lost.

use crate::{Reason, v1};

/// Why a holder must not go on. Final: after a loss the same holder never holds again.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct Loss {
    /// What happened.
    pub kind: LossKind,
    /// How the session ended and who has the workspace since, where the service said so.
    pub verdict: Option<v1::Verdict>,
    /// The reason of the refusal by which the loss became known; absent when it was pushed
    /// or found out locally.
    pub reason: Option<Reason>,
    /// The same in words, for people; may hold texts of other parties.
    pub message: String,
}

/// What happened to a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum LossKind {
    /// The service ended the session; the verdict says how.
    Ended,
    /// The lease expired at the service.
    Expired,
    /// The service knows another session, or none, and no verdict on this one.
    NotHolder,
    /// No answer came until the time at which the work must stop. The lease may live on
    /// for a while; `release` gives it up in good order.
    StoppedWork,
}

impl Loss {
    pub(crate) fn stopped_work(message: impl Into<String>) -> Self {
        let kind = LossKind::StoppedWork;
        Self { kind, verdict: None, reason: None, message: message.into() }
    }

    pub(crate) fn expired(message: impl Into<String>) -> Self {
        Self { kind: LossKind::Expired, verdict: None, reason: None, message: message.into() }
    }

    pub(crate) fn ended(verdict: Option<v1::Verdict>) -> Self {
        let message = match &verdict {
            Some(verdict) => format!("the session ended: {}", cause_name(verdict.cause())),
            None => "the session ended".to_owned(),
        };
        Self { kind: LossKind::Ended, verdict, reason: None, message }
    }

    /// The loss that a refused join or beat of this session means; absent when trying again
    /// may help.
    pub(crate) fn of_refusal(session_id: &str, refused: &v1::BeatRefused) -> Option<Self> {
        let reason = refused.reason();
        let verdict = refused
            .refusal
            .as_ref()
            .and_then(|refusal| refusal.verdict.clone())
            .filter(|verdict| verdict.session_id == session_id);
        let kind = match reason {
            Reason::LeaseExpired => LossKind::Expired,
            Reason::NoSession
            | Reason::NotAutonomous
            | Reason::NotHolder
            | Reason::SessionMismatch => match verdict {
                Some(_) => LossKind::Ended,
                None => LossKind::NotHolder,
            },
            _ => return None,
        };
        Some(Self { kind, verdict, reason: Some(reason), message: refused.message.clone() })
    }
}

fn cause_name(cause: v1::EndCause) -> &'static str {
    match cause {
        v1::EndCause::Unspecified => "cause unknown",
        v1::EndCause::Replaced => "replaced",
        v1::EndCause::Cleared => "cleared",
        v1::EndCause::Yielded => "yielded",
        v1::EndCause::TakenOver => "taken over",
        v1::EndCause::ForceTakenOver => "taken over by force",
        v1::EndCause::Superseded => "superseded",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: Reason, verdict_on: Option<&str>) -> v1::BeatRefused {
        let verdict =
            verdict_on.map(|id| v1::Verdict { session_id: id.to_owned(), ..Default::default() });
        v1::BeatRefused {
            reason: reason as i32,
            refusal: Some(v1::Refusal { verdict, ..Default::default() }),
            ..Default::default()
        }
    }

    #[test]
    fn a_refusal_with_a_verdict_on_this_session_means_that_it_ended() {
        let loss = Loss::of_refusal("ses_1", &refused(Reason::SessionMismatch, Some("ses_1")));
        assert_eq!(loss.unwrap().kind, LossKind::Ended);
    }

    #[test]
    fn a_verdict_on_another_session_is_not_reported() {
        let loss = Loss::of_refusal("ses_1", &refused(Reason::NotHolder, Some("ses_0"))).unwrap();
        assert_eq!((loss.kind, loss.verdict), (LossKind::NotHolder, None));
    }

    #[test]
    fn every_refusal_of_a_beat_by_its_rules_is_a_loss_and_no_other_is() {
        for reason in [
            Reason::NoSession,
            Reason::NotAutonomous,
            Reason::NotHolder,
            Reason::SessionMismatch,
            Reason::LeaseExpired,
        ] {
            assert!(Loss::of_refusal("ses_1", &refused(reason, None)).is_some(), "{reason:?}");
        }
        for reason in [
            Reason::Overloaded,
            Reason::StoreUnavailable,
            Reason::Conflict,
            Reason::InvalidArgument,
            Reason::TooManyStreams,
            Reason::CredentialExpired,
            Reason::Unspecified,
        ] {
            assert!(Loss::of_refusal("ses_1", &refused(reason, None)).is_none(), "{reason:?}");
        }
    }
}
