//! `tenure fence`: whether a fencing token is that of the current tenure.

use clap::{Args, Subcommand};
use tenure::v1::{
    CheckFenceRequest, CheckFenceResponse, FenceCheck, FenceCheckResult, GetSessionRequest, Session,
};
use tenure::{Error, Reason};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::details::Details;
use crate::output::ledger::holder;
use crate::output::session::place;
use crate::output::time::Now;

const EXAMPLES: &str = "\
This is advice, not a lock: the answer may be old when it arrives. Whatever must not be touched by
a former holder has to compare tokens itself.

Exits with 0 when the token is that of the current, live tenure, and with 5 in every other case.

Example:
  tenure fence check acme/api 42";

/// Checks fencing tokens.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Fence {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// Say whether a token is current, and who holds the workspace now
    #[command(after_help = EXAMPLES)]
    Check {
        #[command(flatten)]
        workspace: Workspace,
        /// The token, such as a holder finds in TENURE_FENCING_TOKEN
        #[arg(value_name = "TOKEN", value_parser = clap::value_parser!(u64).range(1..))]
        token: u64,
    },
}

/// Runs the command.
///
/// # Errors
/// [`Exit::Lost`] when the token is not current; what the service refuses with.
pub async fn run(fence: Fence, global: &Global) -> Result<(), Failure> {
    let Action::Check { workspace, token } = fence.action;
    let connection = Connection::open(global).await?;
    let output = global.output();
    let check = FenceCheck {
        workspace: workspace.workspace.clone(),
        profile: workspace.profile.clone(),
        fencing_token: token,
    };
    let request = CheckFenceRequest { checks: vec![check] };
    let answer = connection.client.check_fence(request).await;
    let answer = answer.map_err(|error| connection.failure(error))?;
    let Some(result) = answer.results.first() else {
        return Err(Failure::general(format!("{} gave no answer", connection.shown())));
    };
    if output.is_json() {
        output.answer::<CheckFenceResponse>(&answer, String::new)?;
    } else {
        let current = current(&workspace, &connection).await?;
        output.print(&text(token, result, current.as_ref()))?;
    }
    if result.current {
        return Ok(());
    }
    let place = place(&result.workspace, &result.profile);
    Err(Failure::new(Exit::Lost, format!("token {token} of {place} is not current")))
}

/// Who holds the workspace. Read after the check, so that it may be newer.
async fn current(
    workspace: &Workspace,
    connection: &Connection,
) -> Result<Option<Session>, Failure> {
    let request = GetSessionRequest {
        workspace: workspace.workspace.clone(),
        profile: workspace.profile.clone(),
    };
    match connection.client.get_session(request).await {
        Ok(answer) => Ok(answer.session),
        Err(Error::Refused(refused)) if refused.reason == Reason::NoSession => Ok(None),
        Err(error) => Err(connection.failure(error)),
    }
}

fn text(token: u64, result: &FenceCheckResult, current: Option<&Session>) -> String {
    let mut details = Details::new(place(&result.workspace, &result.profile));
    details.fact("token", format!("{token}: {}", verdict(token, result)));
    details.fact("now", holder(current, Now::read()));
    details.render()
}

fn verdict(token: u64, result: &FenceCheckResult) -> String {
    match result.stored_fencing_token {
        _ if result.current => "current".to_owned(),
        None => "not current: no session is stored".to_owned(),
        Some(stored) if stored > token => {
            format!("not current: a later tenure has token {stored}")
        }
        Some(stored) if stored < token => {
            format!("not current: newer than the stored token {stored}")
        }
        Some(_) => "not current: its session is stale".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verdict_says_why_a_token_is_not_current() {
        let result = |current, stored_fencing_token, stale| FenceCheckResult {
            current,
            stored_fencing_token,
            stale,
            ..FenceCheckResult::default()
        };
        for (result, said) in [
            (result(true, Some(7), false), "current"),
            (result(false, Some(9), false), "not current: a later tenure has token 9"),
            (result(false, Some(9), true), "not current: a later tenure has token 9"),
            (result(false, Some(3), false), "not current: newer than the stored token 3"),
            (result(false, Some(7), true), "not current: its session is stale"),
            (result(false, None, false), "not current: no session is stored"),
        ] {
            assert_eq!(verdict(7, &result), said);
        }
    }
}
