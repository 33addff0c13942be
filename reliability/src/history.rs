//! Whether real concurrent histories are linearizable.
//!
//! Many clients call the real server over loopback TCP, about few workspaces; each call is taken
//! down with the instants of its invocation and its answer. Then, for each workspace alone, an
//! order of its calls is looked for that the product's own rules allow
//! ([`model::WorkspaceModel`]). Connections are cut, calls are given up, and requests are made
//! twice, so that some calls may have taken effect late, once, or never.
//!
//! Guarantees: the seed decides what is asked and what is cut; how the calls meet is up to the
//! machine, so a history that fails is written to a file and can be checked again from it. The
//! leases run on a clock that the harness turns, and no verdict depends on how fast the machine
//! is.
//!
//! Must not know: the rules.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use prost::Message;
use tenure::v1;
use tenure_core::name::{Key, ProfileName, WorkspaceName};
use tenured::store::Store;
use tenured::store::memory::{MemoryOptions, MemoryStore};
use tenured::store::sqlite::{SqliteOptions, SqliteStore};

use self::model::WorkspaceModel;
use self::record::{Call, Told};
use self::rpc::Asked;
use self::search::{Timed, Verdict, search};

pub mod board;
pub mod choosing;
pub mod clients;
pub mod cutting;
pub mod evidence;
pub mod lines;
mod long_form;
mod making;

pub mod model;
pub mod names;
pub mod record;
pub mod rpc;
pub mod search;
pub mod turned_clock;
pub mod unguarded;

pub use long_form::{Options, run};
pub use making::history;

/// After so many steps the search for an order gives up, and the run has failed.
const STEPS_MAX: u64 = 1_000_000;

/// What keeps the state in a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub enum StoreKind {
    /// SQLite, on a file that is removed afterwards.
    Sqlite,
    /// The store in memory, which invents conflicts and loses the answers of commits.
    Memory,
}

/// One run.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Decides what is asked, and what is lost.
    pub seed: u64,
    /// How many calls are made.
    pub calls: usize,
    /// By how many clients at a time.
    pub clients: usize,
    /// About how many workspaces.
    pub workspaces: usize,
    /// Whether answers are lost.
    pub losses: bool,
    /// Whether calls are about the session alone, and none is made twice.
    pub plain: bool,
}

impl Plan {
    /// A run with all that there is.
    #[must_use]
    pub const fn new(seed: u64, calls: usize) -> Self {
        Self { seed, calls, clients: 12, workspaces: 4, losses: true, plain: false }
    }
}

/// What was seen in a history, and what came of checking it.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often each thing happened that a history is worth little without.
    pub counts: BTreeMap<String, u64>,
    /// The workspaces whose histories are not in order.
    pub broken: Vec<Broken>,
}

/// A workspace whose history is not in order.
#[derive(Debug)]
pub struct Broken {
    /// Which.
    pub workspace: String,
    /// All its calls.
    pub calls: Vec<Call>,
    /// What stands against it.
    pub verdict: Verdict,
}

/// Looks for an order of `calls` to one server, or to several, for each workspace alone.
///
/// # Errors
/// If a call or its answer is malformed.
pub fn check(calls: &[Call], servers: usize) -> anyhow::Result<Seen> {
    let mut by_workspace: BTreeMap<String, Vec<Call>> = BTreeMap::new();
    for call in calls.iter().filter(|call| !matches!(call.told, Told::NotTried(_))) {
        by_workspace.entry(call.asked.workspace().to_owned()).or_default().push(call.clone());
    }
    let mut seen = Seen::default();
    for call in calls {
        seen.count(call);
    }
    let checked: Vec<_> = std::thread::scope(|scope| {
        let checking: Vec<_> = by_workspace
            .into_iter()
            .map(|(workspace, calls)| {
                scope.spawn(move || check_one(workspace, calls, servers == 1))
            })
            .collect();
        checking.into_iter().map(std::thread::ScopedJoinHandle::join).collect()
    });
    for one in checked {
        let one = one.map_err(|_| anyhow::anyhow!("the checker panicked"))??;
        if let Verdict::Linearizable(order) = &one.verdict {
            let unanswered = |at: &&usize| matches!(one.calls[**at].told, Told::Nothing(_));
            let took_effect = order.iter().filter(unanswered).count() as u64;
            *seen.counts.entry("lost, and took effect".to_owned()).or_default() += took_effect;
        } else {
            seen.broken.push(one);
        }
    }
    Ok(seen)
}

