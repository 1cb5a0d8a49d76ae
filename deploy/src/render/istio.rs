//! What to apply to a mesh: one WasmPlugin for each filter, and the EnvoyFilter with the route that they need.

use super::plugin::operators_filter;
use super::route::{asks_for, mirror_policies, retries_of, retry_policy, retry_policy_of};
use crate::manifests::{CLUSTER_DOMAIN, Mistake, Traffic, World};
use serde_json::{Value, json};
use serin_traffic::host_name::full_name;
use serin_traffic::shadow::Slot;
use serin_traffic::written::{Configuration, Destination, RouteRule, Source, Spec, VirtualService};
use serin_traffic::{CLUSTER_HEADER, Policy, RETRY_HEADER, RetryPolicy, subset_of_labels};
use std::collections::{BTreeMap, BTreeSet};

/// Where the filters run, and where their modules are.
#[derive(Clone, Debug)]
pub struct Options {
    /// The labels of the Pods whose proxies get the filters: the callers in a mesh, or a gateway's own Pods.
    pub selector: BTreeMap<String, String>,
    /// The namespace of those Pods.
    pub namespace: String,
    /// Which gateway the proxies are, as `namespace/name`; `None` in sidecars.
    pub gateway: Option<String>,
    /// The registry and the path in it that the images are under, such as `registry.example/serin`.
    pub registry: String,
    /// The images' tag.
    pub tag: String,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            selector: BTreeMap::new(),
            namespace: "default".to_owned(),
            gateway: None,
            registry: "registry.example/serin".to_owned(),
            tag: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }
}

/// The filters, in their order in the chain, and the priorities that Istio sorts them by: the highest comes first.
const FILTERS: [(&str, u32); 3] = [("header-router", 30), ("subset-picker", 20), ("shadow-mirror", 10)];

/// The manifests for the rules of `world`, in the order to apply them: first the filters, which remove any `x-serin-*`
/// header that a caller made up, then the route that heeds such headers.
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
///
/// let rendered = istio(&world, &Options::default());
/// let kinds: Vec<_> = rendered.iter().map(|manifest| manifest["kind"].as_str().unwrap()).collect();
/// assert_eq!(kinds, ["WasmPlugin", "WasmPlugin", "WasmPlugin", "EnvoyFilter"]);
/// assert_eq!(rendered[0]["spec"]["pluginConfig"]["resources"][0]["metadata"]["name"], "reviews");
/// # Ok::<(), serin::manifests::Mistakes>(())
/// ```
pub fn istio(world: &World, options: &Options) -> Vec<Value> {
    let rules = Rules::of(world, options);
    let plugins = FILTERS.iter().map(|(filter, priority)| wasm_plugin(filter, *priority, &rules, options));
    plugins.chain([envoy_filter(&rules, options)]).collect()
}

/// The sets of labels in RouteRules that no subset has: an istiod of today makes clusters of subsets only.
pub fn warnings(world: &World) -> Vec<Mistake> {
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
    /// The full names of all hosts and destinations of the rules, and of the callers that they are for.
    named: BTreeSet<String>,
}

impl<'a> Rules<'a> {
    fn of(world: &'a World, options: &Options) -> Self {
        let virtual_services: Vec<_> =
            world.virtual_services().filter(|(traffic, spec)| applies(traffic, spec, options)).collect();
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
        let named = of_virtual_services.chain(of_route_rules).collect();
        Self { world, virtual_services, route_rules, named }
    }

    /// The manifests that matter here, verbatim and in their order.
    fn resources(&self) -> Vec<Value> {
        let named = |name: &str, traffic: &Traffic| self.named.contains(&full(name, &traffic.namespace));
        let matters = |traffic: &&Traffic| match &traffic.manifest.spec {
            Spec::VirtualService(_) => self.virtual_services.iter().any(|(own, _)| own.origin == traffic.origin),
            Spec::RouteRule(_) => self.route_rules.iter().any(|(own, _)| own.origin == traffic.origin),
            Spec::DestinationRule(rule) => named(&rule.host, traffic),
            Spec::Service(_) => named(&traffic.manifest.metadata.name, traffic),
            Spec::ServiceEntry(entry) => entry.hosts.iter().any(|host| named(host, traffic)),
            Spec::Foreign(_) => false,
            Spec::CanaryPolicy(policy) => self.virtual_services.iter().any(|(own, _)| {
                own.namespace == traffic.namespace && own.manifest.metadata.name == policy.virtual_service
            }),
        };
        self.world.traffic.iter().filter(matters).map(|traffic| traffic.value.clone()).collect()
    }

