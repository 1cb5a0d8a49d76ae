//! What to apply to a mesh: a WasmPlugin for each filter, and the EnvoyFilter with the route that they need.

use super::envoy_filter::{Proxies, envoy_filter};
use super::plugin::{Compiled, compile};
use crate::manifests::{CLUSTER_DOMAIN, Mistake, Mistakes, Origin, Traffic, World};
use serde_json::{Value, json};
use serin_modules::Module;
use serin_traffic::names::gateway::{self, MESH};
use serin_traffic::names::host::{domain, full_name, overlap};
use serin_traffic::subset_of_labels;
use serin_traffic::written::{Destination, RouteRule, Spec, VirtualService};
use std::collections::{BTreeMap, BTreeSet};

/// Where the filters run, and where their modules are.
#[derive(Clone, Debug)]
pub struct Options {
    /// The filters, in the order in which a request meets them.
    pub filters: Vec<Module>,
    /// The labels of the Pods whose proxies get the filters: the callers in a mesh, or a gateway's own Pods. Empty: all of the
    /// namespace. `None`: those that the Gateway's own manifest selects.
    pub selector: Option<BTreeMap<String, String>>,
    /// The namespace of those Pods.
    pub namespace: String,
    /// Which Gateway the proxies are, by any of its names; `None` in sidecars.
    pub gateway: Option<String>,
    /// The registry and the path in it that the images are under, such as `registry.example/serin`.
    pub registry: String,
    /// The images' tag.
    pub tag: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            filters: vec![Module::Canary],
            selector: None,
            namespace: "default".to_owned(),
            gateway: None,
            registry: "registry.example/serin".to_owned(),
            tag: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// Manifests to apply, and what is worth knowing about them.
#[derive(Clone, Debug)]
pub struct Rendered {
    /// The manifests, in the order to apply them.
    pub manifests: Vec<Value>,
    /// What is legal and yet suspect.
    pub warnings: Vec<Mistake>,
}

/// The manifests for the rules of `world`, in the order to apply them: first the filters, then the route that sends requests where
/// they say.
///
/// # Errors
///
/// [`Mistakes`]: whatever the filters would refuse, a gateway that no manifest knows, and proxies that nothing selects.
///
/// ```
/// use serin::manifests::{Text, World};
/// use serin::render::istio::{Options, istio};
///
/// let rules = Text::new("reviews.yaml", "
/// apiVersion: networking.istio.io/v1
/// kind: VirtualService
/// metadata: {name: reviews}
/// spec: {hosts: [reviews], http: [{route: [{destination: {host: reviews, subset: v2}}]}]}
/// ");
/// let world = World::parse("default", &[rules])?;
/// let callers = [("app".to_owned(), "productpage".to_owned())].into();
///
/// let rendered = istio(&world, &Options { selector: Some(callers), ..Options::default() })?.manifests;
/// let kinds: Vec<_> = rendered.iter().map(|manifest| manifest["kind"].as_str().unwrap()).collect();
/// assert_eq!(kinds, ["WasmPlugin", "EnvoyFilter"]);
/// assert_eq!(rendered[0]["spec"]["pluginConfig"]["resources"][0]["metadata"]["name"], "reviews");
/// # Ok::<(), serin::manifests::Mistakes>(())
/// ```
pub fn istio(world: &World, options: &Options) -> Result<Rendered, Mistakes> {
    let mut options = options.clone();
    let full_name = |name: String| gateway::full_name(&name, &world.namespace);
    options.gateway = options.gateway.map(full_name).filter(|gateway| gateway != MESH);
    if let Some(gateway) = &options.gateway {
        refuse_unknown(gateway, world)?;
    }
    // All manifests are compiled, not only those that matter to these proxies: what is wrong anywhere is told.
    let everything: Vec<&Traffic> = world.traffic.iter().collect();
    let Compiled { mut warnings, .. } = compile_traffic(&everything, world, &options)?;
    let rules = Rules::of(world, &options);
    let Compiled { policy, .. } = compile_traffic(&rules.traffic, world, &options)?;
    let selector = match &options.selector {
        Some(selector) => selector.clone(),
        None => selector_of_gateway(world, &options)?,
    };

    if options.gateway.is_none() {
        warnings.extend(undeclared_labels(world));
    }
    if rules.virtual_services.is_empty() && rules.route_rules.is_empty() {
        let proxies =
            options.gateway.as_ref().map_or("the mesh".to_owned(), |gateway| format!("the gateway {gateway}"));
        warnings.push(Mistake::everywhere(format!("no rule is for {proxies}: the filters have nothing to do")));
    }
    let configuration = configuration(&rules.traffic, world, &options);
    // Istio sorts by priority: the highest comes first.
    let priorities = (1..=options.filters.len()).rev().map(|place| place * 10);
    let plugins = options.filters.iter().zip(priorities);
    let plugins = plugins.map(|(filter, priority)| wasm_plugin(*filter, priority, &selector, &configuration, &options));
    let at_gateway = options.gateway.is_some();
    let proxies = Proxies { namespace: &options.namespace, selector: &selector, at_gateway };
    // A gateway's virtual hosts, and those of Services that are not here, cannot be named.
    let virtual_hosts = rules.virtual_hosts().filter(|_| !at_gateway);
    let manifests = plugins.chain([envoy_filter(&rules.name(), &proxies, virtual_hosts, &policy)]).collect();
    Ok(Rendered { manifests, warnings })
}

/// Refuses a gateway that neither a Gateway nor a VirtualService names.
fn refuse_unknown(gateway: &str, world: &World) -> Result<(), Mistake> {
    let mut known: BTreeSet<String> = world.gateways.iter().map(|gateway| gateway.full_name()).collect();
    for (traffic, spec) in world.virtual_services() {
        let named = gateways_of(spec).filter(|name| *name != MESH);
        known.extend(named.map(|name| gateway::full_name(name, &traffic.namespace)));
    }
    if known.contains(gateway) {
        return Ok(());
    }
    let known = if known.is_empty() { "none".to_owned() } else { Vec::from_iter(known).join(", ") };
    Err(Mistake::everywhere(format!("the manifests have no gateway {gateway}; they have {known}")))
}

/// The labels of the proxies that the Gateway's manifest is for.
fn selector_of_gateway(world: &World, options: &Options) -> Result<BTreeMap<String, String>, Mistake> {
    let own = options.gateway.as_ref();
    let manifest = own.and_then(|own| world.gateways.iter().find(|gateway| gateway.full_name() == *own));
    match manifest {
        Some(gateway) if !gateway.selector.is_empty() => Ok(gateway.selector.clone()),
        _ => {
            let whose = if own.is_some() { "the gateway's Pods" } else { "the callers' Pods" };
            Err(Mistake::everywhere(format!(
                "which proxies get the filters is not said: give a label of {whose} with --selector NAME=VALUE, or say \
                 --selector '*' for every proxy of the namespace {}",
                options.namespace
            )))
        }
    }
}

/// What the filters make of `traffic`.
fn compile_traffic(traffic: &[&Traffic], world: &World, options: &Options) -> Result<Compiled, Mistake> {
    let origins: Vec<&Origin> = traffic.iter().map(|traffic| &traffic.origin).collect();
    compile(&configuration(traffic, world, options), &origins)
}

/// The filters' configuration with `traffic` as its resources.
fn configuration(traffic: &[&Traffic], world: &World, options: &Options) -> Value {
    let resources: Vec<&Value> = traffic.iter().map(|traffic| &traffic.value).collect();
    let mut configuration = json!({"resources": resources});
    if let Some(gateway) = &options.gateway {
        configuration["gateway"] = json!(gateway);
    }
    if world.namespace != "default" {
        configuration["namespace"] = json!(world.namespace);
    }
    configuration
}

/// The sets of labels in RouteRules that no subset has: an istiod of today makes clusters of subsets only.
fn undeclared_labels(world: &World) -> Vec<Mistake> {
    let missing = world.undeclared_labels().into_iter().map(|((host, labels), traffic)| {
        let name = subset_of_labels(labels);
        let declared: Vec<String> = labels.iter().map(|(name, value)| format!("{name}: {value:?}")).collect();
        traffic.origin.mistake(format!(
            "no subset of {host} has just the labels {name}, so Istio has no cluster for them: declare a subset \
             {{name: …, labels: {{{}}}}} in a DestinationRule",
            declared.join(", ")
        ))
    });
    missing.collect()
}

/// What the proxies in question have to know of a world.
struct Rules<'a> {
    world: &'a World,
    virtual_services: Vec<(&'a Traffic, &'a VirtualService)>,
    /// The RouteRules: they are for sidecars.
    route_rules: Vec<(&'a Traffic, &'a RouteRule)>,
    /// The manifests that matter here, in their order.
    traffic: Vec<&'a Traffic>,
}

