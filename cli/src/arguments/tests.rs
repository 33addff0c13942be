use clap::CommandFactory as _;
use clap::error::ErrorKind;

use super::*;

fn parse(line: &str) -> Result<Arguments, ErrorKind> {
    let words = line.split_whitespace();
    Arguments::try_parse_from(["tenure"].into_iter().chain(words)).map_err(|error| error.kind())
}

#[test]
fn the_command_line_is_consistent() {
    Arguments::command().debug_assert();
}

#[test]
fn every_flag_of_every_command_says_what_it_does() {
    fn check(command: &clap::Command) {
        for argument in command.get_arguments() {
            let named = format!("{} {}", command.get_name(), argument.get_id());
            assert!(argument.get_help().is_some(), "{named} has no help");
        }
        command.get_subcommands().for_each(check);
    }
    check(&Arguments::command());
}

#[test]
fn every_command_that_names_a_workspace_takes_a_profile() {
    for command in Arguments::command().get_subcommands() {
        let has = |id: &str| command.get_arguments().any(|argument| argument.get_id() == id);
        assert_eq!(has("workspace"), has("profile"), "{}", command.get_name());
    }
}

#[test]
fn the_lines_of_the_contract_parse() {
    for line in [
        "start w",
        "start w --actor a --lease 60s --owner-kind runtime_supervisor --supervisor s --mode research",
        "start w --actor a --lease 60s --instance i --supersede --profile p",
        "hold w --actor a --lease 30s --kill-after 5s -- cmd --flag -x",
        "heartbeat w --actor a --session ses_1 --activity text",
        "takeover w --actor a --reason r --lease 30s --supervisor s --expect-session ses_1",
        "takeover w --interactive --reason r",
        "takeover w --actor a --reason r --force --expect-session ses_1 --grace 30s --dry-run",
        "takeover w --interactive --reason r --force --expect-session ses_1 -y",
        "cancel-takeover w",
        "yield w --actor a --session ses_1",
        "clear w --actor a --session ses_1 --reason r",
        "status w --actor a --profile p",
        "list --stale --owner a --machine m --prefix acme/ --supervisor s --watch",
        "watch --from 01J:7 --prefix p --owner a --type session_started,session_ended",
        "history w --limit 5 --follow",
        "ledger",
        "ledger w --profile p --since 7d --owner a --cause force_taken_over --limit 5",
        "ledger --session ses_1",
        "ledger --prefix acme --since 30d --totals --supervisor s --machine m",
        "machine list",
        "machine list --state lost --machine m --host h --label a=b --label c=d --cordoned",
        "machine list --uncordoned -o wide",
        "machine cordon m --reason r",
        "machine uncordon m --reason r",
        "machine forget m",
        "fence check w 42 --profile p",
        "import --workspace w a.json b.json",
        "import --workspace w --profile p a.json --dry-run",
        "import --map map.toml --dry-run",
        "admin info",
        "admin whoami",
        "admin drain",
        "context list",
        "context use n",
        "context set n --server http://h:1",
        "completion bash",
        "version",
        "status w -o json --timeout 1m --no-color --context c --server http://a:1 --server unix:/b",
    ] {
        assert!(parse(line).is_ok(), "{line}: {:?}", parse(line).err());
    }
}

#[test]
fn senseless_combinations_are_refused() {
    use ErrorKind::{
        ArgumentConflict, DisplayHelpOnMissingArgumentOrSubcommand, InvalidValue,
        MissingRequiredArgument, UnknownArgument, ValueValidation,
    };
    for (line, kind) in [
        ("start w --actor a", MissingRequiredArgument),
        ("start w --lease 30s", MissingRequiredArgument),
        ("start w --owner-kind runtime_worker", MissingRequiredArgument),
        ("start w --actor a --lease 30", ValueValidation),
        ("start w --actor a --lease 30s --supersede", MissingRequiredArgument),
        ("start w --mode sleeping", InvalidValue),
        ("hold w --actor a --lease 30s", MissingRequiredArgument),
        ("hold w --lease 30s -- true", MissingRequiredArgument),
        ("takeover w --reason r", MissingRequiredArgument),
        ("takeover w --actor a", MissingRequiredArgument),
        ("takeover w --actor a --interactive --reason r", ArgumentConflict),
        ("takeover w --interactive --lease 30s --reason r", ArgumentConflict),
        ("takeover w --actor a --reason r --force", MissingRequiredArgument),
        ("takeover w --actor a --reason r --grace 30s", MissingRequiredArgument),
        ("takeover w --actor a --reason r --dry-run", MissingRequiredArgument),
        ("ledger w --session ses_1", ArgumentConflict),
        ("ledger --session ses_1 --totals", ArgumentConflict),
        ("ledger --session ses_1 --limit 5", ArgumentConflict),
        ("ledger --totals --limit 5", ArgumentConflict),
        ("ledger --profile p", MissingRequiredArgument),
        ("ledger --cause expired", ValueValidation),
        ("ledger --since 0s", ValueValidation),
        ("machine", DisplayHelpOnMissingArgumentOrSubcommand),
        ("machine cordon", MissingRequiredArgument),
        ("machine forget m --reason r", UnknownArgument),
        ("machine list --state gone", InvalidValue),
        ("machine list --label zone", ValueValidation),
        ("machine list --cordoned --uncordoned", ArgumentConflict),
        ("fence check w", MissingRequiredArgument),
        ("import", MissingRequiredArgument),
        ("import a.json", MissingRequiredArgument),
        ("import --workspace w", MissingRequiredArgument),
        ("import --map m.toml --workspace w a.json", ArgumentConflict),
        ("import --map m.toml --profile p", ArgumentConflict),
        ("fence check w 0", ValueValidation),
        ("fence check w -1", UnknownArgument),
        ("watch --type birthday", ValueValidation),
        ("watch --from 7", ValueValidation),
        ("status w -o xml", InvalidValue),
    ] {
        assert_eq!(parse(line).err(), Some(kind), "{line}");
    }
}

#[test]
fn what_follows_the_dashes_belongs_to_the_command_that_hold_runs() {
    let parsed = parse("hold w --actor a --lease 30s -- cmd --profile x -- y").unwrap();
    let Command::Hold(hold) = parsed.command else { panic!("{:?}", parsed.command) };
    assert_eq!(hold.command(), ["cmd", "--profile", "x", "--", "y"]);
}
