//! `serin render`.

use super::{CommandResult, Filters, Finding, Manifests};
use crate::render::envoy::{Options, render};
use crate::render::{Endpoints, Filter, Listen};
use clap::{Args, Subcommand, ValueEnum};
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Configurations, drawn from manifests
#[derive(Debug, Subcommand)]
pub(super) enum Render {
    Envoy(Envoy),
}

impl Render {
    pub(super) fn run(self) -> CommandResult {
        match self {
            Self::Envoy(envoy) => envoy.run(),
        }
    }
}

/// A complete configuration of Envoy, DestinationRule's load balancing, connection pool and outlier detection included
///
/// A pod is looked for in the DNS under the name of its Deployment, as Docker Compose has it. One Envoy is one gateway:
/// where two want the same port, choose with --gateway.
#[derive(Debug, Args)]
pub(super) struct Envoy {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    filters: Filters,

    /// The directory in which Envoy finds the modules
    #[arg(long, default_value = "target/filters", value_name = "DIR")]
    modules: PathBuf,

    /// The only gateway: `mesh`, or a Gateway's `namespace/name` [default: all of them]
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,

    /// The address on which Envoy listens, at the ports of the manifests
    #[arg(long, default_value_t = IpAddr::V4(Ipv4Addr::LOCALHOST), value_name = "IP")]
    address: IpAddr,

    /// Where Envoy logs requests, such as /dev/stdout [default: nowhere]
    #[arg(long, value_name = "PATH")]
    access_log: Option<PathBuf>,

    /// How the configuration is written; Envoy reads both
    #[arg(long, value_enum, default_value = "yaml")]
    output: Written,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Written {
    Yaml,
    Json,
}

impl Envoy {
    fn run(self) -> CommandResult {
        let world = self.manifests.read()?;
        let filter = |module: &serin_modules::Module| Filter {
            name: module.name().to_owned(),
            file: self.modules.join(format!("{}.wasm", module.name())),
        };
        let options = Options {
            filters: self.filters.filters.iter().map(filter).collect(),
            source: self.manifests.source(),
            endpoints: Endpoints::Names,
            listen: Listen::OwnPort(self.address),
            gateway: self.gateway.clone(),
            access_log: self.access_log.clone(),
        };
        let rendered = render(&world, &options)?;
        for warning in &rendered.warnings {
            writeln!(io::stderr(), "warning: {warning}")?;
        }
        let mut out = io::stdout().lock();
        match self.output {
            Written::Json => writeln!(out, "{:#}", rendered.configuration)?,
            Written::Yaml => {
                writeln!(out, "# An Envoy that does what Istio would do, drawn by serin render envoy.")?;
                for name in &rendered.listeners {
                    writeln!(out, "# {} listens on {}:{}.", name.gateway, self.address, name.port)?;
                }
                write!(out, "{}", serde_saphyr::to_string(&rendered.configuration)?)?;
            }
        }
        Ok(Finding::Right)
    }
}
