//! Everything that is stored of one workspace and that decisions need.

use crate::name::Key;
use crate::session::{FencingToken, Revision, Session, Transfer};

/// The state of one `(workspace, profile)`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Workspace {
    /// Which one.
    pub key: Key,
    /// The hot part: what every beat reads and changes.
    pub tenure: Tenure,
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
}

impl Workspace {
    /// A workspace of which nothing is stored.
    #[must_use]
    pub fn unknown(key: Key) -> Self {
        Self { key, tenure: Tenure::default() }
    }

    /// The token of the stored session.
    #[must_use]
    pub fn token(&self) -> Option<FencingToken> {
        self.tenure.session.as_ref().map(|session| session.token)
    }
}
