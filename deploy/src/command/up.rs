//! `serin up`.

use super::counts::Counts;
use super::{CommandResult, EnvoyArgs, Filters, Finding, Manifests, Output, runtime};
use crate::manifests::{CLUSTER_DOMAIN, PortProtocol, Service, World};
use crate::pocket::{Options, Pocket};
use crate::render::ListenerName;
use clap::Args;
use console::Term;
use serde_json::{Value, json};
use serin_traffic::names::gateway::MESH;
use serin_traffic::names::host::{domain, full_name};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A pocket cluster: a real Envoy with the filters, an echo server for each pod, and a live table of who got what
///
/// The cluster listens on 127.0.0.1 only, at ports that the system gives and the first table shows. What the filters log
/// is shown as it comes: a canary that loses its share, answers that differ. Ctrl-C stops it.
#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    envoy: EnvoyArgs,

    /// A table for people, or a line of JSON for the listeners, one for each change and one for what a filter logs
    #[arg(long, value_enum, default_value = "table")]
    output: Output,
}

/// How often the table on a terminal is drawn.
const DRAW: Duration = Duration::from_millis(250);

/// How often a line is written where nobody watches, at most.
const LINE: Duration = Duration::from_secs(2);

impl Up {
    pub(super) fn run(self) -> CommandResult {
        let world = self.manifests.read()?;
        let options = Options {
            modules: self.filters.filters,
            concurrency: self.envoy.concurrency,
            envoy: self.envoy.envoy,
            source: self.manifests.source(),
            gateway: None,
        };
        runtime()?.block_on(up(&world, &options, self.output))
    }
}

async fn up(world: &World, options: &Options, output: Output) -> CommandResult {
    let mut stop = Stop::new()?;
    let mut pocket = tokio::select! {
        pocket = Pocket::start(world, options) => pocket?,
        () = stop.asked() => return Ok(Finding::Right),
    };
    for warning in pocket.warnings() {
        writeln!(io::stderr(), "warning: {warning}")?;
    }
    let shown = show_listeners(world, &pocket, output);
    let watched = match shown {
        Ok(()) => watch(world, &mut pocket, &mut stop, output).await,
        Err(error) => Err(error),
    };
    let log = pocket.envoy().log();
    pocket.stop().await;
    match watched? {
        Ended::Asked => Ok(Finding::Right),
        Ended::Envoy => Err(format!("envoy ended; its log says:\n{log}").into()),
    }
}

fn show_listeners(world: &World, pocket: &Pocket, output: Output) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match output {
        Output::Table => {
            let mut table = crate::table::table(["gateway", "port", "url", "try"]);
            for (name, address) in pocket.listeners() {
                let url = format!("http://{address}");
                table.add_row([name.gateway.clone(), name.port.to_string(), url, example(world, name, *address)]);
            }
            writeln!(out, "{table}")?;
            writeln!(out, "what is counted: http://{}/stats/prometheus", pocket.envoy().admin())?;
            writeln!(out, "ctrl-C stops everything")?;
        }
        Output::Json => {
            let listener = |(name, address): (&ListenerName, &SocketAddr)| json!({"gateway": name.gateway, "port": name.port, "url": format!("http://{address}")});
            let listeners: Value = pocket.listeners().iter().map(listener).collect();
            let admin = format!("http://{}", pocket.envoy().admin());
            writeln!(out, "{}", json!({"listeners": listeners, "admin": admin}))?;
        }
    }
    out.flush()
}

/// How the listener can be tried.
fn example(world: &World, name: &ListenerName, address: SocketAddr) -> String {
    match if name.gateway == MESH { host_of_mesh(world, name.port) } else { host_of_gateway(world, name) } {
        Some(host) => format!("curl -H 'Host: {host}' http://{address}/"),
        None => format!("curl http://{address}/"),
    }
}

