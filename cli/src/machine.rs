//! Which machine this is, as it is told to the service with starts and takeovers.

use std::fs;

use tenure::v1::MachineRef;

/// The most characters of a host name that the contract accepts.
const HOST_MAX_CHARS: usize = 255;

/// This machine: its stable id, or its host name where it has none. `None` where neither is
/// known.
#[must_use]
pub fn this_machine() -> Option<MachineRef> {
    let id = fs::read_to_string("/etc/machine-id").unwrap_or_default();
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    machine_ref(&id, &host)
}

fn machine_ref(id: &str, host: &str) -> Option<MachineRef> {
    let host: String =
        host.trim().chars().filter(|c| !c.is_control()).take(HOST_MAX_CHARS).collect();
    // A file that says `uninitialized` is a machine that has no id yet.
    let known = id.trim();
    let usable = known.len() == 32 && known.bytes().all(|b| b.is_ascii_hexdigit());
    let machine_id = if usable { known.to_owned() } else { host.clone() };
    if machine_id.is_empty() {
        return None;
    }
    Some(MachineRef { machine_id, host, ..MachineRef::default() })
}

#[cfg(test)]
mod tests {
    use super::machine_ref;

    #[test]
    fn a_machine_is_named_by_its_id_and_else_by_its_host() {
        let id = "0123456789abcdef0123456789abcdef";
        let named = machine_ref(&format!("{id}\n"), "build-7").unwrap();
        assert_eq!((named.machine_id.as_str(), named.host.as_str()), (id, "build-7"));
        let fresh = machine_ref("uninitialized\n", "build-7").unwrap();
        assert_eq!(fresh.machine_id, "build-7");
        assert_eq!(machine_ref("", ""), None);
    }
}
