//! The one table of settings: flags, variables, keys of the file and help are made from it.

use std::time::Duration;

use super::value::Kind;

/// The variable that names the configuration file, as `--config` does.
pub const FILE_VARIABLE: &str = "TENURE_CONFIG";

/// What every variable of a setting begins with.
const VARIABLE_PREFIX: &str = "TENURE_";

/// One setting.
#[derive(Debug)]
pub(super) struct Setting {
    /// Its key in the file, `section.name`, or a bare name at the top.
    pub key: &'static str,
    /// What values it takes.
    pub kind: Kind,
    /// Its value when nothing is said, in the form that is accepted; absent if it is computed.
    pub default: Option<&'static str>,
    /// What it is for, for people.
    pub help: &'static str,
}

impl Setting {
    /// The flag, without its dashes.
    pub(super) fn flag(&self) -> String {
        self.key.replace(['.', '_'], "-")
    }

    /// The environment variable.
    pub(super) fn variable(&self) -> String {
        format!("{VARIABLE_PREFIX}{}", self.key.replace('.', "_").to_uppercase())
    }

    /// The section that the key is in; empty at the top.
    pub(super) fn section(&self) -> &'static str {
        self.key.split_once('.').map_or("", |(section, _)| section)
    }

    /// The key within its section.
    pub(super) fn name(&self) -> &'static str {
        self.key.split_once('.').map_or(self.key, |(_, name)| name)
    }
}

