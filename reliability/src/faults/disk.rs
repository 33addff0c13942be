//! A disk that fails on order: a library that is preloaded into the server, compiled here.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context as _, bail};

use super::site::Site;
use crate::process::Launch;

/// Its source.
const SOURCE: &str = include_str!("../../shim/disk_faults.c");

/// The disk under a site's folder.
#[derive(Debug)]
pub(super) struct Disk {
    orders: PathBuf,
}

impl Disk {
    /// Compiles the library; the disk does not fail yet.
    pub(super) fn under(site: &Site) -> anyhow::Result<(Self, Launch)> {
        let source = site.path("disk_faults.c");
        let library = site.path("disk_faults.so");
        let orders = site.path("orders");
        fs::write(&source, SOURCE)?;
        let compiled = Command::new("cc")
            .args(["-shared", "-fPIC", "-O1", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .output()
            .context("cc cannot be run; install a C compiler: apt-get install gcc")?;
        if !compiled.status.success() {
            bail!("cc: {}", String::from_utf8_lossy(&compiled.stderr));
        }
        // What `/proc` tells of open files has no symbolic links in it.
        let folder = site.folder().canonicalize()?;
        let launch = site
            .launch
            .clone()
            .variable("LD_PRELOAD", &library)
            .variable("DISK_FAULTS_UNDER", folder)
            .variable("DISK_FAULTS_ORDERS", &orders);
        let disk = Self { orders };
        disk.heal()?;
        Ok((disk, launch))
    }

    pub(super) fn fail_syncs(&self) -> anyhow::Result<()> {
        self.order("fail-sync")
    }

    pub(super) fn slow_syncs(&self, by: Duration) -> anyhow::Result<()> {
        self.order(&format!("slow-sync {}", by.as_millis()))
    }

    pub(super) fn fill(&self) -> anyhow::Result<()> {
        self.order("full")
    }

    pub(super) fn heal(&self) -> anyhow::Result<()> {
        self.order("nothing")
    }

    fn order(&self, what: &str) -> anyhow::Result<()> {
        // Whole at any moment: the server reads it all the while.
        let next = self.orders.with_extension("next");
        fs::write(&next, what)?;
        fs::rename(&next, &self.orders)?;
        Ok(())
    }
}
