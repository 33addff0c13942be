//! Where the programs of this build are.

use std::env;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

/// Cargo puts tests into this folder below that of the programs.
const TESTS: &str = "deps";

/// The programs of this build.
#[derive(Debug, Clone)]
pub struct Programs {
    tenured: PathBuf,
    own: PathBuf,
}

impl Programs {
    /// Looks for them beside this program, which may be a test.
    ///
    /// # Errors
    /// When one was not built, with the command that builds it.
    pub fn find() -> anyhow::Result<Self> {
        let this = env::current_exe().context("cannot tell where this program is")?;
        let mut folder = this.parent().context("this program is in no folder")?;
        if folder.ends_with(TESTS) {
            folder = folder.parent().unwrap_or(folder);
        }
        Ok(Self {
            tenured: built(folder, "tenured", "tenured")?,
            own: built(folder, "tenure-reliability", "tenure-reliability")?,
        })
    }

    /// The server.
    #[must_use]
    pub fn tenured(&self) -> &Path {
        &self.tenured
    }

    /// The program of this crate, which can play a role in a process of its own.
    #[must_use]
    pub fn own(&self) -> &Path {
        &self.own
    }
}

fn built(folder: &Path, program: &str, package: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(program);
    if !path.is_file() {
        let release = if cfg!(debug_assertions) { "" } else { " --release" };
        bail!("{} is missing; run: cargo build{release} -p {package}", path.display());
    }
    Ok(path)
}
