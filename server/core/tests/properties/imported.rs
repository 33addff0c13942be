//! Files of older installations, as commands, and what is the case when they were imported.

use tenure_core::change::{Change, Changes};
use tenure_core::command::{Command, Import as Asked};
use tenure_core::content::Digest;
use tenure_core::context::LeaseBounds;
use tenure_core::escalation::EscalationKind;
use tenure_core::legacy::{
    BroughtIn, LegacyContent, LegacyEscalation, LegacyHolder, LegacySession,
};
use tenure_core::name::{ActorId, EscalationId, SessionId};
use tenure_core::reply::{ImportOutcome, Imported};
use tenure_core::session::{AutonomousKind, Mode, Revision};
use tenure_core::time::{Span, WallTime};
use tenure_core::workspace::Workspace;

use crate::ops::{Import, Legacy};

/// The command that brings `import` in; `id` makes its content and what it names its own.
pub fn command(import: &Import, now: WallTime, id: u64) -> Command {
    let content = match import {
        Import::Session(legacy) => LegacyContent::Session(Box::new(session(legacy, now, id))),
        Import::Escalations { from, count, blocking, age_s } => {
            let each = (*from..from + count).map(|n| escalation(n, *blocking, *age_s, now));
            LegacyContent::Escalations(each.collect())
        }
        Import::Again => LegacyContent::Escalations(Vec::new()),
    };
    Command::Import(Box::new(Asked {
        file_name: "state.json".into(),
        digest: Digest::of(&id.to_be_bytes()),
        content,
        lease_bounds: LeaseBounds::default(),
    }))
}

fn session(legacy: &Legacy, now: WallTime, id: u64) -> LegacySession {
    let age = Span::from_secs(legacy.age_s.unsigned_abs());
    let at = if legacy.age_s < 0 { now.after(age) } else { now.before(age) };
    let program = LegacyHolder::Program {
        actor: legacy.owner.then(|| ActorId::imported("a")),
        kind: AutonomousKind::RuntimeWorker,
        supervisor: legacy.supervisor.then(|| ActorId::imported("s")),
        ttl: Span::from_secs(legacy.ttl_s),
        last_heartbeat_at: legacy.heartbeat.then_some(at),
    };
    LegacySession {
        id: legacy.id.then(|| SessionId::imported(&format!("old_{id}"))),
        holder: if legacy.person { LegacyHolder::Person } else { program },
        mode: Mode::General,
        started_at: at,
        last_started_at: at,
        start_count: 1,
        revision: Revision(legacy.revision),
    }
}

fn escalation(n: u8, blocking: bool, age_s: u64, now: WallTime) -> LegacyEscalation {
    LegacyEscalation {
        id: EscalationId::imported(&format!("old_{n}")),
        kind: if blocking { EscalationKind::Blocking } else { EscalationKind::NonBlocking },
        reason: "may I?".into(),
        raised_at: now.before(Span::from_secs(age_s)),
        session_id: None,
    }
}

/// What `changes` have brought in, if anything.
pub fn brought_in(changes: &Changes) -> Option<&BroughtIn> {
    changes.iter().find_map(|change| match change {
        Change::Imported { what } => Some(&**what),
        _ => None,
    })
}

/// What an import answers is the case afterwards, and nothing is lost by it.
pub fn check(before: &Workspace, after: &Workspace, changes: &Changes, reply: &Imported) {
    let (old, new) = (before.around(), after.around());
    assert!(old.escalations.iter().all(|open| new.escalations.contains(open)));
    assert!(new.escalations.is_sorted_by_key(|open| open.raised_at) || old == new);
    let added: Vec<_> = new.escalations.iter().filter(|e| !old.escalations.contains(e)).collect();
    assert_eq!(added.len(), reply.escalation_ids.len());
    assert!(added.iter().all(|added| reply.escalation_ids.contains(&added.id)));
    if before.tenure.session.is_some() {
        assert_eq!(before.tenure.session, after.tenure.session, "a session was not kept");
    }
    match (reply.outcome, brought_in(changes)) {
        (ImportOutcome::AlreadyImported, None) => assert_eq!(before, after),
        (ImportOutcome::SessionKept, Some(what)) => {
            assert!(what.session.is_none() && before.tenure.session.is_some());
            assert!(new.imported.contains(&what.digest) && !old.imported.contains(&what.digest));
        }
        (ImportOutcome::Imported, Some(what)) => {
            assert_eq!(what.session.is_some(), before.tenure.session != after.tenure.session);
            assert!(new.imported.contains(&what.digest) && !old.imported.contains(&what.digest));
        }
        other => panic!("{other:?}"),
    }
}
