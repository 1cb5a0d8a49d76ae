//! Runs proxy-wasm modules on one request and prints what became of it.

mod report;

use clap::{Args, CommandFactory, FromArgMatches, Parser, ValueEnum, error::ErrorKind};
use host_test::{Filter, LogLine, Proxy, Value, request};
use report::Report;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Runs proxy-wasm modules on one request and prints what became of it.
///
/// The modules are the filters of one chain, in this order, in a host that does what Envoy does. No Envoy, no network and
/// no clock: time stands at 2026-01-01T00:00:00Z, and calls that a filter makes are listed, not sent.
#[derive(Parser)]
#[command(name = "host-test", version, after_long_help = EXAMPLES)]
#[command(override_usage = "host-test [OPTIONS] MODULE... -- METHOD URL [-H 'NAME: VALUE']... [-d BODY]")]
struct Arguments {
    /// The modules: WebAssembly, or its text form
    #[arg(value_name = "MODULE", required = true)]
    modules: Vec<PathBuf>,

    /// A file with the plug-in configuration: once for all modules, or once for each in their order
    #[arg(short, long, value_name = "FILE")]
    config: Vec<PathBuf>,

    /// A file with the VM's configuration, for all modules
    #[arg(long, value_name = "FILE")]
    vm_config: Option<PathBuf>,

    /// The root id, for all modules; Istio's pluginName
    #[arg(long, value_name = "ID", default_value = "")]
    root_id: String,

    /// An attribute; a dot inside a name is written \. and a value that is JSON after := (ports need no :=)
    #[arg(short, long, value_name = "PATH=VALUE")]
    property: Vec<String>,

    /// How to print
    #[arg(short, long, value_enum, default_value_t = Output::Text, value_name = "FORMAT")]
    output: Output,

    /// Refuse modules that import hostcalls which the host does not know
    #[arg(long)]
    strict: bool,

    /// The request: METHOD URL [-H 'NAME: VALUE']... [-d BODY]
    #[arg(last = true, required = true, value_name = "REQUEST", allow_hyphen_values = true)]
    request: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  host-test header-router.wasm --config routes.json -- GET http://reviews:9080/reviews/1 -H 'end-user: jason'
  host-test a.wasm b.wasm --config a.json --config b.json --output json -- POST http://cart/items -d '{\"id\": 1}'
  host-test m.wasm --property xds.node.metadata.NAMESPACE=default --property 'request.size:=17' -- GET http://cart/

Output as JSON has the fields method, scheme, authority, path, headers (of the request that leaves, as [[name, value], ...]),
body, changes {added, removed, changed}, reply (null or {status, headers, body, details}), paused, filter_state (by Envoy's
keys), route_cache_clears, automatic_route_cache_clears, calls, metrics, log and fuel (about one unit for each instruction).

Exit status: 0 the request went through the chain, whatever the filters did with it; 1 an input is wrong: a file cannot be
read, a module or its configuration is refused; 2 the usage is wrong.";

#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Output {
    /// For people; coloured on a terminal
    Text,
    /// For programs
    Json,
}

/// What stands behind `--`.
#[derive(Args)]
struct RequestLine {
    #[arg(value_name = "METHOD")]
    method: String,
    #[arg(value_name = "URL")]
    url: String,
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    headers: Vec<String>,
    #[arg(short = 'd', long = "data", value_name = "BODY")]
    body: Option<String>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    match run(&arguments) {
        Ok(report) => print(&report, arguments.output),
        Err(Wrong::Usage(error)) => error.exit(),
        Err(Wrong::Input(message)) => {
            eprintln!("{message}");
            ExitCode::from(1)
        }
    }
}

/// Why there is nothing to report.
enum Wrong {
    Input(String),
    Usage(clap::Error),
}

fn usage(message: impl std::fmt::Display) -> Wrong {
    Wrong::Usage(Arguments::command().error(ErrorKind::ValueValidation, message))
}

