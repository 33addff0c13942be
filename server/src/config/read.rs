//! From text to types: parses every setting, checks the bounds, and collects what is wrong.

use std::path::Path;
use std::time::Duration;

use tenure_core::context::LeaseBounds;
use tenure_core::time::Span;

use super::address::{self, ListenAddress, StoreAddress};
use super::error::{Origin, SettingError, SettingErrors};
use super::settings::{self, REGISTRATION_REQUIRED, SETTINGS, Setting};
use super::show::Effective;
use super::source::{Gathered, Given};
use super::value::{self, Kind};
use super::{Config, ConnectionTimes, Limits, Log, LogFormat, RetentionTimes};

/// The default store, under the user's data folder.
const STORE_IN_DATA_FOLDER: &str = "tenure/tenure.db";

/// The most addresses to listen on.
const LISTEN_MAX: usize = 16;

/// Parses all that was gathered.
pub(super) fn config(
    gathered: Gathered,
    data_folder: Option<&Path>,
) -> Result<Config, SettingErrors> {
    let mut reader = Reader { gathered, effective: Effective::default() };
    let config = Config {
        listen: reader.listen("listen"),
        store: reader.store("store", data_folder),
        registration_required: reader.choice("registration") == REGISTRATION_REQUIRED,
        lease: reader.lease_bounds(),
        work_stream_half_life: span(reader.duration("work_streams.half_life")),
        limits: reader.limits(),
        connection: reader.connection_times(),
        drain_deadline: reader.duration("drain.deadline"),
        retention: reader.retention(),
        cache_bytes: reader.bytes("cache.bytes"),
        log: reader.log(),
        effective: Effective::default(),
    };
    let mut errors = reader.gathered.errors;
    if errors.is_empty() {
        return Ok(Config { effective: reader.effective, ..config });
    }
    let place = |error: &SettingError| SETTINGS.iter().position(|s| s.key == error.setting);
    errors.sort_by_key(|error| place(error).unwrap_or(usize::MAX));
    Err(SettingErrors(errors))
}

/// Reads settings one by one. Where one is wrong it records that and answers with a
/// placeholder, which never leaves this module: a configuration with errors is not returned.
struct Reader {
    gathered: Gathered,
    effective: Effective,
}

impl Reader {
    fn lease_bounds(&mut self) -> LeaseBounds {
        let errors_before = self.gathered.errors.len();
        let (min, max) = (self.duration("lease.ttl_min"), self.duration("lease.ttl_max"));
        if min > max && self.gathered.errors.len() == errors_before {
            let problem =
                format!("it is longer than lease.ttl_max, which is {}", value::show_duration(max));
            self.refuse("lease.ttl_min", Some(value::show_duration(min)), problem);
        }
        LeaseBounds { min: span(min), max: span(max) }
    }

    fn limits(&mut self) -> Limits {
        Limits {
            connections: self.count("limits.connections"),
            streams_per_connection: self.count("limits.streams_per_connection"),
            streams: self.count("limits.streams"),
            message_bytes: self.bytes("limits.message_bytes"),
            import_message_bytes: self.bytes("limits.import_message_bytes"),
            request_time: self.duration("limits.request_time"),
            joins_per_stream: self.count("limits.joins_per_stream"),
            watches: self.count("limits.watches"),
            waiters_per_workspace: self.count("limits.waiters_per_workspace"),
        }
    }

    fn connection_times(&mut self) -> ConnectionTimes {
        ConnectionTimes {
            handshake: self.duration("connection.handshake"),
            idle: self.duration("connection.idle"),
            age: self.duration("connection.age"),
            age_grace: self.duration("connection.age_grace"),
            keepalive_interval: self.duration("connection.keepalive_interval"),
            keepalive_timeout: self.duration("connection.keepalive_timeout"),
        }
    }

    fn retention(&mut self) -> RetentionTimes {
        RetentionTimes {
            event_age: self.duration("retention.event_age"),
            event_count: self.count("retention.event_count"),
            important_event_age: self.duration("retention.important_event_age"),
            ledger_age: self.duration("retention.ledger_age"),
        }
    }

    /// One of the words that the setting accepts.
    fn choice(&mut self, key: &'static str) -> String {
        self.one(
            key,
            |text| match settings::setting(key).map(|setting| setting.kind) {
                Some(Kind::Choice(words)) => value::parse_choice(text, words),
                _ => Ok(text.to_owned()),
            },
            String::clone,
        )
        .unwrap_or_default()
    }

