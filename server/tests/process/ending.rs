//! How the process ends, and what it leaves behind.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};

use rustix::process::Signal;

use crate::harness::{PATIENCE, World, text};

/// A client that says enough of HTTP/2 to be one, and then nothing, so that it does not let go
/// when it is asked to.
fn mute_client(address: SocketAddr) -> TcpStream {
    const EMPTY_SETTINGS: [u8; 9] = [0, 0, 0, 4, 0, 0, 0, 0, 0];
    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];
    let mut client = TcpStream::connect(address).unwrap();
    client.set_read_timeout(Some(PATIENCE)).unwrap();
    client.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n").unwrap();
    client.write_all(&EMPTY_SETTINGS).unwrap();
    client.write_all(&PING).unwrap();
    // The ping's answer says that the server has understood all of it.
    let mut received = Vec::new();
    while !received.ends_with(&PING[9..]) {
        let mut byte = [0];
        client.read_exact(&mut byte).unwrap();
        received.extend(byte);
    }
    client
}

#[test]
fn a_second_signal_ends_a_drain_that_waits() {
    let world = World::new();
    let mut server = world.start(&[
        "--listen=127.0.0.1:0",
        "--drain-deadline=10m",
        "--connection-handshake=5m",
        "--connection-keepalive-interval=1h",
    ]);
    let _client = mute_client(server.tcp_address());
    server.signal(Signal::INT);
    assert_eq!(server.told(), "STOPPING=1");
    server.signal(Signal::TERM);
    let (code, log) = server.end();
    assert_eq!(code, 0, "{log}");
    assert!(log.contains("ending at once signal=\"SIGTERM\""), "{log}");
}

#[test]
fn a_unix_socket_is_private_replaces_a_stale_one_and_goes_with_the_process() {
    let world = World::new();
    let socket = world.path("t.sock");
    drop(UnixListener::bind(&socket).unwrap());
    let listen = format!("unix:{}", socket.display());
    let server = world.start(&["--listen", &listen, "--store=sqlite:one.db"]);
    assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o600);
    UnixStream::connect(&socket).unwrap();

    let second = world.run(&["--listen", &listen, "--store=sqlite:two.db"]);
    assert_eq!(second.status.code(), Some(1));
    let errors = text(&second.stderr);
    assert!(errors.contains("another process is listening there"), "{errors}");

    server.signal(Signal::TERM);
    assert_eq!(server.end().0, 0);
    assert!(!socket.exists());
}

#[test]
fn a_server_that_has_drained_leaves_its_store_to_the_next_one() {
    let world = World::new();
    for _ in 0..2 {
        let server = world.start(&["--listen=127.0.0.1:0", "--store=sqlite:t.db"]);
        server.signal(Signal::TERM);
        assert_eq!(server.end().0, 0);
        assert!(!world.path("t.db-wal").exists(), "closed in good order");
        fs::remove_file(world.path("notify")).unwrap();
    }
}
