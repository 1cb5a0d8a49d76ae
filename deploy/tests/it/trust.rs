//! What clients are not believed, in a real Envoy: forged headers choose no cluster and cause no copy, whatever became of the filter.

use crate::backend::{Backend, Behaviour, ask};
use crate::files::repository;
use crate::mesh::{self, Context};
use serde_json::{Value, json};
use serin::envoy::{Failure, Process, find};
use serin::manifests::{Replica, Text, World};
use serin::render::envoy::{Options, render};
use serin::render::istio::{self, istio};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// Requests to reviews are for `next` by its rule, those to `/copied` with a copy to `shadow`. Nobody may reach `vault`.
const RULES: &str = "
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: reviews}
spec:
  hosts: [reviews, shop.example]
  gateways: [mesh, front]
  http:
  - match: [{uri: {prefix: /copied}}]
    route: [{destination: {host: next}}]
    mirror: {host: shadow}
  - route: [{destination: {host: next}}]
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec:
  selector: {istio: ingressgateway}
  servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: [shop.example]}]
";

const SERVICES: [&str; 4] = ["reviews", "next", "shadow", "vault"];

const VAULT: &str = "outbound|9080||vault.default.svc.cluster.local";

fn world() -> World {
    let service = |name: &str| {
        format!(
            "---\n{{apiVersion: v1, kind: Service, metadata: {{name: {name}}}, \
             spec: {{selector: {{app: {name}}}, ports: [{{name: http, port: 9080}}]}}}}\n\
             ---\n{{apiVersion: apps/v1, kind: Deployment, metadata: {{name: {name}}}, \
             spec: {{template: {{metadata: {{labels: {{app: {name}}}}}}}}}}}\n"
        )
    };
    let text = SERVICES.into_iter().map(service).collect::<String>() + "---" + RULES;
    World::parse("default", &[Text::new("shop.yaml", text)]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

/// What became of the filter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum State {
    Running,
    Absent,
    Disabled,
    /// It trapped, and its policy is FAIL_OPEN: from then on requests pass it by. The module is one that traps at every request:
    /// Serin's own do at none.
    Trapped,
    /// The first configuration that it got was refused.
    Refused,
    /// A later one was.
    RefusedLater,
}

impl State {
    const ALL: [Self; 6] =
        [Self::Running, Self::Absent, Self::Disabled, Self::Trapped, Self::Refused, Self::RefusedLater];

    fn title(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Absent => "absent",
            Self::Disabled => "disabled",
            Self::Trapped => "trapped, `FAIL_OPEN`",
            Self::Refused => "without a configuration, its first was refused",
            Self::RefusedLater => "running with its former configuration, a later one was refused",
        }
    }
}

/// Where the filter stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Place {
    Sidecar,
    IstioGateway,
    LoneMesh,
    LoneGateway,
}

impl Place {
    const ALL: [Self; 4] = [Self::Sidecar, Self::IstioGateway, Self::LoneMesh, Self::LoneGateway];

    fn host(self) -> &'static str {
        match self {
            Self::Sidecar | Self::LoneMesh => "reviews",
            Self::IstioGateway | Self::LoneGateway => "shop.example",
        }
    }

    fn is_lone(self) -> bool {
        matches!(self, Self::LoneMesh | Self::LoneGateway)
    }
}

/// What keeps clients from choosing; all of it, or what a test leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Guard {
    Whole,
    EarlyRemoval,
    FilterState,
    None,
}

const MODULE_THAT_TRAPS: &str = r#"(module
    (memory (export "memory") 4)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "_initialize"))
    (func (export "proxy_on_memory_allocate") (param i32) (result i32) i32.const 131072)
    (func (export "proxy_on_vm_start") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_configure") (param i32 i32) (result i32) i32.const 1)
    (func (export "proxy_on_context_create") (param i32 i32))
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)
    (func (export "proxy_on_done") (param i32) (result i32) i32.const 1)
    (func (export "proxy_on_delete") (param i32)))"#;

/// A configuration that Serin refuses.
const REFUSED: &str =
    r#"{"resources": [{"kind": "VirtualService", "metadata": {"name": "a"}, "spec": {"hosts": []}}]}"#;

