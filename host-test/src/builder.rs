//! Building a proxy: its filters, and what differs from a proxy that just works.

use crate::filter::Filter;
use crate::proxy::Proxy;
use crate::refusal::Refusal;
use crate::vm::Limits;
use crate::world::World;
use crate::world::attributes::Value;
use crate::world::logging::Level;

// A builder and what it builds name each other: `Proxy::of` is where readers look for it.

/// A proxy that has not started yet. [`Proxy::of`] makes one; each method changes one thing.
pub struct ProxyBuilder {
    pub(crate) filters: Vec<Filter>,
    pub(crate) limits: Limits,
    pub(crate) workers: usize,
    pub(crate) metered: bool,
    pub(crate) settings: Settings,
}

/// What a world starts with.
#[derive(Clone)]
pub(crate) struct Settings {
    attributes: crate::world::attributes::Tree,
    seed: u64,
    log_level: Level,
    unknown_clusters: Vec<String>,
    unreachable_clusters: Vec<String>,
}

impl Settings {
    pub(crate) fn world(&self) -> World {
        let mut world = World::new(self.seed);
        world.attributes = self.attributes.clone();
        world.log_level = self.log_level;
        world.http_calls.unknown = self.unknown_clusters.iter().cloned().collect();
        world.http_calls.unreachable = self.unreachable_clusters.iter().cloned().collect();
        world
    }
}

impl ProxyBuilder {
    pub(crate) fn new(filters: Vec<Filter>) -> ProxyBuilder {
        let settings = Settings {
            attributes: Default::default(),
            seed: 0,
            log_level: Level::Info,
            unknown_clusters: Vec::new(),
            unreachable_clusters: Vec::new(),
        };
        ProxyBuilder { filters, limits: Limits::default(), workers: 1, metered: false, settings }
    }

    /// Sets an attribute of the proxy: `.property(["xds", "node", "metadata", "NAMESPACE"], "default")`. What lies under
    /// `xds.node` can be read while the filters are configured too; the rest, as in Envoy, only with a stream.
    pub fn property<P: AsRef<str>>(
        mut self,
        path: impl IntoIterator<Item = P>,
        value: impl Into<Value>,
    ) -> ProxyBuilder {
        let path = path.into_iter().map(|part| part.as_ref().to_owned()).collect();
        self.settings.attributes.set(path, value.into());
        self
    }

    /// What WASI's `random_get` draws from. Default: 0; the same seed always gives the same bytes.
    pub fn seed(mut self, seed: u64) -> ProxyBuilder {
        self.settings.seed = seed;
        self
    }

    /// Books the fuel of every callback apart, for [`Exchange::costs`](crate::Exchange::costs). The sum,
    /// [`Exchange::fuel`](crate::Exchange::fuel), is there in any case.
    pub fn fuel_metered(mut self) -> ProxyBuilder {
        self.metered = true;
        self
    }

    /// The fuel that one callback may take, about one unit for each instruction; more is a trap. Default: two billion,
    /// some seconds of an endless loop. Envoy has no such limit.
    pub fn fuel_limit(mut self, fuel: u64) -> ProxyBuilder {
        self.limits.fuel = fuel;
        self
    }

    /// The bytes that the linear memory of a VM may grow to. Default: one gigabyte, as in Envoy.
    pub fn memory_limit(mut self, bytes: usize) -> ProxyBuilder {
        self.limits.memory = bytes;
        self
    }

    /// Refuses a module that imports a hostcall which the host does not know. Default: such a call answers that it is
    /// unimplemented, and the log has a warning.
    pub fn strict(mut self) -> ProxyBuilder {
        self.limits.strict = true;
        self
    }

    /// How many workers there are: each has its own VMs, and all share data, queues and metrics. Default: one. A request
    /// goes to worker 0, or where [`Request::on_worker`](crate::Request::on_worker) says.
    pub fn workers(mut self, workers: usize) -> ProxyBuilder {
        self.workers = workers.max(1);
        self
    }

    /// The level that `proxy_get_log_level` answers. Default: info. Lines below it are kept all the same.
    pub fn log_level(mut self, level: Level) -> ProxyBuilder {
        self.settings.log_level = level;
        self
    }

    /// A cluster that the proxy does not have: a call to it is a bad argument. Default: every cluster is there.
    pub fn without_cluster(mut self, cluster: &str) -> ProxyBuilder {
        self.settings.unknown_clusters.push(cluster.to_owned());
        self
    }

    /// A cluster without a healthy host: a call to it is an internal failure at once.
    pub fn unreachable_cluster(mut self, cluster: &str) -> ProxyBuilder {
        self.settings.unreachable_clusters.push(cluster.to_owned());
        self
    }

    /// Starts the proxy.
    ///
    /// # Panics
    ///
    /// If a filter is refused; the message has its log.
    #[track_caller]
    pub fn start(self) -> Proxy {
        match self.try_start() {
            Ok(proxy) => proxy,
            Err(refusal) => {
                panic!("the filter {} was refused: {}{}", refusal.filter(), refusal.reason(), lines(refusal.log()))
            }
        }
    }

    /// What a filter says when it is refused: its lines of level error, or what the host saw if it said nothing.
    ///
    /// # Panics
    ///
    /// If no filter is refused.
    #[track_caller]
    pub fn refusal(self) -> String {
        match self.try_start() {
            Err(refusal) => refusal.to_string(),
            Ok(proxy) => panic!("no filter was refused{}", lines(&proxy.log())),
        }
    }

    /// Starts the proxy, if no filter is refused.
    ///
    /// # Errors
    ///
    /// The first filter that is refused, with its log.
    pub fn try_start(self) -> Result<Proxy, Refusal> {
        Proxy::build(self)
    }
}

/// A log as the end of a message.
pub(crate) fn lines(log: &[crate::LogLine]) -> String {
    log.iter().map(|line| format!("\n  {line}")).collect()
}