/// A service with that port, one that has rules if there is any.
fn host_of_mesh(world: &World, port: u16) -> Option<String> {
    let virtual_services = world.virtual_services_for_http().flat_map(|(traffic, spec)| {
        spec.hosts.iter().map(|host| domain(&full_name(host, &traffic.namespace, CLUSTER_DOMAIN)))
    });
    let route_rules = world.route_rules().filter_map(|(traffic, rule)| rule.host(&traffic.namespace, CLUSTER_DOMAIN));
    let ruled: Vec<String> = virtual_services.chain(route_rules).collect();
    let has_port =
        |service: &&Service| service.ports.iter().any(|it| it.number == port && it.protocol != PortProtocol::Other);
    let mut services: Vec<String> = world.services.iter().filter(has_port).map(Service::full_name).collect();
    services.sort_by_key(|service| !ruled.contains(service));
    services.into_iter().next()
}

/// A host that the Gateway lets in, or one that has rules.
fn host_of_gateway(world: &World, name: &ListenerName) -> Option<String> {
    let gateway = world.gateways.iter().find(|gateway| gateway.full_name() == name.gateway)?;
    let servers = gateway.servers.iter().filter(|server| server.port == name.port);
    let virtual_services = world.virtual_services_for_http().filter(|(_, spec)| !spec.gateways.is_empty());
    let mut hosts = servers.flat_map(|server| &server.hosts).chain(virtual_services.flat_map(|(_, spec)| &spec.hosts));
    hosts.find(|host| !host.contains('*')).cloned()
}

enum Ended {
    Asked,
    Envoy,
}

/// Shows who gets what, and what the filters log, until someone asks to stop; and what everyone got in the end.
async fn watch(world: &World, pocket: &mut Pocket, stop: &mut Stop, output: Output) -> io::Result<Ended> {
    let term = Term::stdout();
    let live = output == Output::Table && term.is_term();
    let (mut shown, mut written) = (None, Instant::now());
    let mut filters = pocket.envoy().filters()?;
    loop {
        for line in filters.lines()? {
            match output {
                // The table goes on below it.
                Output::Table if live => write_above(&term, shown.take().as_ref(), &line)?,
                Output::Table => writeln!(io::stdout(), "{line}")?,
                Output::Json => writeln!(io::stdout(), "{}", json!({"log": line}))?,
            }
        }
        let now = Counts::of(world, pocket);
        if live && shown.as_ref() != Some(&now) {
            redraw(&term, shown.as_ref(), &now)?;
            shown = Some(now);
        } else if shown.as_ref() != Some(&now) && (shown.is_none() || written.elapsed() >= LINE) {
            let mut out = io::stdout().lock();
            match output {
                Output::Table => writeln!(out, "{}", now.line())?,
                Output::Json => writeln!(out, "{}", json!({"requests": now.json()}))?,
            }
            out.flush()?;
            (shown, written) = (Some(now), Instant::now());
        }
        let ended = if pocket.has_ended() {
            Some(Ended::Envoy)
        } else {
            tokio::select! {
                () = tokio::time::sleep(DRAW) => None,
                () = stop.asked() => Some(Ended::Asked),
            }
        };
        if let Some(ended) = ended {
            let last = Counts::of(world, pocket);
            match output {
                Output::Table if live => redraw(&term, shown.as_ref(), &last)?,
                Output::Table => writeln!(io::stdout(), "{}", last.table())?,
                Output::Json => writeln!(io::stdout(), "{}", json!({"requests": last.json()}))?,
            }
            return Ok(ended);
        }
    }
}

/// Draws the counts where those before stand.
fn redraw(term: &Term, before: Option<&Counts>, now: &Counts) -> io::Result<()> {
    write_above(term, before, &now.table().to_string())
}

/// Writes where the counts before stand, if they do.
fn write_above(term: &Term, before: Option<&Counts>, text: &str) -> io::Result<()> {
    let drawn = before.map_or(0, |before| before.table().lines().count());
    term.clear_last_lines(drawn)?;
    term.write_line(text)
}

/// The signals that ask to stop.
struct Stop {
    interrupt: Signal,
    terminate: Signal,
    hang_up: Signal,
}

impl Stop {
    fn new() -> io::Result<Self> {
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn asked(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hang_up.recv() => {}
        }
    }
}
