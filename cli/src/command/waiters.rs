//! `tenure waiters`: who waits for a workspace.

use clap::Args;
use tenure::v1::{ListWaitersRequest, ListWaitersResponse};

use crate::arguments::{Global, Workspace};
use crate::connection::Connection;
use crate::failure::Failure;
use crate::output::table::Table;
use crate::output::time::{Now, absolute};
use crate::output::{Output, session, words};

/// How many waiters a page asks for.
const PAGE_SIZE: i32 = 1_000;

/// Shows who waits for a workspace, the first served first.
#[derive(Debug, Args)]
pub struct Waiters {
    #[command(flatten)]
    workspace: Workspace,
}

/// Runs the command.
///
/// # Errors
/// What the service refuses with.
pub async fn run(waiters: Waiters, global: &Global) -> Result<(), Failure> {
    let connection = Connection::open(global).await?;
    let output = global.output();
    let mut pages = connection.client.list_waiters(ListWaitersRequest {
        workspace: waiters.workspace.workspace,
        profile: waiters.workspace.profile,
        page_size: PAGE_SIZE,
        page_token: String::new(),
    });
    let mut all = ListWaitersResponse::default();
    while let Some(page) = pages.next_page().await.map_err(|e| connection.failure(e))? {
        all.waiters.extend(page.waiters);
    }
    output.answer(&all, || table(&all, output))
}

fn table(all: &ListWaitersResponse, output: Output) -> String {
    let now = Now::read();
    let mut headers = vec!["place", "owner", "kind", "for", "takes over", "machine"];
    if output.is_wide() {
        headers.extend(["instance", "principal", "since"]);
    }
    let mut table = Table::new(output, &headers);
    for waiter in &all.waiters {
        let mut cells = vec![
            waiter.position.to_string(),
            waiter.actor_id.clone(),
            words::owner_kind(waiter.owner_kind),
            now.age(waiter.waiting_since),
            if waiter.take_over_stale { "stale" } else { words::NONE }.to_owned(),
            session::machine(waiter.machine.as_ref(), output.is_wide()),
        ];
        if output.is_wide() {
            let instance = waiter.instance_id.as_str();
            cells.extend([
                if instance.is_empty() { words::NONE } else { instance }.to_owned(),
                waiter.principal.clone(),
                absolute(waiter.waiting_since),
            ]);
        }
        table.add(&cells);
    }
    table.render()
}
