//! Everything that is stored of one workspace and that decisions need.

use std::sync::Arc;

use crate::name::{Key, SessionId};
use crate::registration::Origin;
use crate::session::{FencingToken, Revision, Session, Transfer};
use crate::surroundings::{Signals, Surroundings};

/// The state of one `(workspace, profile)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Which one.
    pub key: Key,
    /// The hot part: what every beat reads and changes.
    pub tenure: Tenure,
    /// Everything else; absent while it is not loaded.
    pub surroundings: Option<Box<Surroundings>>,
}

/// Who holds the workspace, and what is about to change about it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tenure {
    /// The last revision handed out; absent while the workspace is unknown. It survives the
    /// session: clear and yield leave it.
    pub revision: Option<Revision>,
    /// At most one session is stored.
    pub session: Option<Session>,
    /// Present only together with a session.
    pub transfer: Option<Transfer>,
    /// What beats have to tell of the surroundings. It survives the session, too.
    pub signals: Signals,
    /// How the workspace came to be known; absent while it is unknown.
    pub origin: Option<Arc<Origin>>,
}

impl Workspace {
    /// A workspace of which nothing is stored, and of which nothing is left to load.
    #[must_use]
    pub fn unknown(key: Key) -> Self {
        Self { key, tenure: Tenure::default(), surroundings: Some(Box::default()) }
    }

    /// The id of the stored session, if one is stored and has an id.
    #[must_use]
    pub fn session_id(&self) -> Option<&SessionId> {
        self.tenure.session.as_ref().and_then(|session| session.id.as_ref())
    }

    /// The token of the stored session.
    #[must_use]
    pub fn token(&self) -> Option<FencingToken> {
        self.tenure.session.as_ref().map(|session| session.token)
    }
}