fn check_one(workspace: String, calls: Vec<Call>, one_clock: bool) -> anyhow::Result<Broken> {
    let key =
        Key { workspace: WorkspaceName::imported(&workspace), profile: ProfileName::default() };
    let model = WorkspaceModel::new(key, one_clock)?;
    let mut history = Vec::with_capacity(calls.len());
    for (at, call) in calls.iter().enumerate() {
        let answered = !matches!(call.told, Told::Nothing(_));
        let prepared = model.prepare(at, call.clone())?;
        history.push(Timed {
            invoked: call.invoked.order,
            returned: call.returned.order,
            answered,
            height: prepared.revision(),
            call: prepared,
        });
    }
    let verdict = search(&model, &history, STEPS_MAX);
    Ok(Broken { workspace, calls, verdict })
}

impl Seen {
    fn count(&mut self, call: &Call) {
        let rpc = call.asked.rpc();
        let what = match &call.told {
            Told::Done(_) => format!("{rpc} done"),
            Told::Refused(_, refusal) => format!("{rpc} {}", refusal.reason().as_str_name()),
            Told::NotTried(reason) => format!("not tried {}", reason.as_str_name()),
            Told::Nothing(_) => "lost".to_owned(),
        };
        *self.counts.entry(what).or_default() += 1;
    }
}

/// A store of this kind, and the folder to keep for as long as it is used.
///
/// # Errors
/// If there is no place for its file.
pub fn store(
    kind: StoreKind,
    seed: u64,
) -> anyhow::Result<(Arc<dyn Store>, Option<tempfile::TempDir>)> {
    match kind {
        StoreKind::Sqlite => {
            let folder = tempfile::tempdir().context("no folder for a store")?;
            let path: PathBuf = folder.path().join("tenure.db");
            let opened = SqliteStore::open(path, SqliteOptions::default());
            Ok((Arc::new(opened.context("cannot open a store")?), Some(folder)))
        }
        StoreKind::Memory => {
            // No refusals: after one the lease clock goes back, and is no longer known.
            let options = MemoryOptions {
                seed,
                conflicts_per_mille: 30,
                lost_applied_per_mille: 10,
                lost_unapplied_per_mille: 10,
                delay_max: Duration::from_millis(2),
                ..MemoryOptions::default()
            };
            Ok((Arc::new(MemoryStore::new(options)), None))
        }
    }
}

/// Makes and checks one run.
///
/// # Errors
/// What keeps the run from being one.
pub fn run_one(plan: &Plan, kind: StoreKind) -> anyhow::Result<(Vec<Call>, Seen)> {
    let (store, _folder) = store(kind, plan.seed)?;
    let calls = history(plan, vec![store])?;
    let seen = check(&calls, 1)?;
    Ok((calls, seen))
}

/// The calls that have changed a session, of a plain run: what is left of a history without its
/// reads and refusals is still one.
#[must_use]
pub fn only_changes(calls: Vec<Call>) -> Vec<Call> {
    let changed = |call: &Call| match (&call.asked, &call.told) {
        (Asked::Force(request), Told::Done(_)) => !request.dry_run,
        (Asked::Clear(_), Told::Done(answer)) => {
            let cleared: Result<v1::ClearSessionResponse, _> = Message::decode(&**answer);
            cleared.is_ok_and(|answer| answer.cleared)
        }
        (asked, Told::Done(_)) => !asked.is_read(),
        _ => false,
    };
    calls.into_iter().filter(changed).collect()
}
