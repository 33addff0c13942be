//! Files of older installations: the ones that the rules are tested with, and what chance makes
//! of them.

use std::panic::catch_unwind;

use anyhow::Context;
use fastrand::Rng;
use tenure_core::legacy::{LEGACY_FILE_MAX_BYTES, read};

use super::mutation::mutate;
use crate::history::lines::hex;

/// The longest text that an error about a file may have.
const ERROR_MAX_BYTES: usize = 4 << 10;
/// How deep arrays are nested in the files that are nothing else.
const NESTED_MAX: usize = 100_000;

macro_rules! files {
    ($($name:literal),+ $(,)?) => {
        [$(include_bytes!(concat!("../../../server/core/tests/legacy/", $name)).as_slice()),+]
    };
}

/// What mutations begin with.
const FILES: [&[u8]; 10] = files!(
    "escalations_v1.json",
    "escalations_v1_hostile.json",
    "session_v2_interactive.json",
    "session_v2_unknown_fields.json",
    "session_v3_interactive.json",
    "session_v4_hostile.json",
    "session_v4_supervisor.json",
    "session_v4_without_owner.json",
    "session_v4_without_session_id.json",
    "session_v4_worker.json",
);

/// The files, for whoever mutates them elsewhere.
#[must_use]
pub fn files() -> Vec<Vec<u8>> {
    FILES.map(<[u8]>::to_vec).to_vec()
}

/// Reads `count` files that chance has made. Answers how many were files all the same.
///
/// # Errors
/// With the file that was not answered as any must be.
pub fn read_many(chance: &mut Rng, count: u64) -> anyhow::Result<u64> {
    let mut good = 0;
    for _ in 0..count {
        good += u64::from(read_one(&file(chance))?);
    }
    Ok(good)
}

/// Reads one file; whether it is one.
///
/// # Errors
/// If reading it panics, or answers more than an error may.
pub fn read_one(file: &[u8]) -> anyhow::Result<bool> {
    let shown = || hex(&file[..file.len().min(4_096)]);
    let read = catch_unwind(|| read(file).map_err(|error| error.to_string()));
    match read
        .map_err(|_| anyhow::anyhow!("a panic"))
        .with_context(|| format!("file {}", shown()))?
    {
        Ok(_) => Ok(true),
        Err(error) => {
            anyhow::ensure!(error.len() <= ERROR_MAX_BYTES, "a long error; file {}", shown());
            Ok(false)
        }
    }
}

fn file(chance: &mut Rng) -> Vec<u8> {
    match chance.u16(0..500) {
        0 => vec![b'['; chance.usize(0..NESTED_MAX)],
        1 => vec![b' '; LEGACY_FILE_MAX_BYTES + chance.usize(0..2)],
        2..=99 => (0..chance.usize(0..400)).map(|_| chance.u8(..)).collect(),
        100..=249 => swapped(chance),
        _ => {
            let mut file = FILES[chance.usize(0..FILES.len())].to_vec();
            mutate(chance, &mut file);
            file
        }
    }
}

/// A file whose values are still JSON, but not what they should be.
fn swapped(chance: &mut Rng) -> Vec<u8> {
    const VALUES: [&str; 9] =
        ["null", "-1", "1e400", "18446744073709551616", "[]", "{}", "\"\\u202e\"", "true", "0.5"];
    let text = String::from_utf8_lossy(FILES[chance.usize(0..FILES.len())]).into_owned();
    let swap = |line: &str, chance: &mut Rng| match line.split_once(": ") {
        Some((name, value)) if chance.u8(0..4) == 0 => {
            let comma = if value.ends_with(',') { "," } else { "" };
            format!("{name}: {}{comma}", VALUES[chance.usize(0..VALUES.len())])
        }
        _ => line.to_owned(),
    };
    let lines: Vec<String> = text.lines().map(|line| swap(line, chance)).collect();
    lines.join("\n").into_bytes()
}
