//! What the figures were measured on, and what it cost there: cores, filesystem, the price of
//! one durable write, processor time.
//!
//! Must not know: what is measured.

use std::fs::{self, File};
use std::io::{Seek as _, SeekFrom, Write as _};
use std::ops::Sub;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde::Serialize;

use crate::statistics::quantile;

/// Seconds of processor time, user and system.
pub type CpuSeconds = f64;

/// How many writes the probe makes durable.
const PROBE_WRITES: usize = 300;

/// How much each of them writes: a page of the store's log.
const PROBE_BYTES: usize = 4096;

/// Pages of the file that the probe goes round in. It overwrites, as a log does that was
/// checkpointed, and so does not pay for growing the file.
const PROBE_PAGES: usize = 256;

/// The machine, as far as the figures depend on it.
#[derive(Debug, Clone, Serialize)]
pub struct Machine {
    /// Cores that this process may use.
    pub cores: usize,
    /// Type of the filesystem that the store is on.
    pub filesystem: String,
    /// How the store makes its commits durable.
    pub synchronous: &'static str,
    /// Median time to write 4 KiB and make them durable, in the store's folder, in milliseconds.
    pub fsync_p50_ms: f64,
}

impl Machine {
    /// Looks at the machine; `folder` is where the stores will be.
    ///
    /// # Errors
    /// When the folder cannot be written to or is not on any known filesystem.
    pub fn probe(folder: &Path) -> anyhow::Result<Self> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").context("cannot list mounts")?;
        let folder = folder.canonicalize()?;
        let filesystem = filesystem_of(&mounts, &folder).context("no mount holds the folder")?;
        let cores = std::thread::available_parallelism()?.get();
        let fsync_p50_ms = probe_fsync(&folder)?.as_secs_f64() * 1e3;
        Ok(Machine { cores, filesystem, synchronous: "FULL", fsync_p50_ms })
    }

    /// Whether what is written survives a power cut at all.
    pub fn is_durable(&self) -> bool {
        !matches!(self.filesystem.as_str(), "tmpfs" | "ramfs")
    }
}

/// Reads the processor time of this process, of one server, and of everybody else.
#[derive(Debug, Clone, Copy)]
pub struct CpuClock {
    server_pid: u32,
}

/// Processor time, since the beginning or in between.
#[derive(Debug, Clone, Copy, Serialize)]
pub struct CpuReading {
    /// This process.
    pub client: CpuSeconds,
    /// The server.
    pub server: CpuSeconds,
    /// All other processes, and what the machine itself was denied: if this is not small, the
    /// figures were disturbed.
    pub others: CpuSeconds,
}

impl Sub for CpuReading {
    type Output = CpuReading;

    fn sub(self, before: CpuReading) -> CpuReading {
        CpuReading {
            client: self.client - before.client,
            server: self.server - before.server,
            others: self.others - before.others,
        }
    }
}

impl CpuClock {
    /// A clock for this process and the one with this id.
    pub fn new(server_pid: u32) -> Self {
        CpuClock { server_pid }
    }

    /// The time used until now, to a hundredth of a second.
    ///
    /// # Errors
    /// When the server is gone.
    pub fn read(self) -> anyhow::Result<CpuReading> {
        let ticks_per_s = rustix::param::clock_ticks_per_second() as f64;
        let process = |pid: u32| {
            let stat = fs::read_to_string(format!("/proc/{pid}/stat"))
                .with_context(|| format!("process {pid} is gone"))?;
            let ticks = process_ticks(&stat).context("/proc/PID/stat has an unknown form")?;
            anyhow::Ok(ticks as f64 / ticks_per_s)
        };
        let (client, server) = (process(std::process::id())?, process(self.server_pid)?);
        let all = fs::read_to_string("/proc/stat").context("cannot read the machine's load")?;
        let all = busy_ticks(&all).context("/proc/stat has an unknown form")?;
        let others = all as f64 / ticks_per_s - client - server;
        Ok(CpuReading { client, server, others })
    }
}

