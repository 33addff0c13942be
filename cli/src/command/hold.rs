//! `tenure hold`: runs a command for as long as its lease on a workspace holds.
//!
//! Guarantees: the command does not begin before the lease is held; when the lease is lost, or
//! no answer comes until the work must stop, what the command left running in its process group
//! is dead before another may have the lease. What it must not do is to vouch for processes
//! that leave that group.

mod child;
mod signals;
mod taking;
mod telling;
mod terminal;
mod timing;

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;
use rustix::process::Signal;
use tenure::v1::{Directives, YieldRequested};
use tenure::{LeaseHolder, Loss, LossKind};
use tokio::time::Instant;

use self::child::{Child, ChildEvent};
use self::signals::Signals;
use self::telling::{Silence, told};
use self::terminal::Terminal;
use self::timing::{KillAfter, Lateness, Plan};
use crate::arguments::{Global, Workspace};
use crate::command::holder::{ModeFlag, OwnerKindFlag};
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::time::{parse_duration, parse_positive_duration};
use crate::output::{note, words};

/// How long is tried to give up a lease that was lost for want of an answer, which may well
/// not come now either; it expires soon.
const RELEASE_AFTER_LOSS_WAIT: Duration = Duration::from_secs(1);

const EXAMPLES: &str = "\
COMMAND runs in a process group of its own, with TENURE_WORKSPACE, TENURE_PROFILE,
TENURE_SESSION_ID and TENURE_FENCING_TOKEN in its environment. Signals are passed on to it. When
it ends, what it left running in its group is ended too, and the session is given up.
Exits with the code of COMMAND, with 128+N when signal N ended it, and with 5 when the lease was
lost: then the group gets SIGTERM, and SIGKILL after --kill-after.

Examples:
  tenure hold acme/api --actor worker-1 --lease 30s -- make deploy
  tenure hold acme/api --actor worker-2 --lease 30s --wait 5m --take-over --reason 'standby' -- ./work
  tenure hold acme/api --actor worker-1 --lease 30s -- sh -c 'apply --token $TENURE_FENCING_TOKEN'";

/// Runs a command for as long as its lease on a workspace holds.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Hold {
    #[command(flatten)]
    workspace: Workspace,
    /// The program that takes the workspace
    #[arg(long, value_name = "ACTOR")]
    actor: String,
    /// How long the lease lives without a heartbeat; heartbeats are sent by themselves
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    lease: Duration,
    /// Kind of owner [default: runtime_worker]
    #[arg(long, value_enum, value_name = "KIND")]
    owner_kind: Option<OwnerKindFlag>,
    /// A second actor who may clear and yield
    #[arg(long, value_name = "ACTOR")]
    supervisor: Option<String>,
    /// End the live session of another process of the same actor
    #[arg(long)]
    supersede: bool,
    /// What the session is for [default: general]
    #[arg(long, value_enum, value_name = "MODE")]
    mode: Option<ModeFlag>,
    /// Wait so long for the workspace, first come, first served
    #[arg(long, value_name = "DURATION", value_parser = parse_positive_duration)]
    wait: Option<Duration>,
    /// While waiting, take over what another left stale
    #[arg(long, requires_all = ["wait", "reason"])]
    take_over: bool,
    /// Why it is taken over
    #[arg(long, value_name = "TEXT", requires = "take_over")]
    reason: Option<String>,
    /// How long COMMAND may take to end once it must [default and most: a sixth of the lease]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    kill_after: Option<Duration>,
    /// The command and its arguments
    #[arg(last = true, required = true, num_args = 1.., value_name = "COMMAND")]
    command: Vec<OsString>,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with; the code of the command if it is not 0; the loss of the lease.
