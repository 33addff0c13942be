//! Where values come from: flags over variables over the file.
//!
//! Here values are still text. What cannot even be text of a known setting (an unknown key, a
//! file that is no TOML) is recorded as an error, beside what could be read.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command};

use super::error::{LoadError, Origin, SettingError};
use super::settings::{self, FILE_VARIABLE, SETTINGS, Setting};
use super::value::Kind;
use super::{Action, Surroundings};

mod file;

/// The flag that names the configuration file.
const FILE_FLAG: &str = "config";

/// The subcommand that checks.
const CHECK_CONFIG: &str = "check-config";

/// What a setting was given.
#[derive(Debug, Clone)]
pub(super) struct Given {
    /// The values as written; several only where several are allowed.
    pub texts: Vec<String>,
    /// Where they came from.
    pub origin: Origin,
}

/// All that was given, by key, and what could not be read.
#[derive(Debug, Default)]
pub(super) struct Gathered {
    pub given: BTreeMap<&'static str, Given>,
    pub errors: Vec<SettingError>,
}

/// The parsed arguments.
pub(super) struct Flags {
    pub action: Action,
    matches: ArgMatches,
}

impl Flags {
    pub(super) fn parse(arguments: &[OsString]) -> Result<Self, LoadError> {
        let matches = grammar()
            .try_get_matches_from(arguments)
            .map_err(|error| LoadError::Usage(Box::new(error)))?;
        match matches.subcommand() {
            Some((CHECK_CONFIG, inner)) => {
                Ok(Self { action: Action::CheckConfig, matches: inner.clone() })
            }
            _ => Ok(Self { action: Action::Serve, matches }),
        }
    }

    fn values(&self, id: &str) -> Option<Vec<&OsStr>> {
        if self.matches.value_source(id) != Some(ValueSource::CommandLine) {
            return None;
        }
        let values = self.matches.get_many::<OsString>(id)?;
        Some(values.map(OsString::as_os_str).collect())
    }
}

/// Gathers what was given, each setting from the first source that names it.
pub(super) fn gather(flags: &Flags, surroundings: &Surroundings<'_>) -> Gathered {
    let mut gathered = Gathered::default();
    for setting in SETTINGS {
        gathered.take_flag(setting, flags);
        gathered.take_variable(setting, surroundings);
    }
    gathered.refuse_unknown_variables(surroundings);
    if let Some((path, origin)) = file_path(flags, surroundings) {
        file::gather(&path, &origin, surroundings, &mut gathered);
    }
    gathered
}

impl Gathered {
    /// Records what one source says, unless an earlier one has spoken.
    fn offer(&mut self, setting: &'static Setting, values: &[&OsStr], origin: Origin) {
        if self.given.contains_key(setting.key) {
            return;
        }
        let mut texts = Vec::with_capacity(values.len());
        for value in values {
            match value.to_str() {
                Some(text) => texts.push(text.to_owned()),
                None => self.errors.push(SettingError {
                    setting: setting.key.to_owned(),
                    value: Some(value.to_string_lossy().into_owned()),
                    origin: origin.clone(),
                    problem: "it is not valid UTF-8".to_owned(),
                    accepted: setting.kind.accepted(),
                }),
            }
        }
        // Also if a value was refused: a lower source must not speak in its place.
        self.given.insert(setting.key, Given { texts, origin });
    }

    fn take_flag(&mut self, setting: &'static Setting, flags: &Flags) {
        if let Some(values) = flags.values(setting.key) {
            self.offer(setting, &values, Origin::Flag(setting.flag()));
        }
    }

    fn take_variable(&mut self, setting: &'static Setting, surroundings: &Surroundings<'_>) {
        let name = setting.variable();
        let Some(value) = surroundings.variables.get(OsStr::new(&name)) else { return };
        // An empty variable is how a shell or a unit file takes one back.
        if value.is_empty() {
            return;
        }
        let split: Vec<&OsStr>;
        let values = match (setting.kind, value.to_str()) {
            (Kind::Listen, Some(text)) => {
                split = text.split(',').map(|part| OsStr::new(part.trim())).collect();
                split.as_slice()
            }
            _ => &[value.as_os_str()],
        };
        self.offer(setting, values, Origin::Variable(name));
    }

    /// A misspelt variable of ours would silently do nothing. Those outside our sections may
    /// be meant for other programs of the service.
    fn refuse_unknown_variables(&mut self, surroundings: &Surroundings<'_>) {
        for name in surroundings.variables.keys() {
            let Some(name) = name.to_str() else { continue };
            let known = SETTINGS.iter().any(|setting| setting.variable() == name);
            if !known && settings::variable_of_a_section(name) {
                self.errors.push(SettingError {
                    setting: name.to_owned(),
                    value: None,
                    origin: Origin::Variable(name.to_owned()),
                    problem: "no setting has this variable".to_owned(),
                    accepted: "the variables that tenured --help lists".to_owned(),
                });
            }
        }
    }
}

fn file_path(flags: &Flags, surroundings: &Surroundings<'_>) -> Option<(PathBuf, Origin)> {
    if let Some(value) = flags.values(FILE_FLAG).and_then(|values| values.first().copied()) {
        return Some((Path::new(value).to_owned(), Origin::Flag(FILE_FLAG.to_owned())));
    }
    let value = surroundings.variables.get(OsStr::new(FILE_VARIABLE))?;
    if value.is_empty() {
        return None;
    }
    Some((PathBuf::from(value), Origin::Variable(FILE_VARIABLE.to_owned())))
}

/// The grammar of the arguments, made from the table of settings.
fn grammar() -> Command {
    let mut command = Command::new("tenured")
        .version(env!("CARGO_PKG_VERSION"))
        .about("Serves tenure, a lease service for workspaces.")
        .after_help(
            "Every setting is a flag, a variable and a key of the file: --drain-deadline 10s,\n\
             TENURE_DRAIN_DEADLINE=10s, and deadline = \"10s\" under [drain]. Flags win over\n\
             variables, variables over the file. TENURE_CONFIG names the file as --config does.",
        )
        .subcommand(
            Command::new(CHECK_CONFIG)
                .about("Prints the configuration that would be used, or all that is wrong with it"),
        )
        .arg(
            Arg::new(FILE_FLAG)
                .long(FILE_FLAG)
                .value_name("FILE")
                .value_parser(clap::value_parser!(OsString))
                .global(true)
                .help("A TOML file with settings"),
        );
    for setting in SETTINGS {
        command = command.arg(argument(setting));
    }
    command
}

fn argument(setting: &Setting) -> Arg {
    let action = match setting.kind {
        Kind::Listen => ArgAction::Append,
        _ => ArgAction::Set,
    };
    let default = setting.default.unwrap_or("a SQLite file in the user's data folder");
    let mut argument = Arg::new(setting.key)
        .long(setting.flag())
        .value_name(setting.kind.placeholder())
        .value_parser(clap::value_parser!(OsString))
        .action(action)
        .global(true)
        .help(format!("{} [default: {default}]", setting.help));
    if !setting.section().is_empty() {
        let mut heading = setting.section().to_owned();
        heading[..1].make_ascii_uppercase();
        argument = argument.help_heading(heading);
    }
    argument
}
