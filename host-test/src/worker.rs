//! Workers: each has its own VMs, and a plugin context of every filter in them, as an Envoy worker thread has.

use crate::filter::{FailurePolicy, Filter};
use crate::refusal::Refusal;
use crate::sandbox::Shared;
use crate::vm::{Limits, Vm};
use crate::world::clock::Instant;
use crate::world::context::{Context, Plugin, RootId};
use crate::world::logging::Level;
use crate::world::streams::Server;
use std::sync::Arc;
use std::time::Duration;

/// How long after a load a failed VM is loaded again (Envoy `reload_config.backoff.base_interval`, default).
const RELOAD_BACKOFF: Duration = Duration::from_secs(1);

/// One worker.
pub(crate) struct Worker {
    pub(crate) number: usize,
    pub(crate) vms: Vec<Vm>,
    pub(crate) links: Vec<Link>,
    /// Plugin contexts whose configuration was replaced, until their last stream has ended.
    pub(crate) retired: Vec<RootId>,
}

/// A filter on a worker: who serves it.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) vm: usize,
    pub(crate) root: u32,
    pub(crate) loaded: Instant,
    pub(crate) policy: FailurePolicy,
    pub(crate) plugin: Arc<Plugin>,
}

impl Worker {
    pub(crate) fn new(number: usize) -> Worker {
        Worker { number, vms: Vec::new(), links: Vec::new(), retired: Vec::new() }
    }

    /// Starts a filter, in the VM of an earlier one if Envoy would share it: `proxy_on_context_create`,
    /// `proxy_on_vm_start`, `proxy_on_configure`.
    pub(crate) fn start(&mut self, filter: &Filter, limits: &Limits, shared: &Shared) -> Result<Link, Refusal> {
        let first_line = shared.world().log.len();
        let plugin = Arc::new(filter.plugin());
        let started = self.start_plugin(filter, limits, shared, &plugin);
        started.map_err(|reason| Refusal::new(&plugin.name, reason, shared.world().log[first_line..].to_vec()))
    }

    fn start_plugin(
        &mut self,
        filter: &Filter,
        limits: &Limits,
        shared: &Shared,
        plugin: &Arc<Plugin>,
    ) -> Result<Link, String> {
        let key = filter.vm_key();
        let vm = match self.vms.iter().position(|vm| !vm.failed && vm.key == key) {
            Some(vm) => vm,
            None => {
                self.vms.push(Vm::start(key, limits, shared, (self.number, self.vms.len()), plugin)?);
                self.vms.len() - 1
            }
        };
        let loaded = shared.world().now;
        let link = |root| Link { vm, root, loaded, policy: filter.policy, plugin: Arc::clone(plugin) };
        if let Some(root) = self.vms[vm].root_of(plugin) {
            return Ok(link(root));
        }
        let worker = self.number;
        let root = self.vms[vm].new_context(|id| {
            let root = RootId { worker, vm, context: id };
            Context { root, plugin: Arc::clone(plugin), stream: None }
        });
        let vm_configuration = filter.vm_key().vm_configuration.len() as u32;
        self.vms[vm].call(root, "proxy_on_context_create", &[root, 0]).returned?;
        if self.vms[vm].call(root, "proxy_on_vm_start", &[root, vm_configuration]).returned? == Some(0) {
            return Err("proxy_on_vm_start returned false".to_owned());
        }
        shared.world().delivery.configuration = Some(plugin.configuration.clone());
        let configured =
            self.vms[vm].call(root, "proxy_on_configure", &[root, plugin.configuration.len() as u32]).returned;
        shared.world().delivery.configuration = None;
        if configured? == Some(0) {
            self.vms[vm].remove_context(root);
            shared.world().forget(RootId { worker, vm, context: root });
            return Err("proxy_on_configure returned false".to_owned());
        }
        Ok(link(root))
    }

    /// Who serves a new stream at this place of the chain; none if the filter is skipped. A failed VM is loaded again
    /// here if its policy and the clock say so (Envoy `maybeReloadHandleIfNeeded`).
    pub(crate) fn server(&mut self, place: usize, filter: &Filter, limits: &Limits, shared: &Shared) -> Option<Server> {
        let link = self.links[place].clone();
        if self.vms[link.vm].failed {
            match link.policy {
                FailurePolicy::Open | FailurePolicy::LegacyOpen => return None,
                FailurePolicy::Closed => {}
                FailurePolicy::Reload => self.reload(place, filter, limits, shared),
            }
        }
        let link = &self.links[place];
        Some(Server { vm: link.vm, root: link.root, context: None })
    }

    fn reload(&mut self, place: usize, filter: &Filter, limits: &Limits, shared: &Shared) {
        let Link { loaded, plugin, .. } = self.links[place].clone();
        let count = |event: &str| shared.world().metrics.count(format!("wasm.{}.vm_reload_{event}", plugin.name));
        let now = shared.world().now;
        if now.since(loaded) < RELOAD_BACKOFF {
            return count("backoff");
        }
        match self.start(filter, limits, shared) {
            Ok(link) => {
                self.links[place] = link;
                count("success");
            }
            Err(refusal) => {
                self.links[place].loaded = now;
                let root = RootId { worker: self.number, vm: self.links[place].vm, context: 0 };
                let who = Context { root, plugin: Arc::clone(&plugin), stream: None };
                shared.world().say(&who, Level::Error, format!("cannot be loaded again: {refusal}"));
                count("failure");
            }
        }
    }
}
