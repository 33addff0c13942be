//! Which requests carry a `request_id`, and the making of one.

use crate::v1;

/// A write that is safe to repeat.
pub(crate) trait Repeatable {
    fn request_id_mut(&mut self) -> &mut String;

    /// Gives the request an id unless the caller has.
    fn with_request_id(mut self) -> Self
    where
        Self: Sized,
    {
        let id = self.request_id_mut();
        if id.is_empty() {
            *id = ulid::Ulid::generate().to_string();
        }
        self
    }
}

macro_rules! repeatable {
    ($($request:ident),* $(,)?) => {
        $(impl Repeatable for v1::$request {
            fn request_id_mut(&mut self) -> &mut String {
                &mut self.request_id
            }
        })*
    };
}

repeatable!(
    StartSessionRequest,
    TakeOverSessionRequest,
    ForceTakeOverSessionRequest,
    CancelForcedTakeoverRequest,
    YieldSessionRequest,
    ClearSessionRequest,
    RegisterWorkspaceRequest,
    DeleteWorkspaceRequest,
    PutHandoffRequest,
    PutGatesRequest,
    UpdateGateRequest,
    RaiseEscalationRequest,
    ResolveEscalationRequest,
    ImportLegacyStateRequest,
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_made_unless_the_caller_set_one() {
        let made = v1::YieldSessionRequest::default().with_request_id().request_id;
        assert!(ulid::Ulid::from_string(&made).is_ok());
        let own = v1::YieldSessionRequest { request_id: "own".into(), ..Default::default() };
        assert_eq!(own.with_request_id().request_id, "own");
    }
}
