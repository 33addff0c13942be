//! Which servers a command talks to: flags before environment before context before default.

use std::env;

use tenure::Endpoints;

use crate::arguments::Global;
use crate::contexts::Contexts;
use crate::failure::Failure;

/// The server meant when none is given.
pub const DEFAULT_SERVER: &str = "http://127.0.0.1:7420";

/// What the environment says about servers.
#[derive(Debug, Default)]
struct Environment {
    servers: Option<String>,
    context: Option<String>,
}

/// Chooses the servers.
///
/// # Errors
/// When a context is named that does not exist, its file cannot be read, or a server is not of
/// an accepted form.
pub fn choose(global: &Global) -> Result<Endpoints, Failure> {
    let set = |name| env::var(name).ok().filter(|value| !value.is_empty());
    let environment = Environment { servers: set("TENURE_SERVER"), context: set("TENURE_CONTEXT") };
    parse(&chosen(global, &environment, Contexts::load)?)
}

/// Reads servers as people write them.
///
/// # Errors
/// A usage failure with the accepted forms.
pub fn parse(servers: &[String]) -> Result<Endpoints, Failure> {
    let wrong = |error: tenure::Error| Failure::usage(error.to_string());
    let all =
        servers.iter().map(|server| server.parse()).collect::<Result<_, _>>().map_err(wrong)?;
    Endpoints::new(all).map_err(wrong)
}

fn chosen(
    global: &Global,
    environment: &Environment,
    contexts: impl FnOnce() -> Result<Contexts, Failure>,
) -> Result<Vec<String>, Failure> {
    if !global.server.is_empty() {
        return Ok(global.server.clone());
    }
    if let (None, Some(servers)) = (&global.context, &environment.servers) {
        let servers = split(servers);
        if servers.is_empty() {
            return Err(Failure::usage("TENURE_SERVER names no server")
                .with_hint("write http://HOST:PORT or unix:PATH, or unset it"));
        }
        return Ok(servers);
    }
    let contexts = contexts()?;
    let name =
        global.context.as_ref().or(environment.context.as_ref()).or(contexts.current.as_ref());
    match name {
        None => Ok(vec![DEFAULT_SERVER.to_owned()]),
        Some(name) => {
            let servers = &contexts.get(name)?.servers;
            if servers.is_empty() {
                return Err(Failure::usage(format!("the context {name} names no server")));
            }
            Ok(servers.clone())
        }
    }
}

fn split(servers: &str) -> Vec<String> {
    servers
        .split(',')
        .map(str::trim)
        .filter(|server| !server.is_empty())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;
    use crate::arguments::Arguments;
    use crate::contexts::Named;

    fn with(arguments: &[&str], environment: &Environment, current: Option<&str>) -> Vec<String> {
        let arguments = ["tenure", "version"].iter().chain(arguments);
        let global = Arguments::try_parse_from(arguments).unwrap().global;
        let named = |server: &str| Named { servers: vec![server.to_owned()] };
        let contexts = Contexts {
            current: current.map(str::to_owned),
            contexts: [
                ("prod".to_owned(), named("http://prod:1")),
                ("test".to_owned(), named("http://test:1")),
            ]
            .into(),
        };
        chosen(&global, environment, || Ok(contexts)).unwrap()
    }

    #[test]
    fn flags_win_over_environment_over_context_over_default() {
        let none = Environment::default();
        let all = Environment {
            servers: Some("http://env:1, unix:/run/t".to_owned()),
            context: Some("test".to_owned()),
        };
        let context_only = Environment { servers: None, context: Some("test".to_owned()) };
        assert_eq!(with(&[], &none, None), [DEFAULT_SERVER]);
        assert_eq!(with(&[], &none, Some("prod")), ["http://prod:1"]);
        assert_eq!(with(&[], &context_only, Some("prod")), ["http://test:1"]);
        assert_eq!(with(&[], &all, Some("prod")), ["http://env:1", "unix:/run/t"]);
        assert_eq!(with(&["--context", "prod"], &all, None), ["http://prod:1"]);
        let flag = ["--context", "prod", "--server", "http://a:1,http://b:1"];
        assert_eq!(with(&flag, &all, None), ["http://a:1", "http://b:1"]);
    }

    #[test]
    fn a_server_of_another_form_is_refused_with_the_accepted_ones() {
        assert!(parse(&["http://127.0.0.1:7420".to_owned(), "unix:/run/t".to_owned()]).is_ok());
        let failure = parse(&["localhost:7420".to_owned()]).unwrap_err();
        assert_eq!(failure.exit().code(), 2);
        assert!(failure.to_string().contains("unix:PATH"), "{failure}");
    }
}
