//! The bugs of the server: where a command is decided by a wrong clock, and where a wrong answer
//! is given. Without one of them, all of this is as it should be.

use tenure_core::command::Command;
use tenure_core::context::Clock;
use tenure_core::expiry::effective_expiry;
use tenure_core::reply::Reply;
use tenure_core::time::Span;

use super::{Server, Setting};
use crate::mutant::Mutant;

impl Server {
    /// The clock that a command is decided by: the present, but for what is planted.
    pub(super) fn clock_for(&self, command: &Command, setting: &Setting) -> Clock {
        let mut clock = self.clock(&setting.config);
        let expiry = self.workspace.tenure.effective_expiry(clock.boot_mark);
        match (command, setting.config.mutant) {
            (Command::TakeOver(_), Some(Mutant::TakeoverBeforeExpiry)) => {
                clock.now.lease = clock.now.lease.after(setting.config.tick);
            }
            (Command::Heartbeat(_), Some(Mutant::BeatRevives)) => {
                let last = expiry.map_or(clock.now.lease, |expiry| expiry.before(Span(1)));
                clock.now.lease = clock.now.lease.min(last);
            }
            _ => {}
        }
        clock
    }

    /// What is answered: what was decided, but for what is planted.
    pub(super) fn told(&self, mut reply: Reply, setting: &Setting) -> Reply {
        let tenure = &self.workspace.tenure;
        match (&mut reply, setting.config.mutant) {
            (Reply::Beat(beat), Some(Mutant::AnswersWithoutDeadline)) => {
                let session = tenure.session.as_ref();
                let expiry = session.map(|session| effective_expiry(session, None, self.boot_mark));
                beat.effective_expiry = expiry.unwrap_or(beat.effective_expiry);
            }
            (Reply::Joined(joined), Some(Mutant::JoinPromisesGrace)) => {
                let expiry = tenure.effective_expiry(self.boot_mark);
                joined.session.effective_expiry = expiry.unwrap_or(joined.session.effective_expiry);
            }
            _ => {}
        }
        reply
    }
}
