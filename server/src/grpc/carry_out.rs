//! The way of every write that is not a stream's: through the engine, answered when durable.

use std::sync::Arc;

use super::convert::violation::Parsed;
use super::status::Fault;
use crate::access::Caller;
use crate::engine::{Answer, Engine, Request};

/// Carries out what `caller` asks, durably.
pub(super) async fn carry_out(
    engine: &Engine,
    caller: Arc<Caller>,
    parsed: Parsed,
) -> Result<Answer, Fault> {
    let Parsed { key, command, once } = parsed;
    let carried_out = engine.execute(Request { key, command, caller, once }).await;
    carried_out.map_err(|failure| Fault::failed(&failure, &engine.clock()))
}
