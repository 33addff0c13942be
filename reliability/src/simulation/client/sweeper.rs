//! One who comes after the storm and clears what others have left behind, so that whoever still
//! waits is served.

use std::time::Duration;

use tenure_core::session::Session;
use tokio::time::{sleep, sleep_until};

use super::{Client, requests};

/// How often it looks.
const LOOKS_EVERY: Duration = Duration::from_millis(500);

impl Client {
    /// Clears what has gone stale, for ever.
    pub async fn sweep(mut self) {
        sleep_until(self.place.storm_ends).await;
        loop {
            sleep(LOOKS_EVERY).await;
            for key in self.place.workspaces.clone() {
                let stored = self.place.network.stored(&key).await.flatten();
                let session = stored.and_then(|stored| stored.tenure.session);
                // A person's start whose answer was lost may come to something much later.
                let is_left =
                    |session: &Session| session.expiry_recorded || session.autonomous().is_none();
                if let Some(session) = session.filter(is_left) {
                    let mark = self.mark();
                    let clear = requests::clear(&mark, session.actor(), session.id.as_ref());
                    // A refusal says that somebody else has come.
                    let _ = self.ask(&key, "ClearSession", &mark, clear).await;
                }
            }
        }
    }
}
