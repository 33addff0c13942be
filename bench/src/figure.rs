//! The figures: who is compared with whom, by which measures, and what is to be reached.
//!
//! Each has a file with its [`Plan`] and with what one turn of each contender does.

pub mod batch;
pub mod boot;
pub mod fanout;
pub mod idle;
pub mod list;
pub mod paced;
pub mod readers;
pub mod single;
pub mod start;
pub mod stream;
pub mod takeover;

use clap::ValueEnum;

use crate::contender::Contender;
use crate::load::Times;
use crate::measure::{Measure, Sample};
use crate::site::Site;

/// What can be measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub enum Figure {
    /// One stream, one beat in flight.
    Single,
    /// One beat a message, 1,000 streams on 10 connections.
    Stream,
    /// The same with 10,000 streams.
    #[value(name = "stream_10k")]
    Stream10k,
    /// 64 beats a message, 16 streams, 10,000 sessions.
    Batch,
    /// The same over 100,000 sessions in random order.
    #[value(name = "batch_100k")]
    Batch100k,
    /// Durable starts of free workspaces, 100 callers.
    Start,
    /// Stale leases taken over, 100 callers.
    Takeover,
    /// Latency at 10,000 beats a second on 10,000 streams.
    Paced,
    /// One event to 1,000 watchers.
    Fanout,
    /// Memory of idle streams.
    Idle,
    /// Pages of a list of 1,000,000 workspaces, with 50,000 beats a second beside.
    List,
    /// Start-up with 1,000,000 stored sessions.
    Boot,
    /// Beats while a projection is read 1,000 times a second.
    Readers,
}

/// A figure, as far as it is not code.
#[derive(Debug, Clone, Copy)]
pub struct Plan {
    /// Its name.
    pub name: &'static str,
    /// What is done, for people.
    pub about: &'static str,
    /// Who is measured, ours first.
    pub contenders: &'static [Contender],
    /// By what; the first is what the figure is about.
    pub measures: &'static [Measure],
    /// What is to be reached.
    pub reach: &'static [Reach],
    /// What is to be kept to, whatever any peer does: ratios are to the contender `limit`.
    pub limits: &'static [(Measure, f64)],
    /// About what one turn takes besides its load, in seconds.
    pub set_up_s: f64,
}

/// What a ratio must be.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Reach {
    /// Of what.
    pub measure: Measure,
    /// To whom.
    pub peer: Contender,
    /// The least ratio where more is better, the greatest where less is.
    pub ratio: f64,
}

/// What a turn takes place on.
#[derive(Debug, Clone, Copy)]
pub struct Stage<'a> {
    /// Programs and folders.
    pub site: &'a Site,
    /// How long to put load on.
    pub times: Times,
}

impl Figure {
    /// What it is.
    #[must_use]
    pub fn plan(self) -> &'static Plan {
        match self {
            Figure::Single => &single::PLAN,
            Figure::Stream => &stream::PLAN,
            Figure::Stream10k => &stream::PLAN_10K,
            Figure::Batch => &batch::PLAN,
            Figure::Batch100k => &batch::PLAN_100K,
            Figure::Start => &start::PLAN,
            Figure::Takeover => &takeover::PLAN,
            Figure::Paced => &paced::PLAN,
            Figure::Fanout => &fanout::PLAN,
            Figure::Idle => &idle::PLAN,
            Figure::List => &list::PLAN,
            Figure::Boot => &boot::PLAN,
            Figure::Readers => &readers::PLAN,
        }
    }

    /// Makes once what all turns need and what takes long to make.
    ///
    /// # Errors
    /// When it cannot be made.
    pub async fn prepare(self, site: &Site) -> anyhow::Result<()> {
        match self {
            Figure::List => list::prepare(site).await,
            Figure::Boot => boot::prepare(site).await,
            _ => Ok(()),
        }
    }

    /// One turn of one contender.
    ///
    /// # Errors
    /// When a server fails, or anything about the run cannot be trusted.
    pub async fn turn(self, contender: Contender, stage: &Stage<'_>) -> anyhow::Result<Sample> {
        match self {
            Figure::Single => single::turn(contender, stage).await,
            Figure::Stream => stream::turn(stream::STREAMS, contender, stage).await,
            Figure::Stream10k => stream::turn(stream::STREAMS_10K, contender, stage).await,
            Figure::Batch => batch::turn(batch::SESSIONS, contender, stage).await,
            Figure::Batch100k => batch::turn(batch::SESSIONS_100K, contender, stage).await,
            Figure::Start => start::turn(contender, stage).await,
            Figure::Takeover => takeover::turn(contender, stage).await,
            Figure::Paced => paced::turn(contender, stage).await,
            Figure::Fanout => fanout::turn(contender, stage).await,
            Figure::Idle => idle::turn(contender, stage).await,
            Figure::List => list::turn(contender, stage).await,
            Figure::Boot => boot::turn(contender, stage).await,
            Figure::Readers => readers::turn(contender, stage).await,
        }
    }
}

/// The error of a turn that no figure should ask for.
///
/// # Errors
/// Always.
pub fn not_measured(contender: Contender) -> anyhow::Result<Sample> {
    anyhow::bail!("this figure does not measure {}; a mistake in its plan", contender.name())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_ratio_to_reach_is_of_something_that_is_measured() {
        for figure in Figure::value_variants() {
            let plan = figure.plan();
            assert_eq!(plan.contenders[0], Contender::Ours, "{}", plan.name);
            for reach in plan.reach {
                assert!(plan.measures.contains(&reach.measure), "{}: {reach:?}", plan.name);
                let limited = plan.limits.iter().any(|(measure, _)| *measure == reach.measure);
                let is_measured = plan.contenders.contains(&reach.peer);
                let is_limit = reach.peer == Contender::Limit && limited;
                assert!(is_measured || is_limit, "{}: {reach:?}", plan.name);
            }
        }
    }

    #[test]
    fn every_figure_has_something_to_reach() {
        assert!(Figure::value_variants().iter().all(|figure| !figure.plan().reach.is_empty()));
    }
}