/// The backends, and what is rendered for them.
struct Shop {
    directory: TempDir,
    backends: BTreeMap<&'static str, Backend>,
    /// The lone Envoy's configuration; its listeners are `mesh:9080`, `mesh:80` and `default/front:80`.
    lone: Value,
}

impl Shop {
    fn open() -> Self {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("canary.wasm"), Module::Canary.bytes()).unwrap();
        fs::write(directory.path().join("trap.wasm"), wat::parse_str(MODULE_THAT_TRAPS).unwrap()).unwrap();
        let backends: BTreeMap<_, _> =
            SERVICES.into_iter().map(|name| (name, Backend::start(name, Behaviour::Status(200)))).collect();
        let replica = |name: &str| Replica {
            namespace: "default".to_owned(),
            kind: "Deployment".to_owned(),
            workload: name.to_owned(),
            number: 0,
        };
        let options = Options {
            filters: vec![Filter { name: "canary".to_owned(), file: directory.path().join("canary.wasm") }],
            source: Default::default(),
            endpoints: Endpoints::Addresses(
                backends.iter().map(|(name, backend)| (replica(name), backend.address)).collect(),
            ),
            listen: Listen::AnyPort,
            gateway: None,
            access_log: None,
        };
        let lone = render(&world(), &options).unwrap().configuration;
        Self { directory, backends, lone }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The listener as it is rendered, or as istiod makes it of what is rendered.
    fn listener(&self, place: Place) -> Value {
        let lone = |name: &str| {
            let listeners = self.lone["static_resources"]["listeners"].as_array().unwrap();
            listeners.iter().find(|listener| listener["name"] == name).unwrap().clone()
        };
        match place {
            Place::LoneMesh => lone("mesh:9080"),
            Place::LoneGateway => lone("default/front:80"),
            Place::Sidecar => self.patched(
                Context::Sidecar,
                istio::Options {
                    selector: Some(BTreeMap::from([("app".to_owned(), "web".to_owned())])),
                    ..istio::Options::default()
                },
            ),
            Place::IstioGateway => self.patched(
                Context::Gateway,
                istio::Options { gateway: Some("default/front".to_owned()), ..istio::Options::default() },
            ),
        }
    }

    fn patched(&self, context: Context, options: istio::Options) -> Value {
        let (name, domains) = match context {
            Context::Sidecar => ("reviews.default.svc.cluster.local:9080", ["reviews"]),
            Context::Gateway => ("shop.example:80", ["shop.example"]),
        };
        let mut listener =
            mesh::listener("patched", name, &domains, "outbound|9080||reviews.default.svc.cluster.local");
        let rendered = istio(&world(), &options).unwrap().manifests;
        let [plugin, envoy_filter] = rendered.as_slice() else { panic!("{rendered:?}") };
        mesh::add_plugins(&mut listener, &[plugin], |module| self.file(&format!("{module}.wasm")));
        assert!(mesh::apply(envoy_filter, context, &mut listener) >= 2, "the removal and the route find their places");
        listener
    }

    /// The same listener with the filter in that state.
    fn in_state(&self, mut listener: Value, state: State, name: &str) -> Value {
        listener["name"] = json!(name);
        let filters = mesh::manager(&mut listener)["http_filters"].as_array_mut().unwrap();
        let filter = &mut filters[0];
        match state {
            State::Running => {}
            State::Absent => {
                filters.remove(0);
            }
            State::Disabled => filter["disabled"] = json!(true),
            State::Trapped => {
                let config = &mut filter["typed_config"]["config"];
                config["vm_config"]["code"]["local"]["filename"] = json!(self.file("trap.wasm"));
                config["failure_policy"] = json!("FAIL_OPEN");
                // A VM of its own: two filters that share one share its trap.
                config["vm_config"]["vm_id"] = json!(name);
            }
            // As in Istio: the filter's configuration is discovered by itself.
            State::Refused | State::RefusedLater => {
                let file = self.file(&format!("{}.json", name.replace(['/', ' '], "-")));
                let mut taken = filter["typed_config"].clone();
                if state == State::Refused {
                    taken["config"]["configuration"]["value"] = json!(REFUSED);
                }
                write_extension(&file, name, &taken);
                *filter = json!({
                    "name": name,
                    "config_discovery": {
                        "config_source": {"path_config_source": {"path": file}, "resource_api_version": "V3"},
                        "type_urls": ["type.googleapis.com/envoy.extensions.filters.http.wasm.v3.Wasm"],
                    },
                });
            }
        }
        listener
    }