impl<'a> Rules<'a> {
    fn of(world: &'a World, options: &Options) -> Self {
        let roots: Vec<_> =
            world.virtual_services_for_http().filter(|(traffic, spec)| applies(traffic, spec, options)).collect();
        let is_wanted = |traffic: &Traffic| {
            roots
                .iter()
                .any(|(root, spec)| root.origin == traffic.origin || delegates_to(spec, &root.namespace, traffic))
        };
        let virtual_services: Vec<_> =
            world.virtual_services_for_http().filter(|(traffic, _)| is_wanted(traffic)).collect();
        let route_rules: Vec<_> = world.route_rules().filter(|_| options.gateway.is_none()).collect();
        let of_virtual_services = virtual_services.iter().flat_map(|(traffic, spec)| {
            let names = spec.hosts.iter().chain(destinations(spec).map(|to| &to.host));
            names.map(|name| full(name, &traffic.namespace))
        });
        let of_route_rules = route_rules.iter().flat_map(|(traffic, rule)| {
            let source = rule.condition.as_ref().and_then(|condition| condition.source.as_ref());
            let services = rule.destination.iter().chain(source);
            let hosts = services.map(|service| service.host(&traffic.namespace, CLUSTER_DOMAIN));
            let destinations = rule.destinations(&traffic.namespace, CLUSTER_DOMAIN);
            hosts.chain(destinations.into_iter().map(|(host, _)| host)).collect::<Vec<_>>()
        });
        // The full names of all hosts and destinations of the rules, and of the callers that they are for.
        // A rule for all hosts names no Service.
        let names: BTreeSet<String> = of_virtual_services.chain(of_route_rules).filter(|name| name != "*").collect();
        let named = |name: &str, traffic: &Traffic| {
            let full = full(name, &traffic.namespace);
            names.iter().any(|other| overlap(&full, other))
        };
        let matters = |traffic: &&Traffic| match &traffic.manifest.spec {
            Spec::VirtualService(_) => virtual_services.iter().any(|(own, _)| own.origin == traffic.origin),
            Spec::RouteRule(_) => route_rules.iter().any(|(own, _)| own.origin == traffic.origin),
            Spec::DestinationRule(rule) => named(&rule.host, traffic),
            Spec::Gateway(_) => {
                let full = format!("{}/{}", traffic.namespace, traffic.manifest.metadata.name);
                options.gateway.as_ref() == Some(&full)
            }
            Spec::Service(_) => named(&traffic.manifest.metadata.name, traffic),
            Spec::ServiceEntry(entry) => entry.hosts.iter().any(|host| named(host, traffic)),
            Spec::Foreign(_) => false,
            Spec::CanaryPolicy(policy) => virtual_services.iter().any(|(own, _)| {
                own.namespace == traffic.namespace && own.manifest.metadata.name == policy.virtual_service
            }),
        };
        let traffic = world.traffic.iter().filter(matters).collect();
        Self { world, virtual_services, route_rules, traffic }
    }

