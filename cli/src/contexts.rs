//! Named servers, kept in a small file of the user's.
//!
//! The file is `tenure/contexts.toml` in the user's configuration folder, or what `TENURE_CONTEXTS`
//! names. It holds no secrets. It is replaced as a whole, so that a reader sees the old one or
//! the new one.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use etcetera::BaseStrategy as _;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// The named contexts of a user.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Contexts {
    /// The one in use.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub current: Option<String>,
    /// All, by name.
    #[serde(default)]
    pub contexts: BTreeMap<String, Named>,
}

/// One named context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Named {
    /// The servers, as `--server` takes them.
    pub servers: Vec<String>,
}

impl Contexts {
    /// Reads the file; none is the same as an empty one.
    ///
    /// # Errors
    /// When there is a file that cannot be read or understood.
    pub fn load() -> Result<Self, Failure> {
        let path = path()?;
        let text = match fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(unusable("read", &path, &error)),
        };
        // The message of a parse error spans lines; the first says where.
        toml::from_str(&text).map_err(|error| {
            let first = error.to_string();
            unusable("understand", &path, &first.lines().next().unwrap_or_default())
                .with_hint(error.message().to_owned())
        })
    }

    /// Writes the file.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self) -> Result<(), Failure> {
        let path = path()?;
        let failed = |error: &dyn std::fmt::Display| unusable("write", &path, error);
        let text = toml::to_string_pretty(self).map_err(|error| failed(&error))?;
        if let Some(folder) = path.parent() {
            fs::create_dir_all(folder).map_err(|error| failed(&error))?;
        }
        let beside = path.with_extension(format!("toml.{}", std::process::id()));
        fs::write(&beside, text)
            .and_then(|()| fs::rename(&beside, &path))
            .map_err(|error| failed(&error))
    }

    /// A context by its name.
    ///
    /// # Errors
    /// A usage failure that lists the known names.
    pub fn get(&self, name: &str) -> Result<&Named, Failure> {
        self.contexts.get(name).ok_or_else(|| {
            let known: Vec<&str> = self.contexts.keys().map(String::as_str).collect();
            let hint = if known.is_empty() {
                "there is none yet; create one with: tenure context set <name> --server <url>"
                    .to_owned()
            } else {
                format!("known ones: {}", known.join(", "))
            };
            Failure::usage(format!("there is no context named {name}")).with_hint(hint)
        })
    }
}

/// Where the file is.
///
/// # Errors
/// When the user has no home folder.
pub fn path() -> Result<PathBuf, Failure> {
    if let Some(path) = env::var_os("TENURE_CONTEXTS").filter(|path| !path.is_empty()) {
        return Ok(PathBuf::from(path));
    }
    let strategy = etcetera::choose_base_strategy().map_err(|error| {
        Failure::general(format!("cannot find the configuration folder: {error}"))
            .with_hint("set HOME, or name a file by TENURE_CONTEXTS")
    })?;
    Ok(strategy.config_dir().join("tenure").join("contexts.toml"))
}

fn unusable(act: &str, path: &Path, error: &dyn std::fmt::Display) -> Failure {
    Failure::general(format!("cannot {act} {}: {error}", path.display()))
}