    fn log(&mut self) -> Log {
        let filter = self.one("log.filter", value::parse_filter, String::clone);
        let format = self.choice("log.format");
        let json = format == "json";
        Log {
            filter: filter.unwrap_or_default(),
            format: if json { LogFormat::Json } else { LogFormat::Text },
        }
    }

    fn duration(&mut self, key: &'static str) -> Duration {
        let parse = |text: &str| match settings::setting(key).map(|setting| setting.kind) {
            Some(Kind::Duration { min, max }) => value::parse_duration(text, min, max),
            _ => Err("the setting is no duration".to_owned()),
        };
        self.one(key, parse, |value| value::show_duration(*value)).unwrap_or_default()
    }

    fn count<T: TryFrom<u64> + Default>(&mut self, key: &'static str) -> T {
        let parse = |text: &str| match settings::setting(key).map(|setting| setting.kind) {
            Some(Kind::Count { min, max }) => value::parse_count(text, min, max),
            _ => Err("the setting is no count".to_owned()),
        };
        let value = self.one(key, parse, u64::to_string).unwrap_or_default();
        T::try_from(value).unwrap_or_default()
    }

    fn bytes<T: TryFrom<u64> + Default>(&mut self, key: &'static str) -> T {
        let parse = |text: &str| match settings::setting(key).map(|setting| setting.kind) {
            Some(Kind::Bytes { min, max }) => value::parse_bytes(text, min, max),
            _ => Err("the setting is no size".to_owned()),
        };
        let value = self.one(key, parse, |value| value::show_bytes(*value)).unwrap_or_default();
        T::try_from(value).unwrap_or_default()
    }

    fn listen(&mut self, key: &'static str) -> Vec<ListenAddress> {
        let given = self.given(key);
        if given.texts.is_empty() || given.texts.len() > LISTEN_MAX {
            let problem = format!("there must be 1 to {LISTEN_MAX} addresses");
            self.refuse(key, None, problem);
        }
        let mut addresses = Vec::new();
        for text in given.texts {
            match address::parse_listen(&text) {
                Ok(address) if addresses.contains(&address) && !any_port(&address) => {
                    self.refuse(key, Some(text), "it is given twice".to_owned());
                }
                Ok(address) => addresses.push(address),
                Err(problem) => self.refuse(key, Some(text), problem),
            }
        }
        let shown = addresses.iter().map(ToString::to_string).collect();
        self.effective.push_list(key, shown, given.origin);
        addresses
    }

    fn store(&mut self, key: &'static str, data_folder: Option<&Path>) -> StoreAddress {
        let placeholder = StoreAddress::Sqlite { path: "-".into(), in_data_folder: false };
        if self.gathered.given.contains_key(key) {
            return self.one(key, address::parse_store, ToString::to_string).unwrap_or(placeholder);
        }
        let Some(folder) = data_folder else {
            let problem = "the user's data folder is not known, because HOME is not set";
            self.refuse(key, None, problem.to_owned());
            return placeholder;
        };
        let path = folder.join(STORE_IN_DATA_FOLDER);
        let store = StoreAddress::Sqlite { path, in_data_folder: true };
        self.effective.push(key, store.to_string(), Origin::Default);
        store
    }

    /// Reads a setting that takes one value.
    fn one<T>(
        &mut self,
        key: &'static str,
        parse: impl FnOnce(&str) -> Result<T, String>,
        show: impl FnOnce(&T) -> String,
    ) -> Option<T> {
        let given = self.given(key);
        // Without a text it was refused where it was read.
        let text = given.texts.last()?;
        match parse(text) {
            Ok(value) => {
                self.effective.push(key, show(&value), given.origin);
                Some(value)
            }
            Err(problem) => {
                self.refuse(key, Some(text.clone()), problem);
                None
            }
        }
    }

    fn given(&self, key: &str) -> Given {
        self.gathered.given.get(key).cloned().unwrap_or_else(|| {
            let default = settings::setting(key).and_then(|setting| setting.default);
            Given {
                texts: default.map(str::to_owned).into_iter().collect(),
                origin: Origin::Default,
            }
        })
    }

    fn refuse(&mut self, key: &'static str, value: Option<String>, problem: String) {
        let accepted = settings::setting(key).map(|setting: &Setting| setting.kind.accepted());
        let origin = self.given(key).origin;
        self.gathered.errors.push(SettingError {
            setting: key.to_owned(),
            value,
            origin,
            problem,
            accepted: accepted.unwrap_or_default(),
        });
    }
}

/// Whether the system chooses the port, so that the same address twice is two addresses.
fn any_port(address: &ListenAddress) -> bool {
    matches!(address, ListenAddress::Tcp(address) if address.port() == 0)
}

fn span(duration: Duration) -> Span {
    Span(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX))
}