    /// What the EnvoyFilter is called.
    fn name(&self) -> String {
        let mut roots = self.virtual_services.iter().filter(|(_, spec)| !spec.hosts.is_empty());
        match (roots.next(), roots.next()) {
            (Some((only, _)), None) => format!("serin-{}", only.manifest.metadata.name),
            _ => "serin".to_owned(),
        }
    }

    /// The virtual hosts that Istio gives a sidecar for the rules' hosts: one for each port of a Service.
    ///
    /// `None` if a host is no Service of the world, so that its ports are not known.
    fn virtual_hosts(&self) -> Option<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let of_virtual_services = self
            .virtual_services
            .iter()
            .flat_map(|(traffic, spec)| spec.hosts.iter().map(|host| domain(&full(host, &traffic.namespace))));
        let of_route_rules =
            self.route_rules.iter().filter_map(|(traffic, rule)| rule.host(&traffic.namespace, CLUSTER_DOMAIN));
        for host in of_virtual_services.chain(of_route_rules) {
            let service = self.world.services.iter().find(|service| service.full_name() == host)?;
            names.extend(service.ports.iter().map(|port| format!("{host}:{}", port.number)));
        }
        Some(names)
    }
}

fn wasm_plugin(
    filter: Module,
    priority: usize,
    selector: &BTreeMap<String, String>,
    configuration: &Value,
    options: &Options,
) -> Value {
    let filter = filter.name();
    let mut plugin = json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": filter, "namespace": options.namespace},
        "spec": {
            "match": [{"mode": "CLIENT"}],
            "priority": priority,
            "url": format!("oci://{}/{filter}:{}", options.registry, options.tag),
            // A module that cannot be pulled must not stop all that the Pod asks of anybody: deploy/bookinfo/README.md.
            "failStrategy": "FAIL_OPEN",
            // Plug-ins of equal code and environment share a VM.
            "vmConfig": {"env": [{"name": "SERIN_FILTER", "value": filter}]},
            "pluginConfig": configuration,
        },
    });
    if !selector.is_empty() {
        plugin["spec"]["selector"] = json!({"matchLabels": selector});
    }
    plugin
}

