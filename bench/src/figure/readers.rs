//! `readers`: what becomes of beats while a projection is read 1,000 times a second.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, ensure};
use tenure::v1::GetProjectionRequest;
use tenure::v1::workspace_service_client::WorkspaceServiceClient;
use tonic::transport::Channel;

use super::{Plan, Reach, Stage, not_measured, stream};
use crate::contender::Contender;
use crate::heartbeats;
use crate::load::{self, Load, Timing, connect};
use crate::measure::{Measure, Sample};
use crate::open_loop;
use crate::peer::tenured;
use crate::sessions::{self, Held};

/// The figure.
pub const PLAN: Plan = Plan {
    name: "readers",
    about: "1 beat a message, 1,000 streams on 10 connections, beside 1,000 projections/s of the \
            same workspaces",
    contenders: &[Contender::Ours, Contender::WithoutReaders],
    measures: &[Measure::BEATS_PER_S, Measure::PROJECTIONS_PER_S, Measure::P99_MS],
    reach: &[Reach { measure: Measure::BEATS_PER_S, peer: Contender::WithoutReaders, ratio: 0.90 }],
    limits: &[],
    set_up_s: 0.8,
};

/// From one projection to the next.
const PERIOD: Duration = Duration::from_millis(1);

/// One turn.
///
/// # Errors
/// When the server fails, or an answer is wrong.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let shape = stream::shape(stream::STREAMS, Timing::Closed { latencies: false });
    if contender == Contender::WithoutReaders {
        return Ok(heartbeats::ours(stage, shape).await?.sample(Measure::BEATS_PER_S));
    }
    if contender != Contender::Ours {
        return not_measured(contender);
    }
    let server = tenured::start(stage.site).await?;
    let held = sessions::start(server.address(), shape.sessions).await?;
    let load = Load { connections: shape.connections, timing: shape.timing };
    let opened = load::open(server.address(), shape.books(held.clone()), load).await?;
    let client = WorkspaceServiceClient::new(connect(server.address()).await?);
    let held = Arc::new(held);
    let mut timed = Vec::new();
    let reading = async || {
        timed = open_loop::run(PERIOD, stage.times, |number| {
            read(client.clone(), Arc::clone(&held), number)
        })
        .await?;
        Ok(())
    };
    let outcome = opened.measure(server.pid(), load, stage.times, reading).await;
    let outcome = outcome.map_err(|error| error.context(server.failure("failed")))?;
    server.stop()?;
    let projections_per_s = timed.len() as f64 / stage.times.window.as_secs_f64();
    Ok(outcome
        .sample(Measure::BEATS_PER_S)
        .with(Measure::PROJECTIONS_PER_S, projections_per_s)
        .with_quantile(Measure::P99_MS, &open_loop::sorted(&timed, |()| true), 0.99))
}

/// Reads the projection of a workspace, whose turn it is.
async fn read(
    mut client: WorkspaceServiceClient<Channel>,
    held: Arc<Vec<Held>>,
    number: u64,
) -> anyhow::Result<()> {
    let held = &held[usize::try_from(number)? % held.len()];
    let workspace = held.workspace.clone();
    let request = GetProjectionRequest { workspace, ..GetProjectionRequest::default() };
    let projection = client.get_projection(request).await?.into_inner().projection;
    let session = projection.and_then(|projection| projection.session);
    let session = session.context("a projection without its session")?;
    ensure!(session.session_id == held.session_id, "a projection of another session");
    Ok(())
}
