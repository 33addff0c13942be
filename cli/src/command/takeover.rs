//! `tenure takeover`: takes over a stale session, or with `--force` any session.
//!
//! Guarantees: nobody is evicted by force before a person saw whom it hits and agreed, or a
//! script said `--yes`.

use std::time::Duration;

use clap::Args;
use tenure::v1::{
    AutonomousHolder, ForceTakeOverSessionRequest, ForceTakeOverSessionResponse,
    ForcedTakeoverOutcome, InteractiveHolder, TakeOverSessionRequest, TakeOverSessionResponse,
    force_take_over_session_request, take_over_session_request,
};

use crate::arguments::{Global, Workspace};
use crate::command::holder;
use crate::confirm;
use crate::connection::Connection;
use crate::failure::Failure;
use crate::machine::this_machine;
use crate::output::details::Details;
use crate::output::time::{Now, humane, parse_duration, wire};
use crate::output::{Output, session, show_beside};

const EXAMPLES: &str = "\
Examples:
  tenure takeover acme/api --actor worker-2 --reason 'worker-1 died'
  tenure takeover acme/api --interactive --reason 'I finish this myself'
  tenure takeover acme/api --actor worker-2 --reason 'wrong branch' \\
      --force --expect-session ses_01J... --grace 30s --dry-run

By force the holder may be live: what it still does is then stopped only by the fencing token.";

/// Takes over a stale session, or with --force any session.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Takeover {
    #[command(flatten)]
    workspace: Workspace,
    /// The program that takes over
    #[arg(long, value_name = "ACTOR", required_unless_present = "interactive")]
    actor: Option<String>,
    /// A person takes the work in hand
    #[arg(long, conflicts_with_all = ["actor", "lease", "supervisor"])]
    interactive: bool,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// How long the new lease lives without a heartbeat [default: as before]
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    lease: Option<Duration>,
    /// A second actor who may clear and yield [default: as before]
    #[arg(long, value_name = "ACTOR")]
    supervisor: Option<String>,
    /// Refuse unless this session is stored; needed with --force
    #[arg(long, value_name = "ID")]
    expect_session: Option<String>,
    /// Evict the holder, live or stale; needs the operator role
    #[arg(long, requires = "expect_session")]
    force: bool,
    /// Give the holder so long to come to a close, at most 10m [default: none]
    #[arg(long, value_name = "DURATION", requires = "force", value_parser = parse_duration)]
    grace: Option<Duration>,
    /// Show what would happen, and change nothing
    #[arg(long, requires = "force")]
    dry_run: bool,
    /// Go ahead without being asked
    #[arg(short, long)]
    yes: bool,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with; or when force is not confirmed, or nobody can be asked.
pub async fn run(takeover: Takeover, global: &Global) -> Result<(), Failure> {
    if takeover.force { force(takeover, global).await } else { take_over(takeover, global).await }
}

async fn take_over(takeover: Takeover, global: &Global) -> Result<(), Failure> {
    use take_over_session_request::Successor;
    let connection = Connection::open(global).await?;
    let output = global.output();
    let successor = match takeover.autonomous() {
        None => Successor::Interactive(InteractiveHolder {}),
        Some(holder) => Successor::Autonomous(holder),
    };
    let request = TakeOverSessionRequest {
        workspace: takeover.workspace.workspace,
        profile: takeover.workspace.profile,
        expected_session_id: takeover.expect_session,
        successor: Some(successor),
        reason: takeover.reason,
        machine: this_machine(),
        ..TakeOverSessionRequest::default()
    };
    let answer = connection.client.take_over(request).await.map_err(|e| connection.failure(e))?;
    output.answer(&answer, || taken_over(&answer, output))
}

async fn force(takeover: Takeover, global: &Global) -> Result<(), Failure> {
    let asks = !takeover.dry_run && !takeover.yes;
    if asks {
        confirm::require_terminal("a forced takeover")?;
    }
    let connection = Connection::open(global).await?;
    let output = global.output();
    let place = takeover.workspace.shown();
    let request = takeover.forced();
    if asks {
        let look = ForceTakeOverSessionRequest { dry_run: true, ..request.clone() };
        let would =
            connection.client.force_take_over(look).await.map_err(|e| connection.failure(e))?;
        show_beside(&forced(&place, &would, output));
        let how = match takeover.grace {
            Some(grace) if !grace.is_zero() => format!("Evict it within {}?", humane(grace)),
            _ => "Evict it at once?".to_owned(),
        };
        confirm::ask(&how)?;
    }
    let answer =
        connection.client.force_take_over(request).await.map_err(|e| connection.failure(e))?;
    output.answer(&answer, || forced(&place, &answer, output))
}

