//! One file: found, read, and set aside when its content is dealt with.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, RenameFlags, renameat_with};

/// The most bytes of a file that a server takes.
const FILE_BYTES_MAX: u64 = 1 << 20;
/// What is added to the name of a file that is dealt with.
const SUFFIX: &str = ".migrated";

/// What is where a file was named.
pub(super) enum Found {
    /// A file to import.
    File(Loaded),
    /// A file that an earlier run has dealt with, in words.
    DealtWith(String),
    /// Nothing that can be imported; why not.
    Unusable(String),
}

/// A file with its content.
pub(super) struct Loaded {
    /// As it was named.
    pub path: PathBuf,
    /// The same for every way to it.
    pub resolved: PathBuf,
    /// As it was read.
    pub content: Vec<u8>,
}

/// Looks for a file and reads it.
pub(super) fn find(path: &Path) -> Found {
    if path.as_os_str().as_encoded_bytes().ends_with(SUFFIX.as_bytes()) {
        return Found::DealtWith(format!("its name ends in {SUFFIX}"));
    }
    let metadata = match fs::symlink_metadata(path) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound && aside(path).exists() => {
            return Found::DealtWith(format!("was renamed to {} before", aside(path).display()));
        }
        Err(error) => return Found::Unusable(format!("cannot be read: {error}")),
    };
    let kind = metadata.file_type();
    if kind.is_symlink() {
        let why = "is a symbolic link: name the file that it points to";
        return Found::Unusable(why.to_owned());
    }
    if kind.is_dir() {
        return Found::Unusable("is a folder: name the files in it".to_owned());
    }
    if !kind.is_file() {
        return Found::Unusable("is no regular file".to_owned());
    }
    match (read(path), path.canonicalize()) {
        (Ok(content), Ok(resolved)) => {
            Found::File(Loaded { path: path.to_owned(), resolved, content })
        }
        (Err(error), _) | (_, Err(error)) => Found::Unusable(format!("cannot be read: {error}")),
    }
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut content = Vec::new();
    File::open(path)?.take(FILE_BYTES_MAX + 1).read_to_end(&mut content)?;
    if content.len() as u64 > FILE_BYTES_MAX {
        return Err(io::Error::other(format!("it is larger than {FILE_BYTES_MAX} bytes")));
    }
    Ok(content)
}

fn aside(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(SUFFIX);
    PathBuf::from(name)
}

impl Loaded {
    /// The name under which the server logs it.
    pub(super) fn name(&self) -> String {
        self.path.display().to_string()
    }

    /// Renames the file, unless it is another by now or its new name is taken.
    ///
    /// # Errors
    /// Why it still has its name, and what to do.
    pub(super) fn set_aside(&self) -> Result<PathBuf, String> {
        match read(&self.path) {
            Ok(content) if content == self.content => {}
            Ok(_) => {
                return Err("it has changed meanwhile: stop whatever writes it, and import it \
                            again"
                    .to_owned());
            }
            Err(error) => return Err(format!("it cannot be read again: {error}")),
        }
        let aside = aside(&self.path);
        let taken =
            || format!("{} exists already: move that away, and run this again", aside.display());
        match renameat_with(CWD, &self.path, CWD, &aside, RenameFlags::NOREPLACE) {
            Ok(()) => Ok(aside),
            Err(rustix::io::Errno::EXIST) => Err(taken()),
            // Some file systems do not know how not to replace.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) if aside.exists() => {
                Err(taken())
            }
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                fs::rename(&self.path, &aside).map_err(|error| error.to_string())?;
                Ok(aside)
            }
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Makes the new names of files durable. Without it a crash of the machine may bring the old
/// ones back, which does no harm: what they hold counts as imported.
///
/// # Errors
/// The folder that could not be synchronised.
pub(super) fn sync_folders(files: &[Loaded]) -> Result<(), String> {
    let folders: BTreeSet<&Path> = files.iter().filter_map(|file| file.resolved.parent()).collect();
    for folder in folders {
        File::open(folder)
            .and_then(|folder| folder.sync_all())
            .map_err(|error| format!("cannot synchronise {}: {error}", folder.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder_with(content: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state.json");
        fs::write(&path, content).unwrap();
        (folder, path)
    }

    fn loaded(path: &Path) -> Loaded {
        match find(path) {
            Found::File(loaded) => loaded,
            Found::DealtWith(why) | Found::Unusable(why) => panic!("{why}"),
        }
    }

    fn unusable(path: &Path) -> String {
        match find(path) {
            Found::Unusable(why) => why,
            _ => panic!("{} can be used", path.display()),
        }
    }

    #[test]
    fn a_file_is_set_aside_under_its_own_name() {
        let (_folder, path) = folder_with(b"x");
        let aside = loaded(&path).set_aside().unwrap();
        assert!(!path.exists() && aside.ends_with("state.json.migrated"));
        assert_eq!(fs::read(aside).unwrap(), b"x");
        assert!(matches!(find(&path), Found::DealtWith(_)), "a second run is no failure");
    }

    #[test]
    fn nothing_is_ever_replaced() {
        let (folder, path) = folder_with(b"x");
        let taken = folder.path().join("state.json.migrated");
        fs::write(&taken, b"older").unwrap();
        let why = loaded(&path).set_aside().unwrap_err();
        assert!(why.contains("exists already: move that away"), "{why}");
        assert_eq!(
            (fs::read(&path).unwrap(), fs::read(&taken).unwrap()),
            (b"x".to_vec(), b"older".to_vec())
        );
    }

    #[test]
    fn a_file_that_has_changed_keeps_its_name() {
        let (_folder, path) = folder_with(b"x");
        let file = loaded(&path);
        fs::write(&path, b"y").unwrap();
        assert!(file.set_aside().unwrap_err().contains("has changed meanwhile"));
        assert_eq!(fs::read(&path).unwrap(), b"y");
    }

    #[test]
    fn what_is_no_file_is_said() {
        let (folder, path) = folder_with(b"x");
        let link = folder.path().join("link.json");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(unusable(&link).contains("symbolic link"));
        assert!(unusable(folder.path()).contains("is a folder"));
        assert!(unusable(&folder.path().join("none.json")).contains("No such file"));
        assert!(unusable(Path::new("/dev/null")).contains("no regular file"));
    }

    #[test]
    fn a_file_over_1_mib_is_not_sent() {
        let (_folder, path) = folder_with(&vec![b'x'; 1 << 20]);
        assert_eq!(loaded(&path).content.len(), 1 << 20);
        fs::write(&path, vec![b'x'; (1 << 20) + 1]).unwrap();
        assert!(unusable(&path).contains("larger than 1048576 bytes"));
    }
}
