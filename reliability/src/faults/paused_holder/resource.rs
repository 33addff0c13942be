//! What is protected: a table that compares fencing tokens itself, as every resource must.

use std::path::Path;
use std::time::Duration;

use rusqlite::Connection;

/// How long one writer waits for another.
const BUSY_MAX: Duration = Duration::from_secs(10);

/// The table.
pub(super) struct Resource(Connection);

impl Resource {
    pub(super) fn create(path: &Path) -> anyhow::Result<Self> {
        let resource = Self::open(path)?;
        resource.0.execute_batch(
            "CREATE TABLE work (n INTEGER PRIMARY KEY AUTOINCREMENT, token INTEGER NOT NULL)",
        )?;
        Ok(resource)
    }

    pub(super) fn open(path: &Path) -> anyhow::Result<Self> {
        let connection = Connection::open(path)?;
        connection.busy_timeout(BUSY_MAX)?;
        Ok(Self(connection))
    }

    /// Writes, unless a newer token has written before; whether it did.
    pub(super) fn write(&self, token: u64) -> anyhow::Result<bool> {
        let written = self.0.execute(
            "INSERT INTO work (token) SELECT ?1 \
             WHERE ?1 >= (SELECT coalesce(max(token), 0) FROM work)",
            [i64::try_from(token)?],
        )?;
        Ok(written == 1)
    }

    /// Whether nobody is in the middle of a write.
    pub(super) fn is_free(&self) -> anyhow::Result<bool> {
        self.0.busy_timeout(Duration::ZERO)?;
        let free = self.0.execute_batch("BEGIN EXCLUSIVE; ROLLBACK").is_ok();
        self.0.busy_timeout(BUSY_MAX)?;
        Ok(free)
    }

    /// Whose writes there are, in order, each once as long as nobody else wrote.
    pub(super) fn writers(&self) -> anyhow::Result<Vec<u64>> {
        let mut statement = self.0.prepare("SELECT token FROM work ORDER BY n")?;
        let tokens = statement.query_map([], |row| row.get::<_, i64>(0))?;
        let mut writers = Vec::new();
        for token in tokens {
            writers.push(u64::try_from(token?)?);
        }
        writers.dedup();
        Ok(writers)
    }
}
