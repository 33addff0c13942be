//! Where the programs and the stores are, and how ours is built.
//!
//! Guarantees: the `tenured` that is measured is built from the sources that this program was
//! built from, as they are now.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::{env, fs};

use anyhow::{Context as _, bail};
use tempfile::TempDir;

use crate::peer::Program;

/// The folder, within that of the build, for all that is kept from one figure to the next.
const KEPT: &str = "tenure-bench";

/// Where the programs and the stores are.
#[derive(Debug)]
pub struct Site {
    bench: PathBuf,
    programs: PathBuf,
    stores: PathBuf,
}

impl Site {
    /// Builds `tenured` and looks for it beside this program; stores come into the folder above,
    /// which is that of the build.
    ///
    /// # Errors
    /// When `tenured` cannot be built.
    pub fn prepare() -> anyhow::Result<Self> {
        let bench = env::current_exe().context("cannot tell where this program is")?;
        let programs = bench.parent().context("this program is in no folder")?.to_owned();
        let stores = programs.parent().unwrap_or(&programs).join(KEPT);
        fs::create_dir_all(&stores).with_context(|| format!("cannot make {}", stores.display()))?;
        let site = Site { bench, programs, stores };
        site.build()?;
        Ok(site)
    }

    /// The folder that the folders of stores are made in.
    #[must_use]
    pub fn stores(&self) -> &Path {
        &self.stores
    }

    /// A folder for one server, gone with what is returned.
    ///
    /// # Errors
    /// When it cannot be made.
    pub fn folder(&self) -> anyhow::Result<TempDir> {
        let folder = tempfile::Builder::new().prefix("run-").tempdir_in(&self.stores);
        folder.with_context(|| format!("cannot make a folder in {}", self.stores.display()))
    }

    /// A command that runs a program.
    ///
    /// # Errors
    /// When it is not installed.
    pub fn command(&self, program: Program) -> anyhow::Result<Command> {
        Ok(Command::new(self.path(program)?))
    }

    /// Where a program is.
    ///
    /// # Errors
    /// When it is not installed, with the command that installs it.
    pub fn path(&self, program: Program) -> anyhow::Result<PathBuf> {
        let name = match program {
            Program::Tenured => return Ok(self.programs.join("tenured")),
            Program::Echo => return Ok(self.bench.clone()),
            Program::Etcd | Program::Redis => program.name(),
        };
        let folders = env::var_os("PATH").unwrap_or_default();
        let found = env::split_paths(&folders).map(|folder| folder.join(name));
        let mut found = found.filter(|path| path.is_file());
        let missing = || format!("{name} is not installed: {}", program.how_to_install());
        found.next().with_context(missing)
    }

    /// Quickly done when nothing has changed.
    fn build(&self) -> anyhow::Result<()> {
        let tenured = self.programs.join("tenured");
        let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
        let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
        let Some(workspace) = workspace.filter(|folder| folder.join("Cargo.toml").is_file()) else {
            // The sources are not on this machine; what lies beside this program came with it.
            return match tenured.is_file() {
                true => Ok(()),
                false => bail!("{} is missing, and so are its sources", tenured.display()),
            };
        };
        let mut command = Command::new(cargo);
        // Both, because with the same packages as for this program cargo chooses the same features,
        // and builds nothing twice.
        command.args(["build", "--quiet", "--package", "tenure-bench", "--package", "tenured"]);
        if self.programs.file_name().is_some_and(|profile| profile == "release") {
            command.arg("--release");
        }
        if let Some(target) = self.programs.parent() {
            command.arg("--target-dir").arg(target);
        }
        // What `cargo run` tells this program about itself would make cargo build anew whatever
        // looks at it, and again at the next build that is not told.
        for (variable, _) in env::vars_os().filter(|(variable, _)| is_about_this_program(variable))
        {
            command.env_remove(variable);
        }
        command.current_dir(workspace).stdin(Stdio::null());
        let status = command.status().context("cannot run cargo, which builds tenured")?;
        if !status.success() {
            bail!("tenured could not be built: cargo build --release -p tenured says why");
        }
        Ok(())
    }
}

/// Variables that cargo sets for the programs that it runs.
fn is_about_this_program(variable: &OsStr) -> bool {
    let families: [&[u8]; 4] = [b"CARGO_PKG_", b"CARGO_MANIFEST_", b"CARGO_BIN_", b"CARGO_CRATE_"];
    let name = variable.as_encoded_bytes();
    families.iter().any(|family| name.starts_with(family))
        || [&b"CARGO"[..], b"CARGO_PRIMARY_PACKAGE", b"OUT_DIR"].contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_cargo_itself_reach_the_build() {
        assert!(is_about_this_program("CARGO_PKG_NAME".as_ref()));
        assert!(is_about_this_program("CARGO_MANIFEST_DIR".as_ref()));
        assert!(!is_about_this_program("CARGO_TARGET_DIR".as_ref()));
        assert!(!is_about_this_program("CARGO_HOME".as_ref()));
    }
}