fn run(arguments: &Arguments) -> Result<Report, Wrong> {
    let line = RequestLine::augment_args(clap::Command::new("REQUEST").no_binary_name(true));
    let line = line.override_usage("... -- METHOD URL [-H 'NAME: VALUE']... [-d BODY]");
    let line =
        line.try_get_matches_from(&arguments.request).and_then(|matches| RequestLine::from_arg_matches(&matches));
    let line = line.map_err(Wrong::Usage)?;
    let properties = arguments.property.iter().map(|text| attribute(text)).collect::<Result<Vec<_>, _>>()?;
    let mut request = request(&line.method, &line.url);
    for header in &line.headers {
        let (name, value) = header.split_once(':').ok_or_else(|| usage(format!("header `{header}` has no colon")))?;
        request = request.header(name.trim(), value.trim());
    }
    if let Some(body) = &line.body {
        request = request.body(body.as_str());
    }
    let mut builder = Proxy::of(filters(arguments)?);
    for (path, value) in properties {
        builder = builder.property(path, value);
    }
    if arguments.strict {
        builder = builder.strict();
    }
    let mut proxy = builder.try_start().map_err(|refusal| {
        let log: String = refusal.log().iter().map(|line| format!("{}\n", LogLine::to_string(line))).collect();
        Wrong::Input(format!("{log}{} refused: {}", refusal.filter(), refusal.reason()))
    })?;
    let exchange = proxy.send(request);
    let exchange = proxy.finish(exchange);
    Ok(Report::new(&proxy, &exchange))
}

fn filters(arguments: &Arguments) -> Result<Vec<Filter>, Wrong> {
    let (modules, given) = (arguments.modules.len(), arguments.config.len());
    if given > 1 && given != modules {
        return Err(usage(format!("{given} configurations for {modules} modules: give one, or one for each")));
    }
    let configurations = arguments.config.iter().map(|file| read(file)).collect::<Result<Vec<_>, _>>()?;
    let vm_configuration = arguments.vm_config.as_deref().map(read).transpose()?.unwrap_or_default();
    let filter = |(place, module): (usize, &PathBuf)| {
        let name = module.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let configuration = configurations.get(place).or(configurations.first()).cloned().unwrap_or_default();
        let filter = Filter::from_bytes(read(module)?).named(&name).root_id(&arguments.root_id);
        Ok(filter.configured(configuration).vm_configuration(vm_configuration.clone()))
    };
    arguments.modules.iter().enumerate().map(filter).collect()
}

fn read(file: &Path) -> Result<Vec<u8>, Wrong> {
    std::fs::read(file).map_err(|error| Wrong::Input(format!("{}: {error}", file.display())))
}

/// `path=value` or `path:=json`.
fn attribute(text: &str) -> Result<(Vec<String>, Value), Wrong> {
    let (path, value) = text.split_once('=').ok_or_else(|| usage(format!("property `{text}` has no =")))?;
    let (path, json) = path.strip_suffix(':').map_or((path, false), |path| (path, true));
    let path: Vec<String> = path.replace("\\.", "\0").split('.').map(|part| part.replace('\0', ".")).collect();
    let is_port = matches!(&path[..], [_, last] if last == "port");
    if !json && !is_port {
        return Ok((path, value.into()));
    }
    let number = |number: &serde_json::Number| {
        number
            .as_i64()
            .map(Value::Int)
            .or_else(|| number.as_u64().map(Value::Uint))
            .or_else(|| number.as_f64().map(Value::Double))
    };
    let value = match serde_json::from_str(value) {
        Ok(serde_json::Value::Number(it)) => number(&it),
        Ok(serde_json::Value::Bool(it)) => Some(it.into()),
        Ok(serde_json::Value::String(it)) => Some(it.into()),
        _ => None,
    };
    Ok((path, value.ok_or_else(|| usage(format!("property `{text}`: not a number, true, false or a JSON string")))?))
}

fn print(report: &Report, output: Output) -> ExitCode {
    let mut out = std::io::stdout().lock();
    let colours = out.is_terminal() && std::env::var_os("NO_COLOR").is_none();
    let text = match output {
        Output::Text => report.text(colours),
        Output::Json => format!("{:#}\n", report.json()),
    };
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        // A reader that has seen enough is no error.
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => {
            eprintln!("standard output: {error}");
            ExitCode::from(1)
        }
        _ => ExitCode::SUCCESS,
    }
}
