//! Filters: one plug-in each, as the configuration of a proxy describes it.

use crate::vm::VmKey;
use crate::world::context::Plugin;
use std::path::Path;
use std::sync::Arc;

/// What becomes of requests once a filter's VM has trapped (Envoy `FailurePolicy`; Envoy 1.40, run).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FailurePolicy {
    /// 503 for the request at hand and for every later one.
    #[default]
    Closed,
    /// 503 for the request at hand; later ones skip the filter.
    Open,
    /// 503 for the request at hand; the first request a second or more after the last load gets a fresh VM, until then
    /// each gets 503.
    Reload,
    /// The deprecated `fail_open: true`: the request at hand goes on as if the filter were not there, and so do later ones.
    LegacyOpen,
}

/// One plug-in: a module, and what the proxy's configuration says about it. Defaults make a filter that just works; each
/// method changes one thing.
#[derive(Clone, Debug)]
pub struct Filter {
    module: Arc<[u8]>,
    name: String,
    root_id: String,
    vm_id: String,
    vm_configuration: Vec<u8>,
    environment: Vec<(String, String)>,
    pub(crate) configuration: Vec<u8>,
    pub(crate) policy: FailurePolicy,
    allow_on_headers_stop_iteration: bool,
}

impl Filter {
    /// A filter of a module: WebAssembly, or its text form.
    pub fn from_bytes(module: impl Into<Vec<u8>>) -> Filter {
        Filter {
            module: module.into().into(),
            name: "filter".to_owned(),
            root_id: String::new(),
            vm_id: String::new(),
            vm_configuration: Vec::new(),
            environment: Vec::new(),
            configuration: Vec::new(),
            policy: FailurePolicy::default(),
            allow_on_headers_stop_iteration: false,
        }
    }

    /// A filter of the module in a file.
    ///
    /// # Panics
    ///
    /// If the file cannot be read; use [`Filter::from_bytes`] where that is no mistake.
    #[track_caller]
    pub fn from_file(path: impl AsRef<Path>) -> Filter {
        let path = path.as_ref();
        match std::fs::read(path) {
            Ok(module) => Filter::from_bytes(module),
            Err(error) => panic!("{}: {error}", path.display()),
        }
    }

    /// The plug-in's name, which is also the name in the log. Default: `filter`.
    pub fn named(mut self, name: &str) -> Filter {
        self.name = name.to_owned();
        self
    }

    /// The root id, by which a module with several plug-ins knows which one is meant. Default: empty.
    pub fn root_id(mut self, root_id: &str) -> Filter {
        self.root_id = root_id.to_owned();
        self
    }

    /// The VM's id: the name of its shared data and queues, and part of what makes plug-ins share a VM. Default: empty,
    /// as Istio has it.
    pub fn vm_id(mut self, vm_id: &str) -> Filter {
        self.vm_id = vm_id.to_owned();
        self
    }

    /// The VM's configuration, given to `proxy_on_vm_start`. Default: empty.
    pub fn vm_configuration(mut self, configuration: impl Into<Vec<u8>>) -> Filter {
        self.vm_configuration = configuration.into();
        self
    }

    /// The plug-in's configuration, given to `proxy_on_configure`. Default: empty.
    pub fn configured(mut self, configuration: impl Into<Vec<u8>>) -> Filter {
        self.configuration = configuration.into();
        self
    }

    /// What becomes of requests once the VM has trapped. Default: [`FailurePolicy::Closed`].
    pub fn failing(mut self, policy: FailurePolicy) -> Filter {
        self.policy = policy;
        self
    }

    /// Adds a variable to the environment that WASI shows. Default: none.
    pub fn env(mut self, name: &str, value: &str) -> Filter {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Lets bodies reach a filter that has paused at the headers (Envoy's `allow_on_headers_stop_iteration`, from 1.35).
    /// Default: no, a pause stops everything.
    pub fn allow_on_headers_stop_iteration(mut self) -> Filter {
        self.allow_on_headers_stop_iteration = true;
        self
    }

    pub(crate) fn vm_key(&self) -> VmKey {
        VmKey {
            module: Arc::clone(&self.module),
            vm_id: self.vm_id.clone(),
            vm_configuration: self.vm_configuration.clone(),
            environment: self.environment.clone(),
        }
    }

    pub(crate) fn plugin(&self) -> Plugin {
        Plugin {
            name: self.name.clone(),
            root_id: self.root_id.clone(),
            vm_id: self.vm_id.clone(),
            configuration: self.configuration.clone(),
            allow_on_headers_stop_iteration: self.allow_on_headers_stop_iteration,
        }
    }
}
