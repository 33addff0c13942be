use std::io::ErrorKind;

use super::settings::{SETTINGS, setting};
use super::*;

/// A stand for the outside world: variables, and one file at `/etc/tenured.toml`.
#[derive(Default)]
struct World {
    arguments: Vec<&'static str>,
    variables: Vec<(&'static str, &'static str)>,
    file: Option<String>,
    homeless: bool,
}

const FILE: &str = "/etc/tenured.toml";

impl World {
    fn arguments(arguments: &[&'static str]) -> Self {
        Self { arguments: arguments.to_vec(), ..Self::default() }
    }

    fn variables(variables: &[(&'static str, &'static str)]) -> Self {
        Self { variables: variables.to_vec(), ..Self::default() }
    }

    fn file(text: &str) -> Self {
        Self { file: Some(text.to_owned()), ..Self::default() }
    }

    fn load(&self) -> Result<(Action, Config), LoadError> {
        let mut arguments = vec![OsString::from("tenured")];
        if self.file.is_some() {
            arguments.extend(["--config", FILE].map(OsString::from));
        }
        arguments.extend(self.arguments.iter().map(OsString::from));
        let read_file = |path: &Path| match (&self.file, path.to_str()) {
            (Some(text), Some(FILE)) => Ok(text.clone()),
            _ => Err(io::Error::from(ErrorKind::NotFound)),
        };
        let variables = self.variables.iter();
        Config::load(
            &arguments,
            &Surroundings {
                variables: variables.map(|(name, value)| (name.into(), value.into())).collect(),
                data_folder: (!self.homeless).then(|| "/home/ada/.local/share".into()),
                read_file: &read_file,
            },
        )
    }

    fn config(&self) -> Config {
        self.load().unwrap().1
    }

    /// What is wrong, one text for each error.
    fn errors(&self) -> Vec<String> {
        match self.load() {
            Err(LoadError::Settings(errors)) => errors.0.iter().map(ToString::to_string).collect(),
            other => panic!("{other:?}"),
        }
    }

    /// The one thing that is wrong.
    fn error(&self) -> String {
        let errors = self.errors();
        assert_eq!(errors.len(), 1, "{errors:?}");
        errors[0].clone()
    }
}

#[test]
fn with_nothing_at_all_it_serves_on_loopback_from_the_data_folder() {
    let (action, config) = World::default().load().unwrap();
    assert_eq!(action, Action::Serve);
    assert_eq!(config.listen, [ListenAddress::Tcp("127.0.0.1:7420".parse().unwrap())]);
    let path = "/home/ada/.local/share/tenure/tenure.db".into();
    assert_eq!(config.store, StoreAddress::Sqlite { path, in_data_folder: true });
    assert_eq!(config.lease, LeaseBounds::default());
    assert_eq!(config.limits.message_bytes, 1 << 20);
    assert_eq!(config.drain_deadline, Duration::from_secs(10));
}

#[test]
fn without_a_home_only_the_default_store_is_missing() {
    let homeless = World { homeless: true, ..World::default() };
    let error = homeless.error();
    assert!(error.starts_with("store: the user's data folder is not known"), "{error}");
    assert!(error.ends_with("accepted: sqlite:PATH"), "{error}");

    let told = World { homeless: true, ..World::arguments(&["--store", "sqlite:/srv/t.db"]) };
    let path = "/srv/t.db".into();
    assert_eq!(told.config().store, StoreAddress::Sqlite { path, in_data_folder: false });
}

#[test]
fn flags_win_over_variables_and_variables_over_the_file() {
    let file = "[drain]\ndeadline = \"1s\"\n[log]\nformat = \"json\"\n[cache]\nbytes = 1048576\n";
    let mut world = World::file(file);
    world.variables = vec![("TENURE_DRAIN_DEADLINE", "2s"), ("TENURE_LOG_FORMAT", "text")];
    world.arguments = vec!["--drain-deadline", "3s"];
    let config = world.config();
    assert_eq!(config.drain_deadline, Duration::from_secs(3));
    assert_eq!(config.log.format, LogFormat::Text);
    assert_eq!(config.cache_bytes, 1 << 20);
    let shown = config.effective.to_string();
    assert!(shown.contains("deadline = \"3s\"  # flag --drain-deadline\n"), "{shown}");
    assert!(shown.contains("format = \"text\"  # variable TENURE_LOG_FORMAT\n"), "{shown}");
    assert!(shown.contains("bytes = \"1MiB\"  # file \"/etc/tenured.toml\", line 6\n"), "{shown}");
    assert!(shown.contains("filter = \"info\"  # default\n"), "{shown}");
}

#[test]
fn a_list_is_replaced_as_a_whole_by_a_higher_source() {
    let mut world = World::file("listen = [\"127.0.0.1:1\", \"unix:/run/t.sock\"]");
    assert_eq!(world.config().listen.len(), 2);
    world.variables = vec![("TENURE_LISTEN", "127.0.0.1:2, [::1]:2")];
    assert_eq!(world.config().listen[1], ListenAddress::Tcp("[::1]:2".parse().unwrap()));
    world.arguments = vec!["--listen", "unix:/run/u.sock"];
    assert_eq!(world.config().listen, [ListenAddress::Unix("/run/u.sock".into())]);
}

#[test]
fn a_bad_value_of_a_higher_source_is_not_replaced_by_a_lower_one() {
    let mut world = World::file("[drain]\ndeadline = \"1s\"");
    world.variables = vec![("TENURE_DRAIN_DEADLINE", "soon")];
    assert_eq!(
        world.error(),
        "drain.deadline: \"soon\" is refused, it is not a duration (from variable \
         TENURE_DRAIN_DEADLINE); accepted: a duration from 0s to 10m, such as 500ms, 10s or 1h 30m"
    );
}

#[test]
fn an_empty_variable_says_nothing() {
    let world = World::variables(&[("TENURE_DRAIN_DEADLINE", ""), ("TENURE_CONFIG", "")]);
    assert_eq!(world.config().drain_deadline, Duration::from_secs(10));
}

#[test]
fn every_setting_is_read_and_the_effective_configuration_is_a_file_that_says_the_same() {
    let mut world = World::arguments(&[
        "--listen=127.0.0.1:1",
        "--listen=unix:/run/t.sock",
        "--store=sqlite:/srv/\u{1b}\"t.db",
        "--connection-age=1h 30m",
        "--retention-event-count=12345",
        "--log-filter=info,tenured=debug",
    ]);
    let first = world.config();
    let shown = first.effective.to_string();
    for setting in SETTINGS {
        assert!(shown.contains(&format!("{} = ", setting.name())), "{} in {shown}", setting.key);
    }
    world = World::file(&shown);
    let second = world.config();
    assert_eq!(Config { effective: first.effective.clone(), ..second }, first);
}

#[test]
fn every_default_is_within_its_own_bounds_and_has_a_sentence_of_help() {
    for setting in SETTINGS {
        assert!(setting.default.is_some() || setting.key == "store", "{}", setting.key);
        assert!(!setting.help.ends_with('.') && setting.help.len() > 10, "{}", setting.key);
    }
    World::default().config();
}

/// Each bad setting, and what its error must say.
const BAD: &[(&str, &str, &str)] = &[
    ("listen", "0.0.0.0:7420", "without access control"),
    ("listen", "[::]:7420", "without access control"),
    ("listen", "192.168.0.7:7420", "because everybody who can reach it may do everything"),
    ("listen", "[::ffff:192.168.0.7]:7420", "without access control"),
    ("listen", "localhost:7420", "no IP address with a port"),
    ("listen", "127.0.0.1", "no IP address with a port"),
    ("listen", "127.0.0.1:99999", "no IP address with a port"),
    ("listen", "unix:", "the path is empty"),
    ("listen", "unix:@abstract", "has no permissions"),
    ("listen", "unix:/run/", "that of a folder"),
    ("listen", "", "no IP address with a port"),
    ("store", "etcd:http://127.0.0.1:2379", "etcd is not supported by this version"),
    ("store", "/srv/t.db", "names no kind of store"),
    ("store", "sqlite:", "the path is empty"),
    ("lease.ttl_min", "999ms", "too small"),
    ("lease.ttl_max", "25h", "too large"),
    ("lease.ttl_min", "soon", "not a duration"),
    ("lease.ttl_min", "1s 1us", "finer than a millisecond"),
    ("registration", "closed", "one of open, required"),
    ("work_streams.half_life", "999ms", "too small"),
    ("limits.connections", "0", "too small"),
    ("limits.connections", "65537", "too large"),
    ("limits.connections", "-1", "not a whole number"),
    ("limits.connections", "many", "not a whole number"),
    ("limits.connections", "99999999999999999999999", "not a whole number"),
    ("limits.message_bytes", "4MB", "not a size"),
    ("limits.message_bytes", "17MiB", "too large"),
    ("limits.message_bytes", "99999999999TiB", "too large"),
    ("limits.request_time", "30", "a duration needs a unit"),
    ("drain.deadline", "11m", "too large"),
    ("retention.event_count", "999", "too small"),
    ("cache.bytes", "1KiB", "too small"),
    ("log.filter", "tenured=loud", "cannot be understood"),
    ("log.filter", " ", "it is empty"),
    ("log.format", "xml", "none of the words"),
];

#[test]
fn each_bad_value_is_refused_with_setting_value_origin_problem_and_accepted_form() {
    for (key, value, problem) in BAD {
        let setting = setting(key).unwrap();
        let flag: &'static str = format!("--{}={value}", setting.flag()).leak();
        let error = World::arguments(&[flag]).error();
        assert!(error.starts_with(&format!("{key}: {value:?} is refused, ")), "{error}");
        assert!(error.contains(problem), "{error} should say {problem}");
        assert!(error.contains(&format!("(from flag --{})", setting.flag())), "{error}");
        let accepted = format!("; accepted: {}", setting.kind.accepted());
        assert!(error.ends_with(&accepted), "{error}");
    }
}

#[test]
fn every_bound_is_refused_just_outside() {
    for setting in SETTINGS {
        let outside = match setting.kind {
            value::Kind::Count { min, max } => [(min - 1).to_string(), (max + 1).to_string()],
            value::Kind::Bytes { min, max } => [(min - 1).to_string(), (max + 1).to_string()],
            value::Kind::Duration { min, max } => [
                min.checked_sub(Duration::from_millis(1))
                    .map_or("-1s".to_owned(), value::show_duration),
                value::show_duration(max + Duration::from_millis(1)),
            ],
            _ => continue,
        };
        for text in outside {
            let flag: &'static str = format!("--{}={text}", setting.flag()).leak();
            let error = World::arguments(&[flag]).error();
            assert!(error.starts_with(setting.key), "{error}");
        }
    }
}

#[test]
fn all_that_is_wrong_is_reported_at_once() {
    let mut world = World::file(
        "liste = \"x\"\n\
         [limits]\n\
         connections = true\n\
         conections = 1\n\
         [limit]\n\
         streams = 5\n\
         [log]\n\
         format = \"xml\"\n",
    );
    world.variables = vec![("TENURE_CACHE_BYTES", "1"), ("TENURE_DRAIN_DEADLIN", "1s")];
    world.arguments = vec!["--listen", "0.0.0.0:1", "--lease-ttl-min", "2h", "--lease-ttl-max=1h"];
    let errors = world.errors();
    let of = |line: usize| format!("(from file \"/etc/tenured.toml\", line {line})");
    let expected = [
        ("listen: \"0.0.0.0:1\" is refused", "(from flag --listen)".to_owned()),
        ("lease.ttl_min: \"2h\" is refused, it is longer than lease.ttl_max", String::new()),
        ("limits.connections: it is a truth value", of(3)),
        ("cache.bytes: \"1\" is refused", "(from variable TENURE_CACHE_BYTES)".to_owned()),
        ("log.format: \"xml\" is refused", of(8)),
        ("TENURE_DRAIN_DEADLIN: no setting has this variable", String::new()),
        ("limit: there is no such setting", of(5)),
        ("limits.conections: there is no such setting", of(4)),
        ("liste: there is no such setting", of(1)),
    ];
    for (start, origin) in &expected {
        let found = errors.iter().any(|e| e.starts_with(start) && e.contains(origin));
        assert!(found, "{start} {origin} in {errors:#?}");
    }
    assert_eq!(errors.len(), expected.len(), "{errors:#?}");
    let order: Vec<_> = expected[..5].iter().map(|(start, _)| *start).collect();
    for (error, start) in errors.iter().zip(order) {
        assert!(error.starts_with(start), "{error} before {start}");
    }
}

#[test]
fn the_known_names_are_shown_where_one_is_unknown() {
    let error = World::file("[drain]\ndead = 1").error();
    assert!(error.ends_with("accepted: deadline"), "{error}");
    let error = World::file("drain = 1").error();
    assert!(
        error.contains("it is a section") && error.contains("[drain] with deadline"),
        "{error}"
    );
    let error = World::file("[listen]\nx = 1").error();
    assert!(error.starts_with("listen: it is a table"), "{error}");
}

#[test]
fn a_file_that_is_missing_or_no_toml_is_an_error_that_names_it() {
    let error = World::variables(&[("TENURE_CONFIG", "/nowhere.toml")]).error();
    assert!(error.starts_with("config: \"/nowhere.toml\" is refused, the file cannot be read"));
    assert!(error.contains("(from variable TENURE_CONFIG)"), "{error}");
    let errors = World::file("[log]\nformat = \n").errors();
    assert!(errors.iter().any(|e| e.starts_with("config: the file is not TOML")), "{errors:?}");
    assert!(errors.iter().any(|e| e.contains("line 2")), "{errors:?}");
}

#[test]
fn hostile_values_and_keys_are_shown_escaped_and_cut() {
    let error = World::arguments(&["--store=\u{1b}[31m\u{202e}evil\n"]).error();
    assert!(error.contains(r#""\u{1b}[31m\u{202e}evil\n""#), "{error}");
    let long: &'static str = format!("--store={}", "x".repeat(10_000)).leak();
    assert!(World::arguments(&[long]).error().len() < 400);
    let error = World::file("\"\\u001b[2J\" = 1").error();
    assert!(error.starts_with(r#""\u{1b}[2J": there is no such setting"#), "{error}");
}

#[test]
fn a_value_that_is_no_text_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let variables = [("TENURE_STORE".into(), OsString::from_vec(b"sqlite:/\xff".to_vec()))];
    let outcome = Config::load(
        &["tenured".into()],
        &Surroundings {
            variables: variables.into(),
            data_folder: Some("/data".into()),
            read_file: &|_| Err(io::Error::from(ErrorKind::NotFound)),
        },
    );
    let Err(LoadError::Settings(errors)) = outcome else { panic!("{outcome:?}") };
    assert_eq!(errors.0.len(), 1);
    assert!(errors.to_string().contains("store: "), "{errors}");
    assert!(errors.to_string().contains("not valid UTF-8"), "{errors}");
}

#[test]
fn addresses_are_refused_when_doubled_or_too_many() {
    let twice = World::variables(&[("TENURE_LISTEN", "127.0.0.1:1,127.0.0.1:1")]);
    assert!(twice.error().contains("it is given twice"));
    World::variables(&[("TENURE_LISTEN", "127.0.0.1:0,127.0.0.1:0")]).config();
    let many: &'static str = vec!["127.0.0.1:0"; 17].join(",").leak();
    assert!(World::variables(&[("TENURE_LISTEN", many)]).error().contains("1 to 16 addresses"));
    assert!(World::file("listen = []").error().contains("1 to 16 addresses"));
}

#[test]
fn unknown_flags_and_extra_words_are_usage_errors() {
    for arguments in [&["--lisen=x"][..], &["frobnicate"], &["--store"], &["check-config", "x"]] {
        let outcome = World::arguments(arguments).load();
        assert!(matches!(outcome, Err(LoadError::Usage(_))), "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn check_config_takes_the_same_flags_on_either_side() {
    for arguments in
        [&["check-config", "--drain-deadline=3s"][..], &["--drain-deadline=3s", "check-config"]]
    {
        let (action, config) = World::arguments(arguments).load().unwrap();
        assert_eq!(action, Action::CheckConfig);
        assert_eq!(config.drain_deadline, Duration::from_secs(3));
    }
}

#[test]
fn help_lists_every_flag_with_its_default() {
    let outcome = World::arguments(&["--help"]).load();
    let Err(LoadError::Usage(help)) = outcome else { panic!("{outcome:?}") };
    let help = help.to_string();
    for setting in SETTINGS {
        assert!(help.contains(&format!("--{} ", setting.flag())), "{} in {help}", setting.key);
        if let Some(default) = setting.default {
            assert!(help.contains(&format!("[default: {default}]")), "{}", setting.key);
        }
    }
}

#[test]
fn values_are_shown_in_the_form_that_is_accepted() {
    let ms = Duration::from_millis;
    for (value, shown) in [
        (ms(0), "0s"),
        (ms(1), "1ms"),
        (ms(90_500), "1m 30s 500ms"),
        (ms(86_400_000 * 365), "365d"),
    ] {
        assert_eq!(value::show_duration(value), shown);
        assert_eq!(value::parse_duration(shown, ms(0), Duration::MAX), Ok(value));
    }
    for (value, shown) in [(0, "0"), (1_023, "1023"), (1_024, "1KiB"), (3 << 30, "3GiB")] {
        assert_eq!(value::show_bytes(value), shown);
        assert_eq!(value::parse_bytes(shown, 0, u64::MAX), Ok(value));
    }
}