/// User and system time from a line of `/proc/PID/stat`. The name in parentheses may itself
/// hold blanks and parentheses, so that fields are counted from behind it.
fn process_ticks(stat: &str) -> Option<u64> {
    let (_, behind_name) = stat.rsplit_once(')')?;
    let mut fields = behind_name.split_ascii_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

/// What all cores have spent but on idling and waiting, from the text of `/proc/stat`.
fn busy_ticks(stat: &str) -> Option<u64> {
    let all = stat.lines().next()?.strip_prefix("cpu ")?;
    let fields = all.split_ascii_whitespace().map(str::parse);
    let fields: Vec<u64> = fields.collect::<Result<_, _>>().ok()?;
    // user nice system idle iowait irq softirq steal; guests are in user and nice already.
    let [user, nice, system, _, _, irq, softirq, steal, ..] = fields[..] else { return None };
    Some(user + nice + system + irq + softirq + steal)
}

/// The type of the filesystem of an absolute path, from the text of `/proc/self/mountinfo`.
/// The longest mount point wins, and of two on the same point the later, which hides the other.
fn filesystem_of(mounts: &str, path: &Path) -> Option<String> {
    let mut found: Option<(usize, &str)> = None;
    for line in mounts.lines() {
        let Some((mount, source)) = line.split_once(" - ") else { continue };
        let Some(point) = mount.split(' ').nth(4) else { continue };
        let Some(kind) = source.split(' ').next() else { continue };
        if path.starts_with(point) && found.is_none_or(|(length, _)| point.len() >= length) {
            found = Some((point.len(), kind));
        }
    }
    found.map(|(_, kind)| kind.to_owned())
}

fn probe_fsync(folder: &Path) -> anyhow::Result<Duration> {
    let took = fsyncs(folder, |writes, _| writes < PROBE_WRITES)?;
    quantile(&took, 0.5).context("the probe wrote nothing")
}

/// How long each durable write of 4 KiB takes, for so long; ascending.
///
/// # Errors
/// When the folder cannot be written to.
pub fn time_fsyncs(folder: &Path, time: Duration) -> anyhow::Result<Vec<Duration>> {
    fsyncs(folder, |_, elapsed| elapsed < time)
}

/// Times durable writes, as long as `goes_on` (their number, the time) says so; ascending.
fn fsyncs(
    folder: &Path,
    goes_on: impl Fn(usize, Duration) -> bool,
) -> anyhow::Result<Vec<Duration>> {
    let path = folder.join("fsync-probe");
    let mut file = File::create(&path)?;
    file.write_all(&vec![0x55; PROBE_BYTES * PROBE_PAGES])?;
    file.sync_all()?;
    let page = [0xAA; PROBE_BYTES];
    let mut took = Vec::new();
    let began = Instant::now();
    while goes_on(took.len(), began.elapsed()) {
        let from = Instant::now();
        file.seek(SeekFrom::Start((took.len() % PROBE_PAGES * PROBE_BYTES) as u64))?;
        file.write_all(&page)?;
        file.sync_data()?;
        took.push(from.elapsed());
    }
    fs::remove_file(&path)?;
    took.sort_unstable();
    Ok(took)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processor_time_is_found_behind_a_name_with_parentheses() {
        let stat = "17 (a (b) c) S 1 17 17 0 -1 4194560 1 0 0 0 310 42 0 0 20 0 3 0 5 6 7";
        assert_eq!(process_ticks(stat), Some(352));
        assert_eq!(process_ticks("17 (a) S 1"), None);
    }

    #[test]
    fn idling_and_waiting_are_not_busy() {
        let stat = "cpu  1 2 3 1000 2000 4 5 6 7 8\ncpu0 9 9 9 9 9 9 9 9 9 9\n";
        assert_eq!(busy_ticks(stat), Some(21));
        assert_eq!(busy_ticks("cpu  1 2"), None);
        assert_eq!(busy_ticks(""), None);
    }

    #[test]
    fn own_processor_time_is_read() {
        let reading = CpuClock::new(std::process::id()).read().unwrap();
        assert!((reading.client - reading.server).abs() < 1.0);
    }

    #[test]
    fn the_longest_mount_point_decides_the_filesystem() {
        let mounts = "21 1 8:1 / / rw,relatime shared:1 - ext4 /dev/a rw\n\
                      22 21 0:5 / /data rw - tmpfs tmpfs rw\n\
                      23 21 8:2 / /data rw master:2 - xfs /dev/b rw\n";
        let of = |path| filesystem_of(mounts, Path::new(path));
        assert_eq!(of("/data/x").as_deref(), Some("xfs"));
        assert_eq!(of("/database").as_deref(), Some("ext4"));
        assert_eq!(filesystem_of("", Path::new("/")), None);
    }

    #[test]
    fn the_probe_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let machine = Machine::probe(folder.path()).unwrap();
        assert!(machine.cores > 0 && !machine.filesystem.is_empty());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
