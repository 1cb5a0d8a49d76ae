//! A cluster in a pocket: a real Envoy with the filters, and an echo server behind it for each pod.

use crate::echo::EchoServer;
use crate::envoy::{self, Failure, Process};
use crate::manifests::{Mistake, Mistakes, Replica, Workload, World};
use crate::modules;
use crate::render::envoy::{Options as RenderOptions, Rendered, render};
use crate::render::{Endpoints, Listen, ListenerName, stand_ins};
use serin_modules::Module;
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;

/// How many pods a pocket holds.
pub const PODS: u64 = 200;

/// What a pocket cluster depends on besides the manifests.
#[derive(Clone, Debug)]
pub struct Options {
    /// The filters, in the order in which a request meets them.
    pub modules: Vec<Module>,
    /// How many workers Envoy has.
    pub concurrency: u32,
    /// Envoy's binary; if there is none, it is looked for.
    pub envoy: Option<PathBuf>,
    /// Who calls through the mesh.
    pub source: Source,
    /// The only gateway that is served; all of them if there is none.
    pub gateway: Option<String>,
}

impl Default for Options {
    fn default() -> Self {
        Self { modules: vec![Module::Canary], concurrency: 2, envoy: None, source: Source::default(), gateway: None }
    }
}

/// A running pocket cluster; all of it ends when it is dropped.
#[derive(Debug)]
pub struct Pocket {
    workloads: Vec<Workload>,
    echoes: Vec<EchoServer>,
    envoy: Process,
    listeners: BTreeMap<ListenerName, SocketAddr>,
    warnings: Vec<Mistake>,
}

/// Why there is no pocket cluster.
#[derive(Debug)]
pub enum Error {
    /// The manifests are wrong.
    Manifests(Mistakes),
    /// There is no Envoy.
    NoEnvoy(envoy::NotFound),
    /// Envoy does not start.
    Envoy(Failure),
    /// The system did not give what is needed.
    System(String, io::Error),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Manifests(mistakes) => mistakes.fmt(f),
            Self::NoEnvoy(error) => error.fmt(f),
            Self::Envoy(failure) => failure.fmt(f),
            Self::System(what, error) => write!(f, "{what}: {error}"),
        }
    }
}

impl std::error::Error for Error {}

impl Pocket {
    /// Starts an echo server for each pod of `world`, and for each endpoint elsewhere, and an Envoy before them, and waits
    /// until it is ready.
    ///
    /// # Errors
    ///
    /// An [`Error`] that says what to do; nothing is left running.
    pub async fn start(world: &World, options: &Options) -> Result<Self, Error> {
        let binary = envoy::find(options.envoy.as_deref()).map_err(Error::NoEnvoy)?;
        let workloads: Vec<Workload> = world.workloads.iter().cloned().chain(stand_ins(world)).collect();
        let pods: u64 = workloads.iter().map(|workload| u64::from(workload.replicas)).sum();
        if pods > PODS {
            let reason =
                format!("{pods} pods are more than the {PODS} that a pocket cluster starts; lower spec.replicas");
            return Err(Error::Manifests(Mistake::everywhere(reason).into()));
        }
        let directory = tempfile::Builder::new().prefix("serin-").tempdir();
        let directory = directory.map_err(|error| Error::System("a temporary directory".into(), error))?;
        let filters = modules::write(&options.modules, directory.path())
            .map_err(|error| Error::System("the modules".into(), error))?;

        let echoes = start_echoes(&workloads).await?;
        let addresses = echoes.iter().map(|echo| (echo.replica().clone(), echo.address())).collect();
        let options_for_envoy = RenderOptions {
            filters,
            source: options.source.clone(),
            endpoints: Endpoints::Addresses(addresses),
            listen: Listen::AnyPort,
            gateway: options.gateway.clone(),
            access_log: None,
        };
        let Rendered { configuration, listeners: names, warnings } =
            render(world, &options_for_envoy).map_err(Error::Manifests)?;
        let envoy =
            Process::start(&binary, &configuration, options.concurrency, directory).await.map_err(Error::Envoy)?;
        let address_of = |name: ListenerName| Some((name.clone(), *envoy.listeners().get(&name.to_string())?));
        let listeners = names.into_iter().filter_map(address_of).collect();
        Ok(Self { workloads, echoes, envoy, listeners, warnings })
    }

    /// Where the listener of `gateway`, `mesh` or `namespace/name`, for its `port` is.
    pub fn listener(&self, gateway: &str, port: u16) -> Option<SocketAddr> {
        self.listeners.get(&ListenerName { gateway: gateway.to_owned(), port }).copied()
    }

    /// All listeners.
    pub fn listeners(&self) -> &BTreeMap<ListenerName, SocketAddr> {
        &self.listeners
    }

    /// Who the echo servers are: the workloads of the manifests, then those that stand in for somebody elsewhere.
    pub fn workloads(&self) -> &[Workload] {
        &self.workloads
    }

    /// How many requests have reached each pod of `workload`.
    pub fn arrivals(&self, workload: &Workload) -> Vec<u64> {
        let is_of = |replica: &Replica| {
            (&replica.namespace, &replica.kind, &replica.workload)
                == (&workload.namespace, &workload.kind, &workload.name)
        };
        self.echoes.iter().filter(|echo| is_of(echo.replica())).map(EchoServer::arrivals).collect()
    }

    /// How many requests have reached each workload, those that none has reached included, by the workloads' titles.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let count = |workload: &Workload| (workload.title.clone(), self.arrivals(workload).iter().sum());
        self.workloads.iter().map(count).collect()
    }

    /// How many requests have reached each pod.
    pub fn pods(&self) -> impl Iterator<Item = &EchoServer> {
        self.echoes.iter()
    }

    /// What is legal and yet suspect about the manifests.
    pub fn warnings(&self) -> &[Mistake] {
        &self.warnings
    }

    /// The Envoy.
    pub fn envoy(&self) -> &Process {
        &self.envoy
    }

    /// Whether Envoy has ended by itself.
    pub fn has_ended(&mut self) -> bool {
        self.envoy.has_ended()
    }

    /// Stops Envoy, then the echo servers.
    pub async fn stop(self) {
        self.envoy.stop().await;
    }
}

async fn start_echoes(workloads: &[Workload]) -> Result<Vec<EchoServer>, Error> {
    let mut echoes = Vec::new();
    for workload in workloads {
        for pod in workload.pods() {
            let echo = EchoServer::start(workload, pod).await;
            echoes.push(echo.map_err(|error| Error::System(format!("an echo server for {}", workload.title), error))?);
        }
    }
    Ok(echoes)
}
