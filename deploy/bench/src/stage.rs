//! One Envoy with a listener for each subject.
//!
//! Where the subject is Serin, the listener is what `serin render envoy` writes. All others are made from the same listener:
//! they have its timeouts, its policy for retries and its clusters, and differ in filters and routes alone.

use crate::listener::{Action, Listener};
use crate::shop;
use crate::upstream::Upstream;
use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::manifests::{Replica, Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::error::Error;
use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::Path;
use tempfile::TempDir;

/// The listeners and clusters of an Envoy that is not started yet.
pub struct Stage {
    directory: TempDir,
    endpoints: BTreeMap<Replica, SocketAddr>,
    listeners: Vec<Value>,
    clusters: BTreeMap<String, Value>,
    /// What `serin render envoy` writes beside listeners and clusters.
    rest: Value,
    /// The manifests that were read last: several subjects have the same, and ten thousand rules take a while.
    read: Option<(Vec<Value>, World)>,
}

impl Stage {
    /// A stage without a listener, before the services of `upstream`.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn new(upstream: &Upstream) -> Result<Self, Box<dyn Error>> {
        let directory = tempfile::Builder::new().prefix("serin-bench-").tempdir()?;
        for module in Module::ALL {
            fs::write(directory.path().join(format!("{}.wasm", module.name())), module.bytes())?;
        }
        let replica = |name: &String| Replica {
            namespace: "default".to_owned(),
            kind: "Deployment".to_owned(),
            workload: name.clone(),
            number: 0,
        };
        let endpoints = upstream.addresses().iter().map(|(name, address)| (replica(name), *address)).collect();
        Ok(Self {
            directory,
            endpoints,
            listeners: Vec::new(),
            clusters: BTreeMap::new(),
            rest: Value::Null,
            read: None,
        })
    }

    /// The directory that will be Envoy's own.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The listener that Serin renders for `modules` and these manifests; it is not added yet.
    ///
    /// # Errors
    ///
    /// What is wrong with the manifests.
    pub fn rendered(
        &mut self,
        name: &str,
        modules: &[Module],
        manifests: &[Value],
    ) -> Result<Listener, Box<dyn Error>> {
        let world = match self.read.take() {
            Some((read, world)) if read == manifests => world,
            _ => {
                let mut texts = vec![Text::new("shop.yaml", shop::manifests())];
                texts.extend(manifests.iter().map(|manifest| Text::new("rules.json", manifest.to_string())));
                World::parse("default", &texts)?
            }
        };
        let filter = |module: &Module| Filter {
            name: module.name().to_owned(),
            file: self.directory.path().join(format!("{}.wasm", module.name())),
        };
        let options = Options {
            filters: modules.iter().map(filter).collect(),
            source: Source::default(),
            endpoints: Endpoints::Addresses(self.endpoints.clone()),
            listen: Listen::AnyPort,
            gateway: None,
            access_log: None,
        };
        let mut configuration = render(&world, &options)?.configuration;
        self.read = Some((manifests.to_vec(), world));
        let mut resources = configuration["static_resources"].take();
        for cluster in resources["clusters"].as_array_mut().into_iter().flatten() {
            let name = cluster["name"].as_str().unwrap_or_default().to_owned();
            self.clusters.insert(name, cluster.take());
        }
        self.rest = configuration;
        let mut listener = Listener(resources["listeners"][0].take());
        listener.0["name"] = name.into();
        // Each subject has its own VM, as if it were alone.
        for filter in listener.filters() {
            if let Some(Value::String(id)) = filter.pointer_mut("/typed_config/config/vm_config/vm_id") {
                *id = format!("{name}/{id}");
            }
        }
        Ok(listener)
    }

    /// A listener without a filter and with these routes of Envoy's own.
    ///
    /// # Errors
    ///
    /// None in practice.
    pub fn plain(&mut self, name: &str, routes: impl FnOnce(Action) -> Vec<Value>) -> Result<Listener, Box<dyn Error>> {
        let mut listener = self.rendered(name, &[], &[])?;
        let manager = listener.manager();
        if let Some(fields) = manager.as_object_mut() {
            fields.remove("early_header_mutation_extensions");
        }
        let mut hosts = manager["route_config"]["virtual_hosts"].take();
        let host = &mut hosts[0];
        let action = host["routes"].as_array().and_then(|routes| routes.last()).map(|route| route["route"].clone());
        host["routes"] = routes(Action(action.unwrap_or_default())).into();
        manager["route_config"] = json!({"name": name, "virtual_hosts": [host]});
        Ok(listener)
    }

    /// Adds the listener.
    pub fn add(&mut self, listener: Listener) {
        self.listeners.push(listener.0);
    }

    /// Writes a module into Envoy's directory: the filter of that module, with an empty configuration.
    ///
    /// # Errors
    ///
    /// What the system says.
    pub fn filter(&self, name: &str, module: &[u8]) -> io::Result<Value> {
        let file = self.directory.path().join(format!("{name}.wasm"));
        fs::write(&file, module)?;
        Ok(json!({
            "name": name,
            "typed_config": {
                "@type": "type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm",
                "config": {
                    "name": name,
                    "vm_config": {
                        "vm_id": name,
                        "runtime": "envoy.wasm.runtime.v8",
                        "code": {"local": {"filename": file}},
                    },
                },
            },
        }))
    }

    /// Starts Envoy with that many workers.
    ///
    /// # Errors
    ///
    /// What Envoy says.
    pub async fn start(mut self, workers: u32) -> Result<Process, Box<dyn Error>> {
        let clusters: Vec<Value> = self.clusters.into_values().collect();
        self.rest["static_resources"] = json!({"listeners": self.listeners, "clusters": clusters});
        Ok(Process::start(&find(None)?, &self.rest, workers, self.directory).await?)
    }
}
