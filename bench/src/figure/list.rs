//! `list`: pages of 100 out of 1,000,000 workspaces, by prefix and by staleness, while 50,000
//! beats a second go on. Pages are asked for when they are due, and timed from then.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::ensure;
use tenure::v1::lease_service_client::LeaseServiceClient;
use tenure::v1::{ListSessionsRequest, SessionFilter};
use tonic::transport::Channel;

use super::{Plan, Reach, Stage, batch, not_measured};
use crate::contender::Contender;
use crate::heartbeats::Shape;
use crate::load::{self, Load, Outcome, Timing, connect};
use crate::machine::CpuClock;
use crate::measure::{Measure, Sample};
use crate::open_loop::{self, Timed};
use crate::peer::Server;
use crate::population::{ORGANISATIONS, Population, organisation};
use crate::site::Site;

/// The figure.
pub const PLAN: Plan = Plan {
    name: "list",
    about: "200 pages/s of 100 out of 1,000,000 workspaces, by prefix (one of 1,000) and by \
            stale (1 % are) in turn, beside 50,000 beats/s, 64 a message, on 10,000 sessions",
    contenders: &[Contender::Ours, Contender::WithoutBeats],
    measures: &[
        Measure::P99_MS,
        Measure::PREFIX_P99_MS,
        Measure::STALE_P99_MS,
        Measure::P50_MS,
        Measure::PAGES_PER_S,
        Measure::BEATS_PER_S,
    ],
    reach: &[
        Reach { measure: Measure::P99_MS, peer: Contender::Limit, ratio: 1.0 },
        Reach { measure: Measure::BEATS_PER_S, peer: Contender::Limit, ratio: 1.0 },
    ],
    // A little under what is offered, as the last beats of a window are answered after it.
    limits: &[(Measure::P99_MS, 5.0), (Measure::BEATS_PER_S, 49_000.0)],
    set_up_s: 9.0,
};

/// Beats a second.
const BEATS_PER_S: f64 = 50_000.0;

/// From one page to the next.
const PERIOD: Duration = Duration::from_millis(5);

/// Sessions of a page.
const PAGE: usize = 100;

/// By what a page was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum By {
    Prefix,
    Stale,
}

/// Makes the workspaces.
///
/// # Errors
/// When they cannot be made.
pub async fn prepare(site: &Site) -> anyhow::Result<()> {
    Population::make(site).await.map(drop)
}

/// One turn.
///
/// # Errors
/// When the server fails, or a page is not what it has to be.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let population = Population::make(stage.site).await?;
    let server = population.serve(stage.site).await?;
    Population::settled(&server).await?;
    let sample = match contender {
        Contender::Ours => beside_beats(&server, stage).await,
        Contender::WithoutBeats => alone(&server, stage).await,
        _ => not_measured(contender),
    };
    let sample = sample.map_err(|error| error.context(server.failure("failed")))?;
    population.take_back(server)?;
    Ok(sample)
}

async fn beside_beats(server: &Server, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let shape = batch::shape(batch::SESSIONS);
    let messages_per_s = BEATS_PER_S / batch::BEATS as f64;
    let period = Duration::from_secs_f64(shape.streams as f64 / messages_per_s);
    let shape = Shape { timing: Timing::Every(period), ..shape };
    let held = Population::live(server, shape.sessions).await?;
    let load = Load { connections: shape.connections, timing: shape.timing };
    let opened = load::open(server.address(), shape.books(held), load).await?;
    let channel = connect(server.address()).await?;
    let mut timed = Vec::new();
    let beside = async || {
        timed = pages(channel, stage).await?;
        Ok(())
    };
    let outcome: Outcome = opened.measure(server.pid(), load, stage.times, beside).await?;
    let sample = Sample::new(outcome.window_s, outcome.cpu);
    Ok(with_pages(sample, &timed).with(Measure::BEATS_PER_S, outcome.beats_per_s))
}

async fn alone(server: &Server, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let cpu = CpuClock::new(server.pid());
    let before = cpu.read()?;
    let timed = pages(connect(server.address()).await?, stage).await?;
    let load = stage.times.warm_up + stage.times.window;
    Ok(with_pages(Sample::new(load.as_secs_f64(), cpu.read()? - before), &timed))
}

async fn pages(channel: Channel, stage: &Stage<'_>) -> anyhow::Result<Vec<Timed<By>>> {
    let client = LeaseServiceClient::new(channel);
    let place = Arc::new(Mutex::new(String::new()));
    let mut random = fastrand::Rng::with_seed(1);
    open_loop::run(PERIOD, stage.times, |number| {
        let (client, place) = (client.clone(), Arc::clone(&place));
        let organisation = organisation(random.usize(..ORGANISATIONS));
        async move {
            if number.is_multiple_of(2) {
                by_prefix(client, organisation).await
            } else {
                by_stale(client, &place).await
            }
        }
    })
    .await
}

async fn by_prefix(mut client: LeaseServiceClient<Channel>, prefix: String) -> anyhow::Result<By> {
    let filter = SessionFilter { prefix: prefix.clone(), ..SessionFilter::default() };
    let request = ListSessionsRequest {
        page_size: i32::try_from(PAGE)?,
        filter: Some(filter),
        ..ListSessionsRequest::default()
    };
    let sessions = client.list_sessions(request).await?.into_inner().sessions;
    let within = format!("{prefix}/");
    let fits = sessions.iter().all(|session| session.workspace.starts_with(&within));
    ensure!(sessions.len() == PAGE && fits, "a wrong page of {} by prefix", sessions.len());
    Ok(By::Prefix)
}

/// Goes on where the last page of its kind ended, from the beginning to the end of the list.
async fn by_stale(
    mut client: LeaseServiceClient<Channel>,
    place: &Mutex<String>,
) -> anyhow::Result<By> {
    let filter = SessionFilter { stale: Some(true), ..SessionFilter::default() };
    let request = ListSessionsRequest {
        page_size: i32::try_from(PAGE)?,
        page_token: place.lock().unwrap_or_else(PoisonError::into_inner).clone(),
        filter: Some(filter),
    };
    let page = client.list_sessions(request).await?.into_inner();
    let fits = page.sessions.iter().all(|session| session.stale);
    ensure!(page.sessions.len() == PAGE && fits, "a wrong page of {} stale", page.sessions.len());
    *place.lock().unwrap_or_else(PoisonError::into_inner) = page.next_page_token;
    Ok(By::Stale)
}

fn with_pages(sample: Sample, timed: &[Timed<By>]) -> Sample {
    let [all, prefix, stale] = [
        open_loop::sorted(timed, |_| true),
        open_loop::sorted(timed, |by| *by == By::Prefix),
        open_loop::sorted(timed, |by| *by == By::Stale),
    ];
    let p99_ms = |sorted: &[Duration]| {
        crate::statistics::quantile(sorted, 0.99).unwrap_or_default().as_secs_f64() * 1e3
    };
    // The slower kind is what the figure is about: neither may hide behind the other.
    let worse = p99_ms(&prefix).max(p99_ms(&stale));
    sample
        .with(Measure::P99_MS, worse)
        .with(Measure::PREFIX_P99_MS, p99_ms(&prefix))
        .with(Measure::STALE_P99_MS, p99_ms(&stale))
        .with_quantile(Measure::P50_MS, &all, 0.5)
        .with(Measure::PAGES_PER_S, 1.0 / PERIOD.as_secs_f64())
}