impl Takeover {
    fn autonomous(&self) -> Option<AutonomousHolder> {
        self.actor.clone().map(|actor_id| AutonomousHolder {
            actor_id,
            lease_ttl: self.lease.map(wire),
            supervisor_id: self.supervisor.clone(),
            ..AutonomousHolder::default()
        })
    }

    fn forced(&self) -> ForceTakeOverSessionRequest {
        use force_take_over_session_request::Successor;
        let successor = match self.autonomous() {
            None => Successor::Interactive(InteractiveHolder {}),
            Some(holder) => Successor::Autonomous(holder),
        };
        ForceTakeOverSessionRequest {
            workspace: self.workspace.workspace.clone(),
            profile: self.workspace.profile.clone(),
            expected_session_id: self.expect_session.clone(),
            successor: Some(successor),
            reason: self.reason.clone(),
            machine: this_machine(),
            grace: self.grace.map(wire),
            dry_run: self.dry_run,
            ..ForceTakeOverSessionRequest::default()
        }
    }
}

fn taken_over(answer: &TakeOverSessionResponse, output: Output) -> String {
    let now = Now::read();
    let Some(taken) = &answer.session else { return String::new() };
    let place = session::place(&taken.workspace, &taken.profile);
    let mut details = Details::new(format!("took over {place}"));
    session::add_facts(&mut details, taken, now, output.is_wide());
    holder::add_timing(&mut details, answer.timing.as_ref());
    details.fact("from", format!("{} ({})", answer.prior_actor_id, answer.prior_session_id));
    if let Some(activity) = &answer.prior_activity {
        let set = now.relative(activity.set_at);
        details.fact("it was at", format!("{} ({set})", activity.text));
    }
    details.fact("reason", answer.reason.as_str());
    let (checkpoint, handoff) = (answer.checkpoint.as_ref(), answer.handoff.as_ref());
    holder::add_legacy_of_work(&mut details, checkpoint, handoff, now);
    holder::add_directives(&mut details, answer.directives.as_ref(), now, output.is_wide());
    details.render()
}

/// What a forced takeover did or would do: whom it hits, then who follows.
fn forced(place: &str, answer: &ForceTakeOverSessionResponse, output: Output) -> String {
    let (now, wide) = (Now::read(), output.is_wide());
    let scheduled = answer.outcome() == ForcedTakeoverOutcome::Scheduled;
    let act = match (answer.dry_run, scheduled) {
        (true, false) => format!("would take over {place} by force, at once, from"),
        (true, true) => format!("would take over {place} by force, after a grace, from"),
        (false, false) => format!("took over {place} by force, from"),
        (false, true) => format!("takeover of {place} is scheduled, from"),
    };
    let mut text = String::new();
    let mut prior = Details::new(act);
    if let Some(evicted) = &answer.prior_session {
        session::add_facts(&mut prior, evicted, now, wide);
    }
    if answer.prior_holder_may_act_until.is_some() {
        let left = now.until(answer.prior_holder_may_act_until);
        prior.fact("may act", format!("for {left} more, and only the fencing token protects"));
    }
    text.push_str(&prior.render());
    let mut next = Details::new("to");
    if let Some(transfer) = &answer.pending_transfer {
        next.fact("transfer", session::pending(transfer, now, wide));
        next.known("session", transfer.successor_session_id.as_str());
    }
    if let Some(new) = &answer.session {
        session::add_facts(&mut next, new, now, wide);
        holder::add_timing(&mut next, answer.timing.as_ref());
    }
    if let Some(replaced) = &answer.replaced_transfer {
        next.fact("replacing", session::pending(replaced, now, wide));
    }
    next.fact("reason", answer.reason.as_str());
    let (checkpoint, handoff) = (answer.checkpoint.as_ref(), answer.handoff.as_ref());
    holder::add_legacy_of_work(&mut next, checkpoint, handoff, now);
    text.push_str(&next.render());
    text
}
