//! What imports would come to, one after another, without any of them being carried out.

use crate::command::Command;
use crate::context::Context;
use crate::decide::decide;
use crate::evolve::evolve;
use crate::refusal::Refusal;
use crate::reply::Reply;
use crate::settle::settle;
use crate::workspace::Workspace;

/// What each of `commands` would answer. Each is decided on what the ones before it would have
/// left, so that the answers are those of the same commands in earnest.
#[must_use]
pub fn rehearse(
    mut workspace: Workspace,
    commands: &[Command],
    context: &Context,
) -> Vec<Result<Reply, Refusal>> {
    if let Some(changes) = settle(&workspace, &context.clock) {
        changes.iter().for_each(|change| evolve(&mut workspace, change));
    }
    let decided = commands.iter().map(|command| {
        let decision = decide(&workspace, command, context)?;
        decision.changes.iter().for_each(|change| evolve(&mut workspace, change));
        Ok(decision.reply)
    });
    decided.collect()
}
