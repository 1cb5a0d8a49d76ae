//! The proxy: a chain of filters, and the world around it.

use crate::builder::{ProxyBuilder, Settings, lines};
use crate::exchange::Exchange;
use crate::filter::Filter;
use crate::refusal::Refusal;
use crate::request::Request;
use crate::response::Response;
use crate::sandbox::Shared;
use crate::vm::{Limits, Vm};
use crate::worker::Worker;
use crate::world::context::{RootId, StreamId};
use crate::world::logging::LogLine;
use crate::world::streams::{Passed, Stream};
use std::collections::BTreeSet;
use std::time::Duration;

/// A running proxy with a chain of filters.
///
/// Time stands still at 2026-01-01T00:00:00Z until [`Proxy::advance`] moves it, calls wait until the test answers them,
/// and nothing is random: a test is the same in every run.
pub struct Proxy {
    pub(crate) shared: Shared,
    pub(crate) workers: Vec<Worker>,
    pub(crate) metered: bool,
    /// The streams in which something may be able to move.
    pub(crate) awake: BTreeSet<StreamId>,
    filters: Vec<Filter>,
    limits: Limits,
    settings: Settings,
    next_stream: StreamId,
}

impl Proxy {
    /// A proxy with these filters, in the order in which requests pass them. It starts with
    /// [`ProxyBuilder::start`].
    #[allow(clippy::new_ret_no_self, reason = "what starts is a proxy")]
    pub fn of(filters: impl IntoIterator<Item = Filter>) -> ProxyBuilder {
        ProxyBuilder::new(filters.into_iter().collect())
    }

    pub(crate) fn build(builder: ProxyBuilder) -> Result<Proxy, Refusal> {
        let ProxyBuilder { filters, limits, workers, metered, settings } = builder;
        let mut proxy = Proxy {
            shared: Shared::new(settings.world()),
            workers: (0..workers).map(Worker::new).collect(),
            metered,
            awake: BTreeSet::new(),
            filters,
            limits,
            settings,
            next_stream: 1,
        };
        for worker in &mut proxy.workers {
            for filter in &proxy.filters {
                let link = worker.start(filter, &proxy.limits, &proxy.shared)?;
                worker.links.push(link);
            }
        }
        proxy.settle();
        Ok(proxy)
    }

    /// Sends a request through the filters, as far as it comes: to the upstream, to a filter that answers, or to one that
    /// holds it.
    ///
    /// # Panics
    ///
    /// If the request names a worker that is not there.
    #[track_caller]
    pub fn send(&mut self, request: Request) -> Exchange {
        let workers = self.workers.len();
        let Some(worker) = self.workers.get_mut(request.worker) else {
            panic!("there is no worker {}, only {workers}", request.worker);
        };
        let places = self.filters.iter().enumerate();
        let servers = places.map(|(place, filter)| worker.server(place, filter, &self.limits, &self.shared)).collect();
        let id = self.next_stream;
        self.next_stream += 1;
        let sent = Passed {
            headers: request.headers.clone(),
            body: request.chunks.concat(),
            trailers: request.trailers.clone(),
            complete: true,
        };
        {
            let mut world = self.shared.world();
            let stream = Stream::new(id, world.now, request, servers);
            world.streams.insert(id, stream);
        }
        self.awake.insert(id);
        self.settle();
        Exchange::new(id, self.shared.clone(), sent)
    }

    /// The upstream responds: the response passes the filters, last to first.
    ///
    /// # Panics
    ///
    /// If the request has not left for the upstream, or has been answered already.
    #[track_caller]
    pub fn respond(&mut self, exchange: &mut Exchange, response: Response) {
        {
            let mut world = self.shared.world();
            let Some(stream) = world.stream_mut(exchange.id) else { panic!("the exchange is finished") };
            if stream.upstream.is_none() {
                panic!("the request has not left for the upstream{}", lines(&stream.log));
            }
            if stream.response.is_some() || stream.reset {
                panic!("the request is answered already{}", lines(&stream.log));
            }
            stream.respond(response);
        }
        self.awake.insert(exchange.id);
        self.settle();
    }

    /// Ends an exchange, whatever has become of it: `proxy_on_log`, `proxy_on_done`, `proxy_on_delete`. What is returned
    /// shows how it was at the end.
    pub fn finish(&mut self, exchange: Exchange) -> Exchange {
        self.end_stream(exchange.id);
        exchange.look();
        self.shared.world().streams.remove(&exchange.id);
        self.awake.remove(&exchange.id);
        self.sweep_retired();
        exchange
    }

    /// Moves the clock. Ticks that become due fire, and HTTP calls time out, each at its own instant.
    pub fn advance(&mut self, duration: Duration) {
        let end = self.shared.world().now.after(duration);
        loop {
            let (tick, timeout) = {
                let world = self.shared.world();
                let due = |instant| instant <= end;
                (
                    world.timers.next().filter(|(at, _)| due(*at)),
                    world.http_calls.next_timeout().filter(|(at, _)| due(*at)),
                )
            };
            match (tick, timeout) {
                (Some((at, root)), timeout) if timeout.is_none_or(|(other, _)| at <= other) => {
                    {
                        let mut world = self.shared.world();
                        world.now = at;
                        world.timers.fired(root);
                    }
                    self.call_root(root, "proxy_on_tick", &[root.context]);
                    self.settle();
                }
                (_, Some((at, token))) => {
                    self.shared.world().now = at;
                    self.time_out(token);
                }
                _ => break,
            }
        }
        self.shared.world().now = end;
    }

