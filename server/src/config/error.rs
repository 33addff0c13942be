//! What is wrong with a configuration, in sentences for the person who wrote it.

use std::fmt;
use std::path::PathBuf;

/// The longest part of a value that an error shows, in characters.
const SHOWN_CHARS_MAX: usize = 120;

/// A configuration that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The arguments do not follow the grammar, or ask for help; it prints itself.
    #[error(transparent)]
    Usage(#[from] Box<clap::Error>),
    /// Settings are wrong.
    #[error(transparent)]
    Settings(#[from] SettingErrors),
}

/// Everything that is wrong, in the order of the settings.
#[derive(Debug, thiserror::Error)]
pub struct SettingErrors(pub Vec<SettingError>);

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SettingError {
    /// Which setting; what was found in its place if it is not known.
    pub setting: String,
    /// What was given; absent if that is not the point.
    pub value: Option<String>,
    /// Where it came from.
    pub origin: Origin,
    /// What is wrong.
    pub problem: String,
    /// What would be accepted.
    pub accepted: String,
}

/// Where a value came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    /// Nothing was said.
    Default,
    /// This flag, without its dashes.
    Flag(String),
    /// This environment variable.
    Variable(String),
    /// The configuration file.
    File {
        /// Its path.
        path: PathBuf,
        /// The line, from 1; absent if it concerns the file as a whole.
        line: Option<usize>,
    },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::Flag(flag) => write!(f, "flag --{flag}"),
            Self::Variable(name) => write!(f, "variable {name}"),
            Self::File { path, line: Some(line) } => write!(f, "file {path:?}, line {line}"),
            Self::File { path, line: None } => write!(f, "file {path:?}"),
        }
    }
}

impl fmt::Display for SettingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", escaped(&self.setting))?;
        if let Some(value) = &self.value {
            write!(f, "{} is refused, ", quoted(value))?;
        }
        write!(f, "{} (from {}); accepted: {}", self.problem, self.origin, self.accepted)
    }
}

impl fmt::Display for SettingErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the configuration is refused:")?;
        for error in &self.0 {
            write!(f, "\n  {error}")?;
        }
        Ok(())
    }
}

/// A value as it may be shown: in quotes, escaped, and cut where it is long.
fn quoted(text: &str) -> String {
    match text.char_indices().nth(SHOWN_CHARS_MAX) {
        None => format!("{text:?}"),
        Some((end, _)) => format!("{:?}…", &text[..end]),
    }
}

/// A key as it may be shown: as it is if it is one of ours, else quoted.
fn escaped(key: &str) -> String {
    let plain = key.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    if plain && key.len() <= SHOWN_CHARS_MAX { key.to_owned() } else { quoted(key) }
}
