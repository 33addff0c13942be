//! One lease in the book: its state, its place on the stream, and what it has to say.

use crate::holder::beat_content::BeatContent;
use crate::holder::clock::Moment;
use crate::holder::lease_state::LeaseState;
use crate::holder::loss::Loss;
use crate::holder::timing::Timing;
use crate::v1;

/// Which session a lease is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Identity {
    pub workspace: String,
    pub profile: String,
    pub session_id: String,
    pub actor_id: String,
}

/// What the owner of a lease is shown of it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct View {
    /// When the work must stop unless a newer answer comes.
    pub stop_at: Moment,
    /// The timing that was answered last.
    pub timing: Timing,
    /// The revision that the last beat or join answered.
    pub revision: u64,
    /// What the service asks of the holder.
    pub directives: v1::Directives,
    /// Set once, and then final.
    pub loss: Option<Loss>,
}

#[derive(Debug)]
pub(super) struct Entry {
    pub identity: Identity,
    pub state: LeaseState,
    pub binding: Binding,
    pub content: BeatContent,
    /// What beats carried that are not answered, and the message of the newest of them.
    pub in_flight: BeatContent,
    pub in_flight_id: u64,
    pub revision: u64,
    pub directives: v1::Directives,
    /// As filed in `stops` and `work`.
    pub filed: Option<(Moment, Option<Moment>)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Binding {
    /// To be joined, not before that.
    Unbound(Moment),
    Bound(u32),
}

impl Entry {
    pub(super) fn view(&self) -> View {
        View {
            stop_at: self.state.stop_at(),
            timing: self.state.timing(),
            revision: self.revision,
            directives: self.directives.clone(),
            loss: None,
        }
    }

    pub(super) fn work_at(&self) -> Option<Moment> {
        match self.binding {
            Binding::Unbound(join_at) => Some(join_at),
            Binding::Bound(_) => self.state.work_at(),
        }
    }

    /// What was sent and not answered is to be sent again, under what was said since.
    pub(super) fn take_back(&mut self) {
        let later = std::mem::take(&mut self.content);
        self.content = std::mem::take(&mut self.in_flight);
        self.content.add(later);
    }
}
