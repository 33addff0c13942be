//! The machine of a holder, as it names itself.

use std::collections::BTreeMap;
use std::sync::Arc;

use tenure::v1;
use tenure_core::name::MachineId;
use tenure_core::session::MachineRef;

use super::text::is_longer_than;
use super::violation::Violations;

/// The most characters of a host name.
pub const HOST_MAX_CHARS: usize = 255;
/// The most labels of a machine.
pub const LABELS_MAX: usize = 32;
/// The most characters of a label's key.
pub const LABEL_KEY_MAX_CHARS: usize = 64;
/// The most characters of a label's value.
pub const LABEL_VALUE_MAX_CHARS: usize = 256;

/// A machine; absent when none is named.
pub fn requested(
    machine: Option<v1::MachineRef>,
    violations: &mut Violations,
) -> Option<MachineRef> {
    let v1::MachineRef { machine_id, host, labels } = machine?;
    if machine_id.is_empty() {
        if !host.is_empty() || !labels.is_empty() {
            violations.add("machine.machine_id", "must be given where host or labels are");
        }
        return None;
    }
    if is_longer_than(&host, HOST_MAX_CHARS) {
        violations.add("machine.host", "must be at most 255 characters");
    }
    check_labels("machine.labels", &labels, violations);
    let id = violations.required("machine.machine_id", &machine_id, MachineId::parse)?;
    Some(MachineRef { id, host: Arc::from(host), labels })
}

/// Refuses labels in `field` that no machine can have.
pub fn check_labels(
    field: &'static str,
    labels: &BTreeMap<String, String>,
    violations: &mut Violations,
) {
    let fits = |(key, value): (&String, &String)| {
        !key.is_empty()
            && !is_longer_than(key, LABEL_KEY_MAX_CHARS)
            && !is_longer_than(value, LABEL_VALUE_MAX_CHARS)
    };
    if labels.len() > LABELS_MAX || !labels.iter().all(fits) {
        violations.add(
            field,
            "must be at most 32, with keys of 1 to 64 and values of at most 256 characters",
        );
    }
}

/// A machine, as it is sent.
#[must_use]
pub fn shown(machine: &MachineRef) -> v1::MachineRef {
    v1::MachineRef {
        machine_id: machine.id.as_str().to_owned(),
        host: machine.host.to_string(),
        labels: machine.labels.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(
        id: &str,
        host: &str,
        labels: &[(&str, &str)],
    ) -> Result<Option<MachineRef>, Vec<&'static str>> {
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let machine = v1::MachineRef { machine_id: id.to_owned(), host: host.to_owned(), labels };
        let mut violations = Violations::default();
        let parsed = requested(Some(machine), &mut violations);
        if violations.is_empty() {
            Ok(parsed)
        } else {
            Err(violations.iter().map(|violation| violation.field).collect())
        }
    }

    #[test]
    fn an_empty_machine_is_none() {
        assert_eq!(parse("", "", &[]), Ok(None));
        assert_eq!(requested(None, &mut Violations::default()), None);
    }

    #[test]
    fn host_and_labels_need_a_machine() {
        assert_eq!(parse("", "box", &[]), Err(vec!["machine.machine_id"]));
        assert_eq!(parse("", "", &[("os", "linux")]), Err(vec!["machine.machine_id"]));
    }

    #[test]
    fn every_bound_is_refused_at_once() {
        let long = "x".repeat(300);
        assert_eq!(
            parse("a\u{202E}b", &long, &[("k", &long)]),
            Err(vec!["machine.host", "machine.labels", "machine.machine_id"])
        );
        assert_eq!(parse("m", "", &[("", "v")]), Err(vec!["machine.labels"]));
        let names: Vec<String> = (0..33).map(|n| n.to_string()).collect();
        let labels: Vec<(&str, &str)> = names.iter().map(|name| (&**name, "")).collect();
        assert_eq!(parse("m", "", &labels), Err(vec!["machine.labels"]));
        assert!(parse("m", "", &labels[..32]).is_ok());
    }

    #[test]
    fn a_machine_is_shown_as_it_was_given() {
        let parsed = parse("m-1", "box", &[("os", "linux")]).unwrap().unwrap();
        let back = shown(&parsed);
        assert_eq!(
            (&*back.machine_id, &*back.host, back.labels["os"].as_str()),
            ("m-1", "box", "linux")
        );
    }
}
