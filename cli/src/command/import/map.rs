//! The map: a TOML file that says which files belong to which workspaces.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::failure::Failure;
use crate::input;

/// The most bytes of a map.
const MAP_BYTES_MAX: usize = 4 << 20;

/// The files of one workspace.
#[derive(Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Group {
    /// The workspace.
    pub workspace: String,
    /// Its profile; empty means `main`.
    #[serde(default)]
    pub profile: String,
    /// The files.
    pub files: Vec<PathBuf>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Map {
    import: Vec<Group>,
}

/// Reads a map. Its paths count from the folder that it is in.
///
/// # Errors
/// When it cannot be read, and a usage failure when it cannot be followed.
pub(super) fn read(path: &Path) -> Result<Vec<Group>, Failure> {
    let shown = path.display().to_string();
    let content = input::read(&shown, MAP_BYTES_MAX)?;
    let wrong = |what: &str| Failure::usage(format!("cannot follow {shown}: {what}"));
    let text = std::str::from_utf8(&content).map_err(|_| wrong("it is not UTF-8 text"))?;
    let mut groups = parse(text).map_err(|(at, what)| wrong(&at).with_hint(what))?;
    if groups.iter().all(|group| group.files.is_empty()) {
        return Err(wrong("it names no files").with_hint("see tenure import --help for its form"));
    }
    if let Some(folder) = path.parent() {
        for file in groups.iter_mut().flat_map(|group| &mut group.files) {
            *file = folder.join(&*file);
        }
    }
    Ok(groups)
}

/// The groups, or where the text is wrong and how.
fn parse(text: &str) -> Result<Vec<Group>, (String, String)> {
    let map: Map = toml::from_str(text).map_err(|error| {
        // The message of a parse error spans lines; the first says where.
        let told = error.to_string();
        (told.lines().next().unwrap_or_default().to_owned(), error.message().to_owned())
    })?;
    Ok(map.import)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_map_lists_the_files_of_each_workspace() {
        let text = "[[import]]\nworkspace = \"a\"\nfiles = [\"x\", \"y\"]\n\
                    [[import]]\nworkspace = \"b\"\nprofile = \"p\"\nfiles = []\n";
        let group = |workspace: &str, profile: &str, files: &[&str]| Group {
            workspace: workspace.to_owned(),
            profile: profile.to_owned(),
            files: files.iter().map(PathBuf::from).collect(),
        };
        assert_eq!(parse(text).unwrap(), [group("a", "", &["x", "y"]), group("b", "p", &[])]);
    }

    #[test]
    fn what_is_wrong_with_a_map_is_said() {
        for (text, expected) in [
            ("", "missing field `import`"),
            ("[[import]]\nfiles = []", "missing field `workspace`"),
            ("[[import]]\nworkspace = \"a\"\nfiles = []\nfile = 1", "unknown field `file`"),
            ("[[import]]\nworkspace = 3\nfiles = []", "invalid type"),
        ] {
            let (_, what) = parse(text).unwrap_err();
            assert!(what.contains(expected), "{what}");
        }
    }
}
