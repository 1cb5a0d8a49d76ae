//! `serin render`.

use super::{CommandResult, Filters, Finding, Manifests, label};
use crate::modules;
use crate::render::envoy::{Options, render};
use crate::render::istio::{self, istio};
use crate::render::{Endpoints, Filter, Listen, extra_stat_tags};
use clap::{Args, Subcommand, ValueEnum};
use std::collections::BTreeMap;
use std::error::Error;
use std::io::{self, Write};
use std::net::{IpAddr, Ipv4Addr};
use std::path::PathBuf;

/// Render Envoy or Istio configuration from manifests
#[derive(Debug, Subcommand)]
pub(super) enum Render {
    Envoy(Envoy),
    Istio(Istio),
}

impl Render {
    pub(super) fn run(self) -> CommandResult {
        match self {
            Self::Envoy(envoy) => envoy.run(),
            Self::Istio(istio) => istio.run(),
        }
    }
}

/// A complete configuration of Envoy, DestinationRule's load balancing, connection pool and outlier detection included
///
/// A pod is looked for in the DNS under the name of its workload, as Docker Compose has it. One Envoy is one gateway:
/// where two want the same port, choose with --gateway.
#[derive(Debug, Args)]
pub(super) struct Envoy {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    filters: Filters,

    /// The directory in which Envoy finds the modules [default: those inside this `serin`, written to ~/.cache/serin]
    #[arg(long, value_name = "DIR")]
    modules: Option<PathBuf>,

    /// The only gateway: `mesh`, or a Gateway as VirtualServices call it [default: all of them]
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
    /// The filters, with the files that their modules are in.
    fn modules(&self) -> Result<Vec<Filter>, Box<dyn Error>> {
        let wanted = &self.filters.filters;
        if let Some(directory) = &self.modules {
            return Ok(wanted.iter().map(|module| modules::filter(*module, directory)).collect());
        }
        let directory = modules::own_directory()
            .ok_or("there is no place for the modules: set HOME, or say with --modules where they are")?;
        Ok(modules::write(wanted, &directory)?)
    }

    fn run(self) -> CommandResult {
        let world = self.manifests.read()?;
        let options = Options {
            filters: self.modules()?,
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

/// What to apply to an Istio mesh: one WasmPlugin for each filter, and the EnvoyFilter that adds the route they need
///
/// The WasmPlugins carry those of the manifests that matter to the proxies, verbatim. --namespace is where they run. What the
/// filters would refuse is refused here, with file and resource.
#[derive(Debug, Args)]
pub(super) struct Istio {
    #[command(flatten)]
    manifests: Manifests,
    #[command(flatten)]
    filters: Filters,

    /// A label of the Pods whose proxies get the filters: the callers in a mesh, or a gateway's own Pods; repeatable. `*` is every
    /// proxy of the namespace [default: what the manifest of the --gateway selects]
    #[arg(long, value_name = "NAME=VALUE", value_parser = selected)]
    selector: Vec<Selected>,

    /// The Gateway that the proxies are, as VirtualServices call it [default: sidecars of the mesh]
    #[arg(long, value_name = "NAME")]
    gateway: Option<String>,

    /// Where the images of the modules are: a registry and the path in it
    #[arg(long, default_value = "registry.example/serin", value_name = "REGISTRY/PATH")]
    registry: String,

    /// The images' tag
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"), value_name = "TAG")]
    tag: String,

    /// How the manifests are written; kubectl reads both
    #[arg(long, value_enum, default_value = "yaml")]
    output: Written,
}

/// What one `--selector` says.
#[derive(Clone, Debug)]
enum Selected {
    All,
    Label(String, String),
}

fn selected(text: &str) -> Result<Selected, String> {
    match text {
        "*" => Ok(Selected::All),
        _ => label(text).map(|(name, value)| Selected::Label(name, value)),
    }
}

/// The labels of all `--selector`s together: `None` if there are no selectors, no labels if it is every proxy.
fn selector(selected: Vec<Selected>) -> Result<Option<BTreeMap<String, String>>, clap::Error> {
    if selected.is_empty() {
        return Ok(None);
    }
    let all = selected.iter().any(|it| matches!(it, Selected::All));
    let labels: BTreeMap<String, String> = selected
        .into_iter()
        .filter_map(|it| match it {
            Selected::All => None,
            Selected::Label(name, value) => Some((name, value)),
        })
        .collect();
    if all && !labels.is_empty() {
        let reason = "--selector '*' is every proxy of the namespace: no label can stand with it\n";
        return Err(clap::Error::raw(clap::error::ErrorKind::ArgumentConflict, reason));
    }
    Ok(Some(labels))
}

impl Istio {
    fn run(self) -> CommandResult {
        let world = self.manifests.read()?;
        let options = istio::Options {
            filters: self.filters.filters,
            selector: selector(self.selector).unwrap_or_else(|error| error.exit()),
            namespace: self.manifests.namespace,
            gateway: self.gateway,
            registry: self.registry,
            tag: self.tag,
        };
        let istio::Rendered { manifests: rendered, warnings } = istio(&world, &options)?;
        for warning in &warnings {
            writeln!(io::stderr(), "warning: {warning}")?;
        }
        let mut out = io::stdout().lock();
        match self.output {
            Written::Json => {
                let list = serde_json::json!({"apiVersion": "v1", "kind": "List", "items": rendered});
                writeln!(out, "{list:#}")?;
            }
            Written::Yaml => {
                writeln!(
                    out,
                    "# The filters' metrics have labels where the proxies know them: an annotation of the Pods,"
                )?;
                writeln!(out, "#     sidecar.istio.io/extraStatTags: {}", extra_stat_tags())?;
                writeln!(out, "# or meshConfig.defaultConfig.extraStatTags for all proxies (docs/metrics.md).")?;
                for manifest in &rendered {
                    write!(out, "---\n{}", serde_saphyr::to_string(manifest)?)?;
                }
            }
        }
        Ok(Finding::Right)
    }
}
