//! A Unix socket and its file.

use std::fs::{self, Permissions};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use tokio::net::{UnixListener, UnixSocket, UnixStream};

/// Only the server's own user may connect.
const SOCKET_MODE: u32 = 0o600;

/// A listening Unix socket, which takes its file with it when it goes.
#[derive(Debug)]
pub(super) struct UnixEndpoint {
    listener: UnixListener,
    file: SocketFile,
}

/// A path that cannot be listened on.
#[derive(Debug, thiserror::Error)]
pub enum UnixSocketError {
    /// Something else is there.
    #[error("cannot listen on unix:{path:?}: the path exists and is no socket; name another path")]
    NoSocket {
        /// Where.
        path: PathBuf,
    },
    /// Another process answers there.
    #[error(
        "cannot listen on unix:{path:?}: another process is listening there; stop it, or name another path"
    )]
    InUse {
        /// Where.
        path: PathBuf,
    },
    /// The system refuses.
    #[error(
        "cannot listen on unix:{path:?}; name a path in a folder that exists and is yours to write"
    )]
    System {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl UnixEndpoint {
    pub(super) async fn bind(path: &Path, backlog: u32) -> Result<Self, UnixSocketError> {
        let system = |source| UnixSocketError::System { path: path.to_owned(), source };
        clear_the_way(path).await?;
        let socket = UnixSocket::new_stream().map_err(system)?;
        socket.bind(path).map_err(system)?;
        let file = SocketFile::at(path).map_err(system)?;
        // Until it listens, nobody can connect: the permissions are right from the start.
        fs::set_permissions(path, Permissions::from_mode(SOCKET_MODE)).map_err(system)?;
        let listener = socket.listen(backlog).map_err(system)?;
        Ok(Self { listener, file })
    }

    pub(super) async fn accept(&self) -> io::Result<UnixStream> {
        let (stream, _) = self.listener.accept().await?;
        Ok(stream)
    }
}

impl Drop for UnixEndpoint {
    fn drop(&mut self) {
        if let Err(error) = self.file.remove() {
            tracing::warn!(path = ?self.file.path, ?error, "cannot remove the socket's file");
        }
    }
}

/// The file that a socket was bound to, recognised again by its number.
#[derive(Debug)]
struct SocketFile {
    path: PathBuf,
    device: u64,
    inode: u64,
}

impl SocketFile {
    fn at(path: &Path) -> io::Result<Self> {
        let metadata = fs::symlink_metadata(path)?;
        Ok(Self { path: path.to_owned(), device: metadata.dev(), inode: metadata.ino() })
    }

    /// Removes the file, unless another one has taken its place.
    fn remove(&self) -> io::Result<()> {
        match Self::at(&self.path) {
            Ok(now) if (now.device, now.inode) == (self.device, self.inode) => {
                fs::remove_file(&self.path)
            }
            Err(error) if error.kind() != ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }
}

/// Removes a socket that a process before has left behind, and nothing else.
async fn clear_the_way(path: &Path) -> Result<(), UnixSocketError> {
    let system = |source| UnixSocketError::System { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(system(error)),
        Ok(metadata) if !metadata.file_type().is_socket() => {
            return Err(UnixSocketError::NoSocket { path: path.to_owned() });
        }
        Ok(_) => {}
    }
    match UnixStream::connect(path).await {
        Ok(_) => Err(UnixSocketError::InUse { path: path.to_owned() }),
        // Somebody listens, and is too busy to accept.
        Err(error) if error.kind() == ErrorKind::WouldBlock => {
            Err(UnixSocketError::InUse { path: path.to_owned() })
        }
        Err(error) if error.kind() == ErrorKind::ConnectionRefused => {
            tracing::info!(?path, "replacing a socket that nobody listens on");
            fs::remove_file(path).map_err(system)
        }
        Err(error) => Err(system(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> tempfile::TempDir {
        tempfile::tempdir().unwrap()
    }

    #[tokio::test]
    async fn a_socket_is_for_its_user_alone_and_goes_with_its_listener() {
        let folder = folder();
        let path = folder.path().join("t.sock");
        let endpoint = UnixEndpoint::bind(&path, 16).await.unwrap();
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        let (_client, accepted) = tokio::join!(UnixStream::connect(&path), endpoint.accept());
        accepted.unwrap();
        drop(endpoint);
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_stale_socket_is_replaced() {
        let folder = folder();
        let path = folder.path().join("t.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        let endpoint = UnixEndpoint::bind(&path, 16).await.unwrap();
        let (client, _) = tokio::join!(UnixStream::connect(&path), endpoint.accept());
        client.unwrap();
    }

    #[tokio::test]
    async fn a_socket_that_somebody_answers_on_is_left_alone() {
        let folder = folder();
        let path = folder.path().join("t.sock");
        let _first = UnixEndpoint::bind(&path, 16).await.unwrap();
        let second = UnixEndpoint::bind(&path, 16).await;
        assert!(matches!(second, Err(UnixSocketError::InUse { .. })), "{second:?}");
        assert!(path.exists());
    }

    #[tokio::test]
    async fn a_file_or_a_link_is_left_alone() {
        let folder = folder();
        let (file, link) = (folder.path().join("notes"), folder.path().join("link"));
        fs::write(&file, "precious").unwrap();
        std::os::unix::fs::symlink(folder.path().join("nowhere"), &link).unwrap();
        for path in [&file, &link] {
            let outcome = UnixEndpoint::bind(path, 16).await;
            assert!(matches!(outcome, Err(UnixSocketError::NoSocket { .. })), "{outcome:?}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "precious");
    }

    #[tokio::test]
    async fn the_file_of_a_successor_is_not_removed() {
        let folder = folder();
        let path = folder.path().join("t.sock");
        let first = UnixEndpoint::bind(&path, 16).await.unwrap();
        fs::remove_file(&path).unwrap();
        // A file in between, so that the inode is not simply used again.
        fs::write(folder.path().join("other"), "").unwrap();
        let second = UnixEndpoint::bind(&path, 16).await.unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