pub async fn run(hold: Hold, global: &Global) -> Result<(), Failure> {
    // Before the start: an early signal must not leave a session behind.
    let mut signals = Signals::listen()?;
    let connection = Connection::open(global).await?;
    let lease = taking::start(&hold, &connection, &mut signals).await?;
    let kill_after = KillAfter(hold.kill_after);
    let mut child = match Child::spawn(hold.command, &lease, Terminal::of_stdin()).await {
        Ok(child) => child,
        Err(failure) => {
            release(lease, &connection, &mut signals).await;
            return Err(failure);
        }
    };
    let mut lateness = Lateness::new();
    let end = watch_over(&lease, &mut child, &mut signals, kill_after, &mut lateness).await;
    let expires_in = lease.timing().expires_in;
    match end {
        End::Ended(code) => {
            child.end(kill_after.of(expires_in)).await;
            release(lease, &connection, &mut signals).await;
            if code == 0 { Ok(()) } else { Err(Failure::Child(code)) }
        }
        End::MustYield(asked, left) => {
            child.end(left).await;
            release(lease, &connection, &mut signals).await;
            let to = asked.successor_actor_id;
            Err(Failure::new(Exit::Lost, format!("the workspace passes to {to}: {}", asked.reason)))
        }
        End::Lost(loss) => {
            child.end(lateness.left(kill_after.of(expires_in), &loss)).await;
            if loss.kind == LossKind::StoppedWork {
                // The lease may live on for a while, and nobody works under it any more.
                let released = release(lease, &connection, &mut signals);
                let _ = tokio::time::timeout(RELEASE_AFTER_LOSS_WAIT, released).await;
            }
            Err(lost(&loss))
        }
    }
}

impl Hold {
    /// The command and its arguments.
    #[cfg(test)]
    pub fn command(&self) -> &[OsString] {
        &self.command
    }
}

/// How holding ended.
enum End {
    /// The command ended by itself, with this code.
    Ended(u8),
    /// A pending transfer is near; the command has this long to end.
    MustYield(YieldRequested, Duration),
    /// The lease is lost.
    Lost(Loss),
}

async fn watch_over(
    lease: &LeaseHolder,
    child: &mut Child,
    signals: &mut Signals,
    kill_after: KillAfter,
    lateness: &mut Lateness,
) -> End {
    let mut seen = Directives::default();
    let mut plan: Option<Plan> = None;
    let mut silence = Silence::default();
    let mut forwarded_stop = false;
    let mut tick = tokio::time::interval(timing::tick(lease.timing()));
    loop {
        let must_end = plan.as_ref().map(|plan| plan.end_at);
        tokio::select! {
            biased;
            event = child.event() => match event {
                ChildEvent::Ended(code) => return End::Ended(code),
                ChildEvent::Stopped => {
                    child.suspend_with(std::mem::take(&mut forwarded_stop));
                }
            },
            loss = lease.lost() => return End::Lost(loss),
            () = sleep_until(must_end), if must_end.is_some() => {
                if let Some(plan) = plan.take() {
                    return End::MustYield(plan.asked, plan.kill_after);
                }
            }
            directives = lease.directives_other_than(&seen) => {
                plan = told(&seen, &directives, kill_after, lease);
                seen = directives;
            }
            signal = signals.next() => match signal {
                // A command that was stopped goes on only if its lease does.
                Signal::CONT => if lease.is_held() { child.resume(); },
                signal => {
                    forwarded_stop |= signal == Signal::TSTP;
                    child.signal(signal);
                }
            },
            _ = tick.tick() => {
                lateness.saw(lease.work_time_left());
                silence.look(lease, must_end);
            }
        }
    }
}

async fn sleep_until(instant: Option<Instant>) {
    if let Some(instant) = instant {
        tokio::time::sleep_until(instant).await;
    }
}

/// Gives the session up; if that fails, or nobody wants to wait for it, it expires by itself.
async fn release(lease: LeaseHolder, connection: &Connection, signals: &mut Signals) {
    let why = tokio::select! {
        released = lease.release() => match released {
            Ok(_) => return,
            Err(error) => connection.failure(error).message().to_owned(),
        },
        _ = signals.ending() => "interrupted".to_owned(),
    };
    note(&format!("tenure: the session was not given up and will expire: {why}"));
}

fn lost(loss: &Loss) -> Failure {
    let mut message = format!("lost the lease: {}", loss.message);
    if let Some(verdict) = &loss.verdict {
        if !verdict.successor_actor_id.is_empty() {
            message.push_str(&format!(", now of {}", verdict.successor_actor_id));
        }
        if !verdict.reason.is_empty() {
            message.push_str(&format!(": {}", verdict.reason));
        }
    }
    let reason = loss.reason.map_or("", words::reason);
    Failure::new(Exit::Lost, message).with_reason(reason)
}