    /// The rules as the filters will have them; none of those that they would refuse, which say so themselves.
    fn policy(&self, options: &Options) -> Policy {
        let configuration = Configuration::from_value(configuration(self, options));
        let compiled = configuration.and_then(|configuration| Policy::compile(&configuration, &Source::default()));
        compiled.map(|compiled| compiled.policy).unwrap_or_default()
    }

    /// The virtual hosts that Istio gives a sidecar for the rules' hosts: one for each port of a Service.
    ///
    /// `None` if a host is no Service of the world, so that its ports are not known.
    fn virtual_hosts(&self) -> Option<BTreeSet<String>> {
        let mut names = BTreeSet::new();
        let of_virtual_services = self
            .virtual_services
            .iter()
            .flat_map(|(traffic, spec)| spec.hosts.iter().map(|host| full(host, &traffic.namespace)));
        let of_route_rules =
            self.route_rules.iter().filter_map(|(traffic, rule)| rule.host(&traffic.namespace, CLUSTER_DOMAIN));
        for host in of_virtual_services.chain(of_route_rules) {
            let service = self.world.services.iter().find(|service| service.full_name() == host)?;
            names.extend(service.ports.iter().map(|port| format!("{host}:{}", port.number)));
        }
        Some(names)
    }
}

/// The plug-in configuration of every filter.
fn configuration(rules: &Rules<'_>, options: &Options) -> Value {
    let mut configuration = json!({"resources": rules.resources()});
    if let Some(gateway) = &options.gateway {
        configuration["gateway"] = json!(gateway);
    }
    if rules.world.namespace != "default" {
        configuration["namespace"] = json!(rules.world.namespace);
    }
    configuration
}

fn wasm_plugin(filter: &str, priority: u32, rules: &Rules<'_>, options: &Options) -> Value {
    json!({
        "apiVersion": "extensions.istio.io/v1alpha1",
        "kind": "WasmPlugin",
        "metadata": {"name": filter, "namespace": options.namespace},
        "spec": {
            "selector": {"matchLabels": options.selector},
            "match": [{"mode": "CLIENT"}],
            "priority": priority,
            "url": format!("oci://{}/{filter}:{}", options.registry, options.tag),
            // A module that cannot be pulled must not stop all that the Pod asks of anybody: deploy/bookinfo/README.md.
            "failStrategy": "FAIL_OPEN",
            // Plug-ins of equal code and environment share a VM.
            "vmConfig": {"env": [{"name": "SERIN_FILTER", "value": filter}]},
            "pluginConfig": configuration(rules, options),
        },
    })
}

