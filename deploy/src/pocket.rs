//! A cluster in a pocket: a real Envoy with the filters, and an echo server behind it for each pod.

use crate::echo::EchoServer;
use crate::envoy::{self, Failure, Process};
use crate::manifests::{Mistake, Mistakes, World};
use crate::modules;
use crate::render::envoy::{Options as RenderOptions, Rendered, render};
use crate::render::{Endpoints, Listen, ListenerName};
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
        Self { modules: Module::CHAIN.to_vec(), concurrency: 2, envoy: None, source: Source::default(), gateway: None }
    }
}

/// A running pocket cluster; all of it ends when it is dropped.
#[derive(Debug)]
pub struct Pocket {
    titles: BTreeMap<(String, String), String>,
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
    /// Starts an echo server for each pod of `world` and an Envoy before them, and waits until it is ready.
    ///
    /// # Errors
    ///
    /// An [`Error`] that says what to do; nothing is left running.
    pub async fn start(world: &World, options: &Options) -> Result<Self, Error> {
        let binary = envoy::find(options.envoy.as_deref()).map_err(Error::NoEnvoy)?;
        let pods: u64 = world.deployments.iter().map(|deployment| u64::from(deployment.replicas)).sum();
        if pods > PODS {
            let reason =
                format!("{pods} pods are more than the {PODS} that a pocket cluster starts; lower spec.replicas");
            return Err(Error::Manifests(Mistake::everywhere(reason).into()));
        }
        let directory = tempfile::Builder::new().prefix("serin-").tempdir();
        let directory = directory.map_err(|error| Error::System("a temporary directory".into(), error))?;
        let filters = modules::write(&options.modules, directory.path())
            .map_err(|error| Error::System("the modules".into(), error))?;

        let echoes = start_echoes(world).await?;
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
        let titles = world.deployments.iter().map(|it| ((it.namespace.clone(), it.name.clone()), it.title.clone()));
        Ok(Self { titles: titles.collect(), echoes, envoy, listeners, warnings })
    }

    /// Where the listener of `gateway`, `mesh` or `namespace/name`, for its `port` is.
    pub fn listener(&self, gateway: &str, port: u16) -> Option<SocketAddr> {
        self.listeners.get(&ListenerName { gateway: gateway.to_owned(), port }).copied()
    }

    /// All listeners.
    pub fn listeners(&self) -> &BTreeMap<ListenerName, SocketAddr> {
        &self.listeners
    }

    /// How many requests have reached each Deployment, those that none has reached included.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        let mut counts: BTreeMap<String, u64> = self.titles.values().map(|title| (title.clone(), 0)).collect();
        for echo in &self.echoes {
            let replica = echo.replica();
            if let Some(title) = self.titles.get(&(replica.namespace.clone(), replica.deployment.clone())) {
                *counts.entry(title.clone()).or_default() += echo.arrivals();
            }
        }
        counts
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

async fn start_echoes(world: &World) -> Result<Vec<EchoServer>, Error> {
    let mut echoes = Vec::new();
    for deployment in &world.deployments {
        for pod in deployment.pods() {
            let echo = EchoServer::start(deployment, pod).await;
            echoes
                .push(echo.map_err(|error| Error::System(format!("an echo server for {}", deployment.title), error))?);
        }
    }
    Ok(echoes)
}
