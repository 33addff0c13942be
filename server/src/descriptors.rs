//! Room for connections: each takes a file descriptor, and systems allow few by default.

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

/// What the store, the listeners and the runtime need besides connections.
const RESERVE: u64 = 128;

/// Raises the process's own limit of open files as far as connections may need it.
pub fn make_room(connections: u32) {
    let needed = u64::from(connections) + RESERVE;
    let limit = getrlimit(Resource::Nofile);
    // No limit at all is absent.
    let (Some(current), maximum) = (limit.current, limit.maximum) else { return };
    if current >= needed {
        return;
    }
    let raised = maximum.map_or(needed, |maximum| needed.min(maximum));
    if let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: Some(raised), maximum }) {
        tracing::warn!(current, needed, ?error, "cannot raise the limit of open files");
    } else if raised < needed {
        tracing::warn!(
            open_files = raised,
            needed,
            "the system allows fewer open files than limits.connections may need"
        );
    }
}