fn envoy_filter(rules: &Rules<'_>, options: &Options) -> Value {
    let context = if options.gateway.is_some() { "GATEWAY" } else { "SIDECAR_OUTBOUND" };
    // A gateway's virtual hosts, and those of Services that are not here, cannot be named: there, every virtual host
    // gets the route. It takes only requests that a filter gave a cluster.
    let virtual_hosts = rules.virtual_hosts().filter(|_| options.gateway.is_none());
    let matches: Vec<Value> = match virtual_hosts {
        Some(names) => names
            .iter()
            .map(|name| json!({"context": context, "routeConfiguration": {"vhost": {"name": name}}}))
            .collect(),
        None => vec![json!({"context": context})],
    };
    let policy = rules.policy(options);
    // The last that is inserted comes first: the general route is the first here.
    let retries = retries_of(&policy);
    let named = retries.iter().map(Some);
    let routes: Vec<Value> = [None].into_iter().chain(named).map(|retry| route(policy.slots(), retry)).collect();
    let patch = |at: &Value, route: &Value| json!({"applyTo": "HTTP_ROUTE", "match": at, "patch": {"operation": "INSERT_FIRST", "value": route}});
    let mut patches: Vec<Value> =
        matches.iter().flat_map(|at| routes.iter().map(move |route| patch(at, route))).collect();
    let operators: Vec<String> = policy.given_operators().into_iter().map(str::to_owned).collect();
    patches.extend(operators_filter(&operators).map(|filter| {
        let manager = json!({"name": "envoy.filters.network.http_connection_manager"});
        json!({
            "applyTo": "HTTP_FILTER",
            "match": {"context": context, "listener": {"filterChain": {"filter": manager}}},
            "patch": {"operation": "INSERT_FIRST", "value": filter},
        })
    }));
    let name = match rules.virtual_services.as_slice() {
        [(only, _)] => format!("serin-{}", only.manifest.metadata.name),
        _ => "serin".to_owned(),
    };
    json!({
        "apiVersion": "networking.istio.io/v1alpha3",
        "kind": "EnvoyFilter",
        "metadata": {"name": name, "namespace": options.namespace},
        "spec": {
            "workloadSelector": {"labels": options.selector},
            "configPatches": patches,
        },
    })
}

/// The route for requests that a filter gave a cluster, with Istio's own defaults for timeout, retries and mirrors; or with the
/// policy for retries that a rule asks for by name.
fn route(slots: &[Slot], retry: Option<&(String, RetryPolicy)>) -> Value {
    let mut action = json!({
        "cluster_header": CLUSTER_HEADER,
        "timeout": "0s",
        "max_grpc_timeout": "0s",
        "retry_policy": retry.map_or_else(|| retry_policy(false), |(_, policy)| retry_policy_of(policy, false)),
    });
    let mut headers = vec![json!({"name": CLUSTER_HEADER, "present_match": true})];
    headers.extend(retry.map(|(name, _)| asks_for(name)));
    if !slots.is_empty() {
        let mut policies = mirror_policies(slots);
        for policy in &mut policies {
            policy["trace_sampled"] = json!(false);
        }
        action["request_mirror_policies"] = policies.into();
    }
    json!({
        "name": "serin",
        // A path that a rule has rewritten need not begin with a slash.
        "match": {"prefix": "", "headers": headers},
        "route": action,
        "request_headers_to_remove": [RETRY_HEADER],
    })
}

/// Whether the proxies apply the VirtualService.
fn applies(traffic: &Traffic, spec: &VirtualService, options: &Options) -> bool {
    let of_matches = spec.http.iter().flat_map(|rule| &rule.matches).flat_map(|condition| &condition.gateways);
    let mut gateways = spec.gateways.iter().chain(of_matches);
    match &options.gateway {
        None => spec.gateways.is_empty() || gateways.any(|gateway| gateway == "mesh"),
        Some(own) => gateways.any(|gateway| gateway == own || *own == format!("{}/{gateway}", traffic.namespace)),
    }
}

/// The full name of a host; the dot that may end it does not count.
fn full(host: &str, namespace: &str) -> String {
    full_name(host.strip_suffix('.').unwrap_or(host), namespace, CLUSTER_DOMAIN)
}

