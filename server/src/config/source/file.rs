//! The configuration file: TOML, in which every key must be a known setting.

use std::ffi::OsStr;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::super::Surroundings;
use super::super::error::{Origin, SettingError};
use super::super::settings::{self, SETTINGS, Setting};
use super::super::value::Kind;
use super::Gathered;

/// The largest file that is read, in bytes.
const FILE_BYTES_MAX: usize = 1 << 20;

/// Reads the file into what was gathered; `named_by` is where its path came from.
pub(super) fn gather(
    path: &Path,
    named_by: &Origin,
    surroundings: &Surroundings<'_>,
    gathered: &mut Gathered,
) {
    let whole = |problem: String| SettingError {
        setting: "config".to_owned(),
        value: Some(path.display().to_string()),
        origin: named_by.clone(),
        problem,
        accepted: "a readable TOML file".to_owned(),
    };
    let text = match (surroundings.read_file)(path) {
        Ok(text) if text.len() <= FILE_BYTES_MAX => text,
        Ok(_) => return gathered.errors.push(whole("the file is larger than 1 MiB".to_owned())),
        Err(error) => {
            return gathered.errors.push(whole(format!("the file cannot be read: {error}")));
        }
    };
    let file = File { path, text: &text };
    let (table, errors) = DeTable::parse_recoverable(&text);
    for error in errors {
        gathered.errors.push(SettingError {
            setting: "config".to_owned(),
            value: None,
            origin: file.origin(error.span()),
            problem: format!("the file is not TOML: {}", error.message().escape_debug()),
            accepted: "a readable TOML file".to_owned(),
        });
    }
    for (key, value) in table.get_ref() {
        file.take(key, value, gathered);
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

impl File<'_> {
    /// A key at the top: a setting, or a section.
    fn take(&self, key: &Key<'_>, value: &Value<'_>, gathered: &mut Gathered) {
        let name = key.get_ref().as_ref();
        let is_section = SETTINGS.iter().any(|setting| setting.section() == name);
        match value.get_ref() {
            DeValue::Table(inner) if is_section => {
                for (key, value) in inner {
                    let full = format!("{name}.{}", key.get_ref());
                    self.take_setting(&full, key, value, gathered);
                }
            }
            _ if is_section => gathered.errors.push(SettingError {
                setting: name.to_owned(),
                value: None,
                origin: self.origin(Some(key.span())),
                problem: "it is a section, not a setting".to_owned(),
                accepted: format!("[{name}] with {}", names_in(name)),
            }),
            _ => self.take_setting(name, key, value, gathered),
        }
    }

    fn take_setting(&self, full: &str, key: &Key<'_>, value: &Value<'_>, gathered: &mut Gathered) {
        let origin = self.origin(Some(key.span()));
        let Some(setting) = settings::setting(full) else {
            let section = full.split_once('.').map_or("", |(section, _)| section);
            return gathered.errors.push(SettingError {
                setting: full.to_owned(),
                value: None,
                origin,
                problem: "there is no such setting".to_owned(),
                accepted: names_in(section),
            });
        };
        match texts(setting, value.get_ref()) {
            Ok(texts) => {
                let texts: Vec<&OsStr> = texts.iter().map(OsStr::new).collect();
                gathered.offer(setting, &texts, origin);
            }
            Err(problem) => gathered.errors.push(SettingError {
                setting: full.to_owned(),
                value: None,
                origin,
                problem,
                accepted: setting.kind.accepted(),
            }),
        }
    }

    fn origin(&self, span: Option<Range<usize>>) -> Origin {
        let line = span.map(|span| {
            let before = self.text.get(..span.start).unwrap_or(self.text);
            1 + before.bytes().filter(|byte| *byte == b'\n').count()
        });
        Origin::File { path: PathBuf::from(self.path), line }
    }
}

type Key<'a> = Spanned<std::borrow::Cow<'a, str>>;
type Value<'a> = Spanned<DeValue<'a>>;

/// The value as it would be written in a flag.
fn texts(setting: &Setting, value: &DeValue<'_>) -> Result<Vec<String>, String> {
    match (setting.kind, value) {
        (Kind::Listen, DeValue::Array(items)) => {
            items.iter().map(|item| text(item.get_ref())).collect()
        }
        _ => Ok(vec![text(value)?]),
    }
}

fn text(value: &DeValue<'_>) -> Result<String, String> {
    match value {
        DeValue::String(text) => Ok(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Ok(number.as_str().to_owned()),
        DeValue::Integer(_) => Err("it is not a decimal number".to_owned()),
        DeValue::Float(_) => Err("it is a fraction".to_owned()),
        DeValue::Boolean(_) => Err("it is a truth value".to_owned()),
        DeValue::Datetime(_) => Err("it is a date".to_owned()),
        DeValue::Array(_) => Err("it is a list".to_owned()),
        DeValue::Table(_) => Err("it is a table".to_owned()),
    }
}

/// The names that a section takes.
fn names_in(section: &str) -> String {
    let mut names: Vec<&str> =
        SETTINGS.iter().filter(|setting| setting.section() == section).map(Setting::name).collect();
    if section.is_empty() {
        names.extend(SETTINGS.iter().map(Setting::section).filter(|name| !name.is_empty()));
    }
    names.dedup();
    names.join(", ")
}
