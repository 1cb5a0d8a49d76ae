//! `serin up`.

use super::counts::Counts;
use super::{CommandResult, EnvoyArgs, Filters, Finding, Manifests, Output, runtime};
use crate::manifests::{PortProtocol, World};
use crate::pocket::{Options, Pocket};
use crate::render::ListenerName;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// A pocket cluster: a real Envoy with the filters, an echo server for each pod, and a live table of who got what
///
/// The cluster listens on 127.0.0.1 only, at ports that the system gives and the first table shows. Ctrl-C stops it.
#[derive(Debug, Args)]
pub(super) struct Up {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    filters: Filters,
    #[command(flatten)]
    envoy: EnvoyArgs,

    /// A table for people, or a line of JSON for the listeners and one for each change
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
    let last = Counts::of(world, &pocket);
    pocket.stop().await;
    let ended = watched?;
    match output {
        Output::Table => writeln!(io::stdout(), "{}", last.table())?,
        Output::Json => writeln!(io::stdout(), "{}", json!({"requests": last.json()}))?,
    }
    match ended {
        Ended::Asked => Ok(Finding::Right),
        Ended::Envoy => Err(format!("envoy ended; its log says:\n{log}").into()),
    }
}

fn show_listeners(world: &World, pocket: &Pocket, output: Output) -> io::Result<()> {
    let mut out = io::stdout().lock();
    match output {
        Output::Table => {
            let mut table = super::table(["gateway", "port", "url", "try"]);
            for (name, address) in pocket.listeners() {
                let url = format!("http://{address}");
                table.add_row([name.gateway.clone(), name.port.to_string(), url, example(world, name, *address)]);
            }
            writeln!(out, "{table}")?;
            writeln!(out, "ctrl-C stops everything")?;
        }
        Output::Json => {
            let listener = |(name, address): (&ListenerName, &SocketAddr)| json!({"gateway": name.gateway, "port": name.port, "url": format!("http://{address}")});
            let listeners: Value = pocket.listeners().iter().map(listener).collect();
            writeln!(out, "{}", json!({"listeners": listeners}))?;
        }
    }
    out.flush()
}

/// How the listener can be tried.
fn example(world: &World, name: &ListenerName, address: SocketAddr) -> String {
    let service = world.services.iter().find(|service| {
        service.ports.iter().any(|port| port.number == name.port && port.protocol != PortProtocol::Other)
    });
    let of_mesh = || service.map(|service| service.full_name());
    let of_gateway = || {
        let gateway = world.gateways.iter().find(|gateway| gateway.full_name() == name.gateway)?;
        let server = gateway.servers.iter().filter(|server| server.port == name.port);
        let mut hosts = server.flat_map(|server| &server.hosts).chain(
            world.virtual_services().filter(|(_, spec)| !spec.gateways.is_empty()).flat_map(|(_, spec)| &spec.hosts),
        );
        hosts.find(|host| !host.contains('*')).cloned()
    };
    let host = if name.gateway == "mesh" { of_mesh() } else { of_gateway() };
    match host {
        Some(host) => format!("curl -H 'Host: {host}' http://{address}/"),
        None => format!("curl http://{address}/"),
    }
}

enum Ended {
    Asked,
    Envoy,
}

/// Shows who gets what until someone asks to stop.
async fn watch(world: &World, pocket: &mut Pocket, stop: &mut Stop, output: Output) -> io::Result<Ended> {
    let live = output == Output::Table && io::stdout().is_terminal();
    let bar = ProgressBar::with_draw_target(
        None,
        if live { ProgressDrawTarget::stdout() } else { ProgressDrawTarget::hidden() },
    );
    if let Ok(style) = ProgressStyle::with_template("{msg}") {
        bar.set_style(style);
    }
    let (mut shown, mut written) = (None, Instant::now());
    loop {
        let now = Counts::of(world, pocket);
        if live && shown.as_ref() != Some(&now) {
            bar.set_message(now.table().to_string());
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
        if pocket.has_ended() {
            bar.finish_and_clear();
            return Ok(Ended::Envoy);
        }
        tokio::select! {
            () = tokio::time::sleep(DRAW) => {}
            () = stop.asked() => {
                bar.finish_and_clear();
                return Ok(Ended::Asked);
            }
        }
    }
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