    /// An Envoy with these listeners before the backends.
    async fn serve(&self, listeners: &[Value]) -> Process {
        let mut configuration = self.lone.clone();
        configuration["static_resources"]["listeners"] = json!(listeners);
        let envoy = Process::start(&find(None).unwrap(), &configuration, 1, tempfile::tempdir().unwrap()).await;
        envoy.unwrap_or_else(|failure| panic!("{failure}"))
    }

    fn vault(&self) -> &Backend {
        &self.backends["vault"]
    }
}

/// Writes what an extension's configuration is, as Envoy reads it from a file; it sees only files that are moved there.
fn write_extension(file: &Path, name: &str, typed_config: &Value) {
    let resource = json!({
        "@type": "type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig",
        "name": name,
        "typed_config": typed_config,
    });
    move_into(file, &json!({"resources": [resource]}));
}

fn move_into(file: &Path, content: &Value) {
    let new = file.with_extension("new");
    fs::write(&new, content.to_string()).unwrap();
    fs::rename(&new, file).unwrap();
}

/// Takes away a part of what keeps clients from choosing.
fn weaken(listener: &mut Value, guard: Guard) {
    let manager = mesh::manager(listener);
    if matches!(guard, Guard::FilterState | Guard::None) {
        assert!(manager.as_object_mut().unwrap().remove("early_header_mutation_extensions").is_some());
    }
    if matches!(guard, Guard::EarlyRemoval | Guard::None) {
        let hosts = manager["route_config"]["virtual_hosts"].as_array_mut().unwrap();
        let routes = hosts.iter_mut().flat_map(|host| host["routes"].as_array_mut().unwrap());
        let weakened = routes.filter_map(|route| route["match"].as_object_mut().unwrap().remove("filter_state"));
        assert!(weakened.count() > 0);
    }
}

/// Sends everything that a client could try, and gives who answered.
async fn attack(listener: SocketAddr, host: &'static str) -> BTreeSet<String> {
    let forged: [&[(&str, &str)]; 6] = [
        &[("x-serin-cluster", VAULT)],
        &[("X-Serin-Cluster", VAULT), ("x-serin-cluster", VAULT)],
        &[("x-serin-shadow-1", VAULT)],
        &[("x-serin-shadow-2", VAULT), ("x-serin-shadow-1", VAULT), ("X-SERIN-SHADOW-1", VAULT)],
        &[("x-serin-cluster", VAULT), ("x-serin-shadow-1", VAULT), ("x-serin-subset", "v1"), ("serin.route", "a b")],
        &[("connection", "x-serin-subset"), ("x-serin-cluster", VAULT), ("wasm.serin.route", "a b")],
    ];
    let answers = tokio::task::spawn_blocking(move || {
        let mut answers = BTreeSet::new();
        for headers in forged {
            for path in ["/", "/copied"] {
                let headers: Vec<_> = [("host", host)].into_iter().chain(headers.iter().copied()).collect();
                answers.insert(ask(listener, path, &headers));
            }
            // A host that has no rule, and that nobody serves.
            let headers: Vec<_> = [("host", "nobody.example")].into_iter().chain(headers.iter().copied()).collect();
            let answer = ask(listener, "/", &headers);
            answers.extend((answer != "404").then_some(answer));
        }
        answers
    });
    answers.await.unwrap()
}

/// Who answered, as docs/trust.md has it.
fn title(answers: &BTreeSet<String>) -> String {
    let title = |answer: &String| match answer.as_str() {
        "next" => "the rule".to_owned(),
        "reviews" => "the Service".to_owned(),
        status => status.to_owned(),
    };
    answers.iter().map(title).collect::<Vec<_>>().join(", ")
}