/// Whether the proxies apply the VirtualService, if it has hosts; one without is applied where another delegates to it.
fn applies(traffic: &Traffic, spec: &VirtualService, options: &Options) -> bool {
    if spec.hosts.is_empty() {
        return false;
    }
    match &options.gateway {
        None => spec.gateways.is_empty() || gateways_of(spec).any(|gateway| gateway == MESH),
        Some(own) => gateways_of(spec).any(|gateway| gateway::full_name(gateway, &traffic.namespace) == *own),
    }
}

/// Whether a rule of the VirtualService, which is of `namespace`, delegates to `traffic`.
fn delegates_to(spec: &VirtualService, namespace: &str, traffic: &Traffic) -> bool {
    spec.http.iter().filter_map(|rule| rule.delegate.as_ref()).any(|delegate| {
        let theirs = delegate.namespace.as_deref().filter(|namespace| !namespace.is_empty()).unwrap_or(namespace);
        theirs == traffic.namespace && delegate.name.as_deref() == Some(&traffic.manifest.metadata.name)
    })
}

/// The gateways that the VirtualService names, as it writes them.
fn gateways_of(spec: &VirtualService) -> impl Iterator<Item = &String> {
    let of_matches = spec.http.iter().flat_map(|rule| &rule.matches).flat_map(|condition| &condition.gateways);
    spec.gateways.iter().chain(of_matches)
}

/// The full name of a host.
fn full(host: &str, namespace: &str) -> String {
    full_name(host, namespace, CLUSTER_DOMAIN)
}

/// Where the rules of a VirtualService send requests and copies.
fn destinations(spec: &VirtualService) -> impl Iterator<Item = &Destination> {
    spec.http.iter().flat_map(|rule| {
        let routes = rule.route.iter().map(|to| &to.destination);
        routes.chain(rule.mirror.as_deref()).chain(rule.mirrors.iter().map(|mirror| &mirror.destination))
    })
}

#[cfg(test)]
mod tests;