    /// What all filters have logged since the proxy started.
    pub fn log(&self) -> Vec<LogLine> {
        self.shared.world().log.clone()
    }

    /// The bytes of linear memory that the VMs of all workers have; linear memory never shrinks.
    pub fn memory(&self) -> usize {
        self.workers.iter().flat_map(|worker| &worker.vms).map(Vm::memory).sum()
    }

    /// The value of a counter or gauge by its name; of a histogram, how many values it has. `None` if nobody has defined
    /// it. Envoy's own counters of reloads, `wasm.<plug-in>.vm_reload_success` and its like, are here too.
    pub fn metric(&self, name: &str) -> Option<u64> {
        self.metrics().into_iter().find(|(known, _)| known == name).map(|(_, value)| value)
    }

    /// All metrics with their values as [`Proxy::metric`] gives them.
    pub fn metrics(&self) -> Vec<(String, u64)> {
        let world = self.shared.world();
        world.metrics.iter().map(|(name, value)| (name.to_owned(), value)).collect()
    }

    /// The values that a histogram was given, in order.
    pub fn histogram(&self, name: &str) -> Vec<u64> {
        self.shared.world().metrics.histogram(name)
    }

    /// The value of a key in the shared data of whichever VM has it.
    pub fn shared_data(&self, key: &str) -> Option<Vec<u8>> {
        self.shared.world().shared_data.find(key.as_bytes()).map(<[u8]>::to_vec)
    }

    /// Configures the filters again, one configuration for each in order. As in Envoy, the new configurations are tried
    /// apart first; only if all are taken do they replace the old ones. Streams that are open keep the old ones.
    ///
    /// # Errors
    ///
    /// The first filter that refuses its configuration; everything stays as it was.
    ///
    /// # Panics
    ///
    /// If there is not one configuration for each filter.
    #[track_caller]
    pub fn reconfigure<C: Into<Vec<u8>>>(
        &mut self,
        configurations: impl IntoIterator<Item = C>,
    ) -> Result<(), Refusal> {
        let configurations: Vec<Vec<u8>> = configurations.into_iter().map(Into::into).collect();
        assert_eq!(configurations.len(), self.filters.len(), "one configuration for each filter");
        let mut filters = self.filters.clone();
        for (filter, configuration) in filters.iter_mut().zip(configurations) {
            filter.configuration = configuration;
        }
        let canary = ProxyBuilder {
            filters: filters.clone(),
            limits: self.limits.clone(),
            workers: 1,
            metered: false,
            settings: self.settings.clone(),
        };
        if let Err(refusal) = Proxy::build(canary) {
            self.shared.world().log.extend_from_slice(refusal.log());
            return Err(refusal);
        }
        for worker in &mut self.workers {
            for (place, filter) in filters.iter().enumerate() {
                if filter.configuration == self.filters[place].configuration {
                    continue;
                }
                let new = worker.start(filter, &self.limits, &self.shared)?;
                let old = std::mem::replace(&mut worker.links[place], new);
                worker.retired.push(RootId { worker: worker.number, vm: old.vm, context: old.root });
            }
        }
        self.filters = filters;
        self.sweep_retired();
        self.settle();
        Ok(())
    }

    /// Ends plugin contexts that have been replaced and whose last stream is gone.
    fn sweep_retired(&mut self) {
        for worker in 0..self.workers.len() {
            let Worker { retired, links, .. } = &mut self.workers[worker];
            if retired.is_empty() {
                continue;
            }
            let in_use: BTreeSet<(usize, u32)> = {
                let world = self.shared.world();
                let streams = world.streams.values().filter(|stream| stream.worker == worker);
                // A stream has all its filters from its beginning on, whether or not it has come as far as each of them.
                let servers = streams.flat_map(|stream| &stream.stages).filter_map(|stage| stage.server);
                // Two places of the chain may have shared a plugin context.
                let links = links.iter().map(|link| (link.vm, link.root));
                servers.map(|server| (server.vm, server.root)).chain(links).collect()
            };
            let in_use = |root: &RootId| in_use.contains(&(root.vm, root.context));
            let (kept, ended): (BTreeSet<RootId>, _) = std::mem::take(retired).into_iter().partition(in_use);
            retired.extend(kept);
            for root in BTreeSet::from_iter(ended) {
                self.end_root(root);
            }
        }
    }

    /// Ends the proxy: every plugin context gets `proxy_on_done` and `proxy_on_delete`. Returns the whole log.
    pub fn stop(mut self) -> Vec<LogLine> {
        let roots = self.workers.iter().flat_map(|worker| {
            worker.links.iter().map(|link| RootId { worker: worker.number, vm: link.vm, context: link.root })
        });
        for root in roots.collect::<BTreeSet<_>>() {
            self.end_root(root);
        }
        self.log()
    }

    /// A plugin context that answers "not yet" is deleted when it calls `proxy_done`.
    fn end_root(&mut self, root: RootId) {
        if self.call_root(root, "proxy_on_done", &[root.context]) == Some(0) {
            self.shared.world().pending_done.insert(root);
        } else {
            self.delete_root(root);
        }
        self.settle();
    }

    pub(crate) fn delete_root(&mut self, root: RootId) {
        self.call_root(root, "proxy_on_delete", &[root.context]);
        self.workers[root.worker].vms[root.vm].remove_context(root.context);
        self.shared.world().forget(root);
    }
}
