//! The command line: what can be asked, and what is printed.

mod counts;
mod render;
mod simulate;
mod test;
mod up;

use crate::manifests::{World, load};
use clap::{Args, Parser, Subcommand, ValueEnum};
use serin_modules::Module;
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

/// Canary rules of Istio for any Envoy.
///
/// VirtualService (or RouteRule), DestinationRule, Service, ServiceEntry, Gateway and what runs pods, as people write them
/// for Istio, are all that Serin needs; everything else passes. Exit status: 0 all is well, 1 the input is wrong or a
/// scenario failed, 2 the usage is wrong.
#[derive(Debug, Parser)]
#[command(name = "serin", version, max_term_width = 100)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Up(up::Up),
    Test(test::Test),
    Simulate(simulate::Simulate),
    #[command(subcommand)]
    Render(render::Render),
}

/// Whether a command found everything in order.
enum Finding {
    Right,
    Wrong,
}

type CommandResult = Result<Finding, Box<dyn Error>>;

/// Runs the command that the process was called with.
pub fn main() -> ExitCode {
    let done = match Cli::parse().command {
        Command::Up(up) => up.run(),
        Command::Test(test) => test.run(),
        Command::Simulate(simulate) => simulate.run(),
        Command::Render(render) => render.run(),
    };
    match done {
        Ok(Finding::Right) => ExitCode::SUCCESS,
        Ok(Finding::Wrong) => ExitCode::FAILURE,
        // Who reads our output has read enough.
        Err(error) if is_broken_pipe(&*error) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "{error}");
            ExitCode::FAILURE
        }
    }
}

fn is_broken_pipe(error: &(dyn Error + 'static)) -> bool {
    error.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// The manifests, and who calls.
#[derive(Debug, Args)]
struct Manifests {
    /// Manifests: YAML files of one document or many, directories of them, `-` for the standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Namespace for manifests without one, and of the calling workload
    #[arg(long, default_value = "default", value_name = "NAME")]
    namespace: String,

    /// A label of the workload that calls through the mesh, for rules with sourceLabels; may be repeated
    #[arg(long = "label", value_name = "KEY=VALUE", value_parser = label)]
    labels: Vec<(String, String)>,
}

impl Manifests {
    fn read(&self) -> Result<World, Box<dyn Error>> {
        let world = World::parse(&self.namespace, &load(&self.files)?)?;
        for note in &world.notes {
            writeln!(io::stderr(), "note: {note}")?;
        }
        Ok(world)
    }

    fn source(&self) -> Source {
        Source { namespace: Some(self.namespace.clone()), labels: BTreeMap::from_iter(self.labels.clone()) }
    }
}

fn label(text: &str) -> Result<(String, String), String> {
    let (key, value) = text.split_once('=').ok_or_else(|| format!("{text} is not KEY=VALUE"))?;
    Ok((key.to_owned(), value.to_owned()))
}

/// The filters.
#[derive(Debug, Args)]
struct Filters {
    /// The filters, in the order in which a request meets them; `canary` does alone what the chain
    /// header-router,subset-picker,shadow-mirror does
    #[arg(long, value_delimiter = ',', value_name = "NAMES", value_parser = module, default_value = "canary")]
    filters: Vec<Module>,
}

fn module(name: &str) -> Result<Module, String> {
    Module::named(name).ok_or_else(|| format!("the filters are {}", Module::ALL.map(Module::name).join(", ")))
}

/// The Envoy that is started.
#[derive(Debug, Args)]
struct EnvoyArgs {
    /// How many workers Envoy has
    #[arg(long, default_value_t = 2, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=64))]
    concurrency: u32,

    /// Envoy's binary [default: $ENVOY, else the PATH's, else the one that `make setup` installs]
    #[arg(long, value_name = "PATH")]
    envoy: Option<PathBuf>,
}

/// For whom the output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Output {
    /// A table, for people
    Table,
    /// JSON, for programs
    Json,
}

fn runtime() -> io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()
}
