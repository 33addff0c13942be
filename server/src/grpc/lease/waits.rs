//! Waits: a call that stands in a queue, and who stands there.

use std::pin::Pin;
use std::sync::Arc;

use futures_core::Stream;
use futures_util::stream;
use tenure::v1;
use tonic::Status;

use super::LeaseRpcs;
use crate::access::Caller;
use crate::drain::Notice;
use crate::engine::waits::{Wait, WaitUpdate, Waiting};
use crate::engine::{Answer, Engine, Failure};
use crate::grpc::convert;
use crate::grpc::status::{self, Fault};

/// Where a waiter stands, and in the end what it was granted. Dropping it leaves the queue.
pub(in crate::grpc) type WaitStream =
    Pin<Box<dyn Stream<Item = Result<v1::AwaitSessionResponse, Status>> + Send>>;

/// A wait that is under way.
struct Open {
    wait: Wait,
    engine: Engine,
    notice: Notice,
}

impl LeaseRpcs {
    /// Waits until the session is granted; ends with `DRAINING` when `notice` is given.
    pub(super) fn wait(
        &self,
        caller: Arc<Caller>,
        request: v1::AwaitSessionRequest,
        notice: Notice,
    ) -> Result<WaitStream, Fault> {
        let (key, asks, once) = convert::wait::parse(request, &self.engine.lease_bounds())?;
        let wait = self.engine.wait(Waiting { key, asks, caller, once });
        let wait = wait.map_err(|failure| Fault::failed(&failure, &self.engine.clock()))?;
        let open = Open { wait, engine: self.engine.clone(), notice };
        Ok(Box::pin(stream::unfold(Some(open), next)))
    }

    pub(super) async fn waiters(
        &self,
        request: &v1::ListWaitersRequest,
    ) -> Result<v1::ListWaitersResponse, Fault> {
        let listing = convert::wait::parse_list(request)?;
        let limit = usize::try_from(listing.limit).unwrap_or(usize::MAX);
        let page = self.engine.waiters(listing.key.clone(), listing.after, limit).await;
        let page = page.map_err(|failure| Fault::failed(&failure, &self.engine.clock()))?;
        Ok(convert::wait::page(&page, &listing))
    }
}

/// The next message of a wait, and the wait, unless that was the last one.
async fn next(
    open: Option<Open>,
) -> Option<(Result<v1::AwaitSessionResponse, Status>, Option<Open>)> {
    let Open { mut wait, engine, notice } = open?;
    let update = tokio::select! {
        // A grant that has come is told, also while the server drains.
        biased;
        update = wait.next() => update?,
        () = notice.given() => return Some((Err(status::draining()), None)),
    };
    Some(match update {
        WaitUpdate::Place(place) => {
            let place = convert::wait::position(&place, &engine.clock());
            (Ok(place), Some(Open { wait, engine, notice }))
        }
        WaitUpdate::Over(over) => (told(&over, &engine), None),
    })
}

fn told(
    over: &Result<Answer, Failure>,
    engine: &Engine,
) -> Result<v1::AwaitSessionResponse, Status> {
    match over {
        Ok(answer) => {
            convert::wait::grant(answer).ok_or_else(|| Fault::wrong_kind_of_reply().into_status())
        }
        Err(failure) => Err(status::failed(failure, &engine.clock())),
    }
}
