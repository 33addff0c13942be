//! `boot`: from the start of the process to SERVING with 1,000,000 stored sessions, in a file that
//! was closed in good order and is in the page cache.

use std::time::Instant;

use super::{Plan, Reach, Stage, not_measured};
use crate::contender::Contender;
use crate::machine::{CpuClock, CpuReading};
use crate::measure::{Measure, Sample};
use crate::peer::{Server, tenured};
use crate::population::Population;
use crate::site::Site;

/// The figure.
pub const PLAN: Plan = Plan {
    name: "boot",
    about: "from the start of the process to SERVING with 1,000,000 stored sessions, 1 % of them \
            stale; closed in good order before, in the page cache",
    contenders: &[Contender::Ours, Contender::EmptyStore],
    measures: &[Measure::SECONDS],
    reach: &[Reach { measure: Measure::SECONDS, peer: Contender::Limit, ratio: 1.0 }],
    limits: &[(Measure::SECONDS, 2.0)],
    set_up_s: 5.0,
};

/// Makes the sessions.
///
/// # Errors
/// When they cannot be made.
pub async fn prepare(site: &Site) -> anyhow::Result<()> {
    Population::make(site).await.map(drop)
}

/// One turn.
///
/// # Errors
/// When the server does not start.
pub async fn turn(contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
    let from = Instant::now();
    match contender {
        Contender::Ours => {
            let population = Population::make(stage.site).await?;
            let from = Instant::now();
            let server = population.serve(stage.site).await?;
            let sample = sample(&server, from)?;
            population.take_back(server)?;
            Ok(sample)
        }
        Contender::EmptyStore => {
            let server = tenured::start(stage.site).await?;
            let sample = sample(&server, from)?;
            server.stop()?;
            Ok(sample)
        }
        _ => not_measured(contender),
    }
}

fn sample(server: &Server, from: Instant) -> anyhow::Result<Sample> {
    let took_s = from.elapsed().as_secs_f64();
    let used = CpuClock::new(server.pid()).read()?;
    let used = CpuReading { client: 0.0, server: used.server, others: 0.0 };
    Ok(Sample::new(took_s, used).with(Measure::SECONDS, took_s))
}
