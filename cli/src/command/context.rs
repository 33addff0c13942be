//! `tenure context`: names servers, and chooses among them.

use clap::{Args, Subcommand};

use crate::arguments::Global;
use crate::contexts::{Contexts, Named};
use crate::failure::Failure;
use crate::output::table::Table;
use crate::output::{json, note};
use crate::servers;

const EXAMPLES: &str = "\
Examples:
  tenure context set staging --server http://10.0.0.5:7420
  tenure context use staging
  tenure context list";

/// Names servers, and chooses among them.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct Context {
    #[command(subcommand)]
    action: Action,
}

#[derive(Debug, Subcommand)]
enum Action {
    /// List the named contexts
    List,
    /// Use a context from now on
    Use {
        /// Name of the context
        #[arg(value_name = "NAME")]
        name: String,
    },
    /// Create or change a context, with the servers that --server names
    Set {
        /// Name of the context
        #[arg(value_name = "NAME")]
        name: String,
    },
}

/// Runs the command.
///
/// # Errors
/// When a context is not known, or the file cannot be read or written.
pub fn run(context: Context, global: &Global) -> Result<(), Failure> {
    let mut contexts = Contexts::load()?;
    match context.action {
        Action::List => list(&contexts, global),
        Action::Use { name } => {
            contexts.get(&name)?;
            note(&format!("using context {name} from now on"));
            contexts.current = Some(name);
            contexts.save()
        }
        Action::Set { name } => set(contexts, name, global),
    }
}

fn set(mut contexts: Contexts, name: String, global: &Global) -> Result<(), Failure> {
    if global.server.is_empty() {
        return Err(Failure::usage("a context needs a server")
            .with_hint("tenure context set <name> --server http://HOST:PORT"));
    }
    servers::parse(&global.server)?;
    let first = contexts.contexts.is_empty() && contexts.current.is_none();
    contexts.contexts.insert(name.clone(), Named { servers: global.server.clone() });
    if first {
        note(&format!("using context {name} from now on, since it is the first"));
        contexts.current = Some(name);
    }
    contexts.save()
}

fn list(contexts: &Contexts, global: &Global) -> Result<(), Failure> {
    let output = global.output();
    if output.is_json() {
        return output.print(&json::document_of(contexts)?);
    }
    let mut table = Table::new(output, &["in use", "name", "servers"]);
    for (name, named) in &contexts.contexts {
        let mark = if contexts.current.as_ref() == Some(name) { "*" } else { "" };
        table.add(&[mark.to_owned(), name.clone(), named.servers.join(", ")]);
    }
    output.print(&table.render())
}