/// Where the rules of a VirtualService send requests and copies.
fn destinations(spec: &VirtualService) -> impl Iterator<Item = &Destination> {
    spec.http.iter().flat_map(|rule| {
        let routes = rule.route.iter().map(|to| &to.destination);
        routes.chain(&rule.mirror).chain(rule.mirrors.iter().map(|mirror| &mirror.destination))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifests::Text;

    const RULES: &str = "
{apiVersion: v1, kind: Service, metadata: {name: api}, spec: {ports: [{port: 80}, {port: 8080}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: other}, spec: {ports: [{port: 80}]}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: inside}
spec:
  hosts: [api]
  http:
  - route: [{destination: {host: api, subset: v1}}]
    mirrors: [{destination: {host: api, subset: v2}}, {destination: {host: api, subset: v3}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: outside}
spec:
  hosts: ['*']
  gateways: [front]
  http: [{route: [{destination: {host: other}}]}]
";

    fn rendered(options: &Options) -> Vec<Value> {
        istio(&World::parse("default", &[Text::new("rules.yaml", RULES)]).unwrap(), options)
    }

    fn names_of_resources(plugin: &Value) -> Vec<&str> {
        let resources = plugin["spec"]["pluginConfig"]["resources"].as_array().unwrap();
        resources.iter().map(|resource| resource["metadata"]["name"].as_str().unwrap()).collect()
    }

    #[test]
    fn sidecars_get_the_rules_of_the_mesh_and_a_route_for_each_port_of_its_hosts() {
        let rendered = rendered(&Options::default());
        assert_eq!(names_of_resources(&rendered[0]), ["api", "inside"]);
        let patches = rendered[3]["spec"]["configPatches"].as_array().unwrap();
        let host = |patch: &Value| patch["match"]["routeConfiguration"]["vhost"]["name"].clone();
        let hosts = ["api.default.svc.cluster.local:80", "api.default.svc.cluster.local:8080"];
        assert_eq!(patches.iter().map(host).collect::<Vec<_>>(), hosts);
        let copies = &patches[0]["patch"]["value"]["route"]["request_mirror_policies"];
        assert_eq!(copies.as_array().unwrap().len(), 2);
        assert_eq!(copies[1]["cluster_header"], "x-serin-shadow-2");
    }

    #[test]
    fn a_gateway_gets_its_own_rules_and_a_route_in_every_virtual_host() {
        let options =
            Options { gateway: Some("default/front".into()), namespace: "istio-system".into(), ..Options::default() };
        let rendered = rendered(&options);
        assert_eq!(names_of_resources(&rendered[0]), ["other", "outside"]);
        assert_eq!(rendered[0]["spec"]["pluginConfig"]["gateway"], "default/front");
        assert_eq!(rendered[0]["metadata"]["namespace"], "istio-system");
        let patches = rendered[3]["spec"]["configPatches"].as_array().unwrap();
        assert_eq!(patches.len(), 1);
        assert_eq!(patches[0]["match"], json!({"context": "GATEWAY"}));
        assert_eq!(patches[0]["patch"]["value"]["route"].get("request_mirror_policies"), None);
    }

    const ROUTE_RULES: &str = "
{apiVersion: v1, kind: Service, metadata: {name: menu}, spec: {ports: [{port: 80}]}}
---
{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {app: shop}, ports: [{port: 8080}]}}
---
apiVersion: config.istio.io/v1alpha2
kind: RouteRule
metadata: {name: menu}
spec:
  destination: {name: menu}
  match: {source: {name: web}}
  route: [{labels: {version: v1}}]
  mirror: {name: menu, labels: {version: v2}}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: menu}
spec: {host: menu, subsets: [{name: one, labels: {version: v1}}]}
";

    #[test]
    fn sidecars_get_route_rules_with_the_services_that_they_name() {
        let world = World::parse("default", &[Text::new("menu.yaml", ROUTE_RULES)]).unwrap();
        let rendered = istio(&world, &Options::default());
        assert_eq!(names_of_resources(&rendered[0]), ["menu", "web", "menu", "menu"]);
        let patches = rendered[3]["spec"]["configPatches"].as_array().unwrap();
        let vhost = &patches[0]["match"]["routeConfiguration"]["vhost"]["name"];
        assert_eq!((patches.len(), vhost), (1, &json!("menu.default.svc.cluster.local:80")));
        let of_gateway = istio(&world, &Options { gateway: Some("default/front".into()), ..Options::default() });
        assert!(names_of_resources(&of_gateway[0]).is_empty());
    }

    #[test]
    fn labels_without_a_subset_are_warned_of_with_the_subset_to_declare() {
        let world = World::parse("default", &[Text::new("menu.yaml", ROUTE_RULES)]).unwrap();
        let warnings: Vec<String> = warnings(&world).iter().map(ToString::to_string).collect();
        assert_eq!(
            warnings,
            [
                "menu.yaml: RouteRule default/menu: no subset of menu.default.svc.cluster.local has just the labels version=v2, so \
              Istio has no cluster for them: declare a subset {name: …, labels: {version: \"v2\"}} in a DestinationRule"
            ]
        );
    }
}
