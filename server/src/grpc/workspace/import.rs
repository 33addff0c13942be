//! `ImportLegacyState`: the files of one workspace, each in a step of its own.
//!
//! Guarantees: escalations come first, so that nothing that fails later can lose them; what is
//! wrong with one file is its result, and holds up no other; a repeat of the call is told, file
//! by file, what the first one did.

use std::sync::Arc;

use tenure::v1;
use tenure_core::command::{Command, Import};
use tenure_core::content::Digest;
use tenure_core::context::{Context, LeaseBounds};
use tenure_core::legacy::{LegacyContent, LegacyError, read, rehearse};
use tenure_core::name::{EscalationId, Key, SessionId};
use tenure_core::refusal::{Reason, Refusal};
use tenure_core::reply::{Imported, Reply, SessionView};
use tenure_core::session::Revision;
use tenure_core::work_stream::HALF_LIFE_DEFAULT;
use tenure_core::workspace::Workspace;

use super::WorkspaceRpcs;
use crate::access::Caller;
use crate::engine::{Failure, Once, Request};
use crate::grpc::convert::import::{self, Asked};
use crate::grpc::convert::session;
use crate::grpc::status::Fault;

/// A file, after it was looked into.
struct File {
    name: String,
    digest: Digest,
    content: Result<LegacyContent, LegacyError>,
}

/// A file that can be imported, by its place among the others.
struct Step {
    place: usize,
    command: Command,
}

/// What became of a step; a refusal is the file's own affair.
type Outcome = Result<Imported, String>;

impl WorkspaceRpcs {
    pub(super) async fn import(
        &self,
        caller: Arc<Caller>,
        request: v1::ImportLegacyStateRequest,
    ) -> Result<v1::ImportLegacyStateResponse, Fault> {
        let Asked { key, once, files, dry_run } = import::parse(request)?;
        Fault::unless_operator(&caller)?;
        // Some of it may be large, and beats must not wait for it.
        let files = tokio::task::spawn_blocking(move || look_into(files)).await;
        let files = files.map_err(|error| Fault::defect(&error))?;
        let steps = steps(&files, self.engine.lease_bounds());
        let mut outcomes: Vec<Option<Outcome>> = files.iter().map(|_| None).collect();
        let replayed = if dry_run {
            self.rehearse(&caller, &key, &steps, &mut outcomes).await?;
            false
        } else {
            self.carry_out(&caller, &key, once.as_ref(), steps, &mut outcomes).await?
        };
        let results = files.into_iter().zip(outcomes).map(|(file, outcome)| {
            let refused = || file.content.err().map_or_else(String::new, |error| error.to_string());
            let outcome = outcome.unwrap_or_else(|| Err(refused()));
            import::result(file.name, file.digest, outcome)
        });
        let results = results.collect();
        let session = self.stored_session(key).await?;
        Ok(v1::ImportLegacyStateResponse { results, session, dry_run, replayed })
    }

    /// Carries the steps out, and says whether all of them had been carried out before.
    async fn carry_out(
        &self,
        caller: &Arc<Caller>,
        key: &Key,
        once: Option<&Once>,
        steps: Vec<Step>,
        outcomes: &mut [Option<Outcome>],
    ) -> Result<bool, Fault> {
        let mut replayed = !steps.is_empty();
        for (number, Step { place, command }) in steps.into_iter().enumerate() {
            let once = once.map(|once| import::of_step(once, number));
            let (key, caller) = (key.clone(), Arc::clone(caller));
            let answer = self.engine.execute(Request { key, command, caller, once }).await;
            let told = match answer {
                Ok(answer) => {
                    replayed &= answer.replayed;
                    Ok(answer.reply)
                }
                Err(Failure::Refused(refusal)) if refusal.reason != Reason::RequestIdReused => {
                    replayed = false;
                    Err(*refusal)
                }
                Err(failure) => return Err(Fault::failed(&failure, &self.engine.clock())),
            };
            outcomes[place] = Some(outcome(told)?);
        }
        Ok(replayed)
    }

    /// Finds out what the steps would come to.
    async fn rehearse(
        &self,
        caller: &Caller,
        key: &Key,
        steps: &[Step],
        outcomes: &mut [Option<Outcome>],
    ) -> Result<(), Fault> {
        let whole = self.reads.whole(key.clone()).await;
        let workspace = match whole.map_err(|error| Fault::unreadable(&error))?.stored {
            None => Workspace::unknown(key.clone()),
            Some(stored) => Workspace {
                key: key.clone(),
                tenure: stored.tenure,
                surroundings: stored.surroundings,
            },
        };
        let context = Context {
            clock: self.engine.clock(),
            principal: caller.principal.clone(),
            operator: caller.operator,
            address: caller.address.clone(),
            // An import mints neither, touches no work stream, and the floor shows in no answer.
            new_session_id: SessionId::imported(""),
            new_escalation_id: EscalationId::imported(""),
            work_stream_half_life: HALF_LIFE_DEFAULT,
            revision_floor: Revision::default(),
            registration_required: false,
            machine_cordoned: false,
        };
        let commands: Vec<Command> = steps.iter().map(|step| step.command.clone()).collect();
        let told = rehearse(workspace, &commands, &context);
        for (Step { place, .. }, told) in steps.iter().zip(told) {
            outcomes[*place] = Some(outcome(told)?);
        }
        Ok(())
    }

    async fn stored_session(&self, key: Key) -> Result<Option<v1::Session>, Fault> {
        let stored = self.reads.get(key.clone()).await;
        let stored = stored.map_err(|error| Fault::unreadable(&error))?;
        let clock = self.engine.clock();
        Ok(stored.and_then(|stored| {
            let workspace = Workspace { key, tenure: stored.tenure, surroundings: None };
            let view = SessionView::of(&workspace, &clock)?;
            Some(session::shown(&view, &clock))
        }))
    }
}

fn look_into(files: Vec<v1::LegacyFile>) -> Vec<File> {
    let files = files.into_iter().map(|v1::LegacyFile { name, content }| File {
        name,
        digest: Digest::of(&content),
        content: read(&content),
    });
    files.collect()
}

/// The steps in their order: escalations first.
fn steps(files: &[File], lease_bounds: LeaseBounds) -> Vec<Step> {
    let mut steps = Vec::new();
    let mut sessions = Vec::new();
    for (place, file) in files.iter().enumerate() {
        let Ok(content) = &file.content else { continue };
        let of_its_kind = match content {
            LegacyContent::Escalations(_) => &mut steps,
            LegacyContent::Session(_) => &mut sessions,
        };
        let import = Import {
            file_name: Arc::from(file.name.as_str()),
            digest: file.digest,
            content: content.clone(),
            lease_bounds,
        };
        of_its_kind.push(Step { place, command: Command::Import(Box::new(import)) });
    }
    steps.append(&mut sessions);
    steps
}

fn outcome(told: Result<Reply, Refusal>) -> Result<Outcome, Fault> {
    match told {
        Ok(Reply::Imported(imported)) => Ok(Ok(*imported)),
        Ok(_) => Err(Fault::wrong_kind_of_reply()),
        Err(refusal) => Ok(Err(refusal.to_string())),
    }
}