async fn until(what: &str, envoy: &Process, end: &str, is_there: impl Fn(u64) -> bool) {
    let started = Instant::now();
    loop {
        let sum = envoy.counters(end).await.unwrap().values().sum();
        if is_there(sum) {
            return;
        }
        assert!(started.elapsed() < Duration::from_secs(10), "{what}: {end} is {sum}; {}", envoy.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_forged_header_chooses_a_cluster_or_causes_a_copy_in_any_state_of_the_filter() {
    let shop = Shop::open();
    let name = |place: Place, state: State| format!("{place:?} {state:?}");
    let cells = Place::ALL.into_iter().flat_map(|place| State::ALL.into_iter().map(move |state| (place, state)));
    // A lone Envoy's filters have their configurations in the listener: see the next test.
    let cells: Vec<_> = cells
        .filter(|(place, state)| !(place.is_lone() && matches!(state, State::Refused | State::RefusedLater)))
        .collect();
    let listeners: Vec<Value> = cells
        .iter()
        .map(|(place, state)| shop.in_state(shop.listener(*place), *state, &name(*place, *state)))
        .collect();
    let envoy = shop.serve(&listeners).await;
    for (place, _) in cells.iter().filter(|(_, state)| *state == State::RefusedLater) {
        let mut bad = shop.listener(*place);
        let mut bad = mesh::manager(&mut bad)["http_filters"][0]["typed_config"].take();
        bad["config"]["configuration"]["value"] = json!(REFUSED);
        let name = name(*place, State::RefusedLater);
        write_extension(&shop.file(&format!("{}.json", name.replace(' ', "-"))), &name, &bad);
    }
    until("both later configurations are refused", &envoy, "update_rejected", |sum| sum >= 4).await;

    let mut table = BTreeMap::new();
    for (place, state) in cells {
        let listener = envoy.listeners()[&name(place, state)];
        let host = place.host();
        if state == State::Trapped {
            let first =
                tokio::task::spawn_blocking(move || ask(listener, "/", &[("host", host), ("x-serin-cluster", VAULT)]));
            assert_eq!(first.await.unwrap(), "503", "{place:?}: the request that meets the trap");
        }
        let answers = attack(listener, host).await;
        assert_eq!(shop.vault().requests_of(0), 0, "{place:?} {state:?}");
        table.insert((state, place), title(&answers));
    }
    // The rules' own copies are sent all the while.
    assert!(shop.backends["shadow"].requests() > 0);
    envoy.stop().await;

    for place in [Place::LoneMesh, Place::LoneGateway] {
        table.insert((State::Refused, place), "does not start".to_owned());
        table.insert((State::RefusedLater, place), "the rule".to_owned());
    }
    let rows = State::ALL.into_iter().map(|state| {
        let cells: Vec<&str> = Place::ALL.into_iter().map(|place| table[&(state, place)].as_str()).collect();
        format!("| {} | {} |\n", state.title(), cells.join(" | "))
    });
    let rows: String = rows.collect();
    let page = fs::read_to_string(repository().join("docs/trust.md")).unwrap();
    assert!(page.contains(&rows), "docs/trust.md does not have these rows:\n{rows}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lone_envoy_does_not_start_with_a_refused_configuration_and_keeps_the_former_one() {
    let shop = Shop::open();
    let refuse = |mut listener: Value| {
        let config = &mut mesh::manager(&mut listener)["http_filters"][0]["typed_config"]["config"];
        config["configuration"]["value"] = json!(REFUSED);
        listener
    };
    for place in [Place::LoneMesh, Place::LoneGateway] {
        let mut configuration = shop.lone.clone();
        configuration["static_resources"]["listeners"] = json!([refuse(shop.listener(place))]);
        let started = Process::start(&find(None).unwrap(), &configuration, 1, tempfile::tempdir().unwrap()).await;
        assert!(matches!(started, Err(Failure::Refused(..))), "{place:?}: {started:?}");

        // The same listener, from a file that Envoy watches.
        let file = shop.file("listeners.json");
        let write = |listener: Value| {
            let mut listener = listener;
            listener["@type"] = json!("type.googleapis.com/envoy.config.listener.v3.Listener");
            move_into(&file, &json!({"resources": [listener]}));
        };
        write(shop.listener(place));
        let configuration = &mut configuration;
        configuration["static_resources"].as_object_mut().unwrap().remove("listeners");
        configuration["dynamic_resources"] =
            json!({"lds_config": {"path_config_source": {"path": file}, "resource_api_version": "V3"}});
        let envoy = Process::start(&find(None).unwrap(), configuration, 1, tempfile::tempdir().unwrap()).await.unwrap();
        write(refuse(shop.listener(place)));
        until("the later listener is refused", &envoy, "lds.update_rejected", |sum| sum >= 1).await;
        let listener = *envoy.listeners().values().next().unwrap();
        assert_eq!(title(&attack(listener, place.host()).await), "the rule", "{place:?}");
        assert_eq!(shop.vault().requests_of(0), 0, "{place:?}");
        envoy.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_the_filter_each_defence_of_a_mesh_holds_alone_and_without_both_a_client_chooses() {
    let shop = Shop::open();
    let guards = [Guard::Whole, Guard::EarlyRemoval, Guard::FilterState, Guard::None];
    let name = |place: Place, guard: Guard| format!("{place:?} {guard:?}");
    let mut listeners = Vec::new();
    for place in Place::ALL {
        for guard in guards {
            let mut listener = shop.in_state(shop.listener(place), State::Absent, &name(place, guard));
            weaken(&mut listener, guard);
            listeners.push(listener);
        }
    }
    let envoy = shop.serve(&listeners).await;
    for place in Place::ALL {
        for guard in guards {
            let before = shop.vault().requests();
            let answers = attack(envoy.listeners()[&name(place, guard)], place.host()).await;
            let reached = shop.vault().requests_of(before) > before;
            // A lone Envoy's plain route has the slots too, for shadow-mirror alone: only the removal guards it.
            let expected = guard == Guard::None || guard == Guard::FilterState && place == Place::LoneMesh;
            assert_eq!(reached, expected, "{place:?} {guard:?}: {answers:?}");
            assert_eq!(answers.contains("vault"), guard == Guard::None, "{place:?} {guard:?}: {answers:?}");
        }
    }
    envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upstream_sees_no_header_of_serins_but_the_slots() {
    let shop = Shop::open();
    let name = |place: Place| format!("{place:?}");
    let listeners: Vec<Value> =
        Place::ALL.into_iter().map(|place| shop.in_state(shop.listener(place), State::Running, &name(place))).collect();
    let envoy = shop.serve(&listeners).await;
    for place in Place::ALL {
        let listener = envoy.listeners()[&name(place)];
        let host = ("host", place.host());
        let asked = move || [ask(listener, "/", &[host]), ask(listener, "/copied", &[host, ("x-serin-made-up", "1")])];
        assert_eq!(tokio::task::spawn_blocking(asked).await.unwrap(), ["next", "next"]);
    }
    let primaries = shop.backends["next"].heads();
    let copies = {
        assert_eq!(shop.backends["shadow"].requests_of(4), 4);
        shop.backends["shadow"].heads()
    };
    let own = |head: &BTreeMap<String, String>| -> String {
        head.keys().filter(|name| name.starts_with("x-serin-")).cloned().collect::<Vec<_>>().join(" ")
    };
    // The router looks for the clusters of copies once it has done all that a route can do to a request.
    let slots = ["", "x-serin-shadow-1"].repeat(4);
    assert_eq!(primaries.iter().map(own).collect::<Vec<_>>(), slots);
    assert_eq!(copies.iter().map(own).collect::<Vec<_>>(), [""; 4]);
    envoy.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_mark_of_shadows_is_believed_inside_the_mesh_and_not_at_its_edge() {
    let shop = Shop::open();
    let name = |place: Place| format!("{place:?}");
    let listeners: Vec<Value> =
        Place::ALL.into_iter().map(|place| shop.in_state(shop.listener(place), State::Running, &name(place))).collect();
    let envoy = shop.serve(&listeners).await;
    let mut copies = 0;
    for place in Place::ALL {
        let (listener, host) = (envoy.listeners()[&name(place)], place.host());
        let asked = move || ask(listener, "/copied", &[("host", host), ("x-shadowed-by", "serin")]);
        assert_eq!(tokio::task::spawn_blocking(asked).await.unwrap(), "next");
        let at_edge = matches!(place, Place::IstioGateway | Place::LoneGateway);
        let seen = shop.backends["next"].heads().pop().unwrap();
        assert_eq!(seen.get("x-shadowed-by").map(String::as_str), (!at_edge).then_some("serin"), "{place:?}");
        copies += usize::from(at_edge);
        assert_eq!(shop.backends["shadow"].requests_of(copies), copies, "{place:?}");
    }
    let marks = shop.backends["shadow"].heads();
    assert!(marks.iter().all(|head| head["x-shadowed-by"] == "serin"));
    envoy.stop().await;
}