/// The setting of this key.
pub(super) fn setting(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// Whether a variable can only be meant for this server: it begins as those of a section do.
pub(super) fn variable_of_a_section(name: &str) -> bool {
    SETTINGS.iter().any(|setting| {
        let prefix = format!("{VARIABLE_PREFIX}{}_", setting.section().to_uppercase());
        !setting.section().is_empty() && name.starts_with(&prefix)
    })
}

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

const fn duration(min_ms: u64, max_s: u64) -> Kind {
    Kind::Duration { min: Duration::from_millis(min_ms), max: Duration::from_secs(max_s) }
}

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;
const DAY: u64 = 24 * HOUR;

/// How workspaces come into being.
const REGISTRATION: &[&str] = &["open", REGISTRATION_REQUIRED];
/// Only by being registered.
pub(super) const REGISTRATION_REQUIRED: &str = "required";

/// Every setting, in the order in which people read them.
pub(super) const SETTINGS: &[Setting] = &[
    Setting {
        key: "listen",
        kind: Kind::Listen,
        default: Some("127.0.0.1:7420"),
        help: "Where to listen; may be given several times (in the variable: separated by commas)",
    },
    Setting { key: "store", kind: Kind::Store, default: None, help: "What keeps the state" },
    Setting {
        key: "registration",
        kind: Kind::Choice(REGISTRATION),
        default: Some(REGISTRATION[0]),
        help: "Whether a workspace comes into being with its first use, or must be registered",
    },
    Setting {
        key: "lease.ttl_min",
        kind: duration(1_000, DAY),
        default: Some("1s"),
        help: "The shortest lease that is granted",
    },
    Setting {
        key: "lease.ttl_max",
        kind: duration(1_000, DAY),
        default: Some("24h"),
        help: "The longest lease that is granted",
    },
    Setting {
        key: "work_streams.half_life",
        kind: duration(1_000, 30 * DAY),
        default: Some("15m"),
        help: "In how much time the score of a work stream halves",
    },
    Setting {
        key: "limits.connections",
        kind: Kind::Count { min: 1, max: 65_536 },
        default: Some("4096"),
        help: "Connections at a time; one more is closed at once",
    },
    Setting {
        key: "limits.streams_per_connection",
        kind: Kind::Count { min: 1, max: 100_000 },
        default: Some("10000"),
        help: "Concurrent calls of one connection; clients hold further ones back",
    },
    Setting {
        key: "limits.streams",
        kind: Kind::Count { min: 1, max: 1_000_000 },
        default: Some("50000"),
        help: "Open streams at a time, of all connections together",
    },
    Setting {
        key: "limits.message_bytes",
        kind: Kind::Bytes { min: 128 * KIB, max: 16 * MIB },
        default: Some("1MiB"),
        help: "The largest message that is received",
    },
    Setting {
        key: "limits.import_message_bytes",
        kind: Kind::Bytes { min: 2 * MIB, max: 64 * MIB },
        default: Some("4MiB"),
        help: "The largest message with files to import that is received",
    },
    Setting {
        key: "limits.request_time",
        kind: duration(100, 10 * MINUTE),
        default: Some("30s"),
        help: "How long a call may take until it is answered",
    },
    Setting {
        key: "limits.joins_per_stream",
        kind: Kind::Count { min: 1, max: 100_000 },
        default: Some("10000"),
        help: "Sessions joined on one heartbeat stream",
    },
    Setting {
        key: "limits.watches",
        kind: Kind::Count { min: 1, max: 100_000 },
        default: Some("1000"),
        help: "Open watches at a time",
    },
    Setting {
        key: "limits.waiters_per_workspace",
        kind: Kind::Count { min: 1, max: 100_000 },
        default: Some("1000"),
        help: "How many may wait for one workspace",
    },
    Setting {
        key: "connection.handshake",
        kind: duration(100, 5 * MINUTE),
        default: Some("10s"),
        help: "How long a client may take to send its HTTP/2 preface",
    },
    Setting {
        key: "connection.idle",
        kind: duration(1_000, 30 * DAY),
        default: Some("10m"),
        help: "How long a connection may be without a call before the client is asked to go",
    },
    Setting {
        key: "connection.age",
        kind: duration(1_000, 30 * DAY),
        default: Some("2h"),
        help: "How old a connection may become before the client is asked to go, give or take 10 %",
    },
    Setting {
        key: "connection.age_grace",
        kind: duration(100, DAY),
        default: Some("10m"),
        help: "How long a connection may go on after its client was asked to go",
    },
    Setting {
        key: "connection.keepalive_interval",
        kind: duration(1_000, HOUR),
        default: Some("20s"),
        help: "How often clients are pinged",
    },
    Setting {
        key: "connection.keepalive_timeout",
        kind: duration(1_000, HOUR),
        default: Some("10s"),
        help: "How long a client may take to answer a ping, or to read any of what it is sent",
    },
    Setting {
        key: "drain.deadline",
        kind: duration(0, 10 * MINUTE),
        default: Some("10s"),
        help: "How long shutting down may take before what is left is cut",
    },
    Setting {
        key: "retention.event_age",
        kind: duration(60_000, 3_650 * DAY),
        default: Some("30d"),
        help: "How long ordinary events are kept",
    },
    Setting {
        key: "retention.event_count",
        kind: Kind::Count { min: 1_000, max: 1_000_000_000 },
        default: Some("1000000"),
        help: "How many ordinary events are kept",
    },
    Setting {
        key: "retention.important_event_age",
        kind: duration(60_000, 3_650 * DAY),
        default: Some("365d"),
        help: "How long forced takeovers and transfers are kept in the event log",
    },
    Setting {
        key: "retention.ledger_age",
        kind: duration(60_000, 3_650 * DAY),
        default: Some("90d"),
        help: "How long the ledger keeps ended sessions",
    },
    Setting {
        key: "cache.bytes",
        kind: Kind::Bytes { min: MIB, max: 1_024 * GIB },
        default: Some("256MiB"),
        help: "How much memory the cache of workspaces may use",
    },
    Setting {
        key: "log.filter",
        kind: Kind::Filter,
        default: Some("info"),
        help: "What is logged",
    },
    Setting {
        key: "log.format",
        kind: Kind::Choice(&["text", "json"]),
        default: Some("text"),
        help: "The form of the log",
    },
];
