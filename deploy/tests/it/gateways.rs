//! Gateways with TLS, redirects to https, and servers that are not for HTTP.

use crate::backend::{Backend, Behaviour};
use serde_json::{Value, json};
use serin::envoy::{Process, find};
use serin::manifests::{Text, World};
use serin::pocket::{Options as PocketOptions, Pocket};
use serin::render::envoy::{Options, Rendered, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_modules::Module;
use serin_traffic::written::Source;
use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

/// A certificate for `shop.example` and `*.shop.example`, signed by itself, good until the year 2126.
const CERTIFICATE: &str = include_str!("../certificates/shop.crt");
const KEY: &str = include_str!("../certificates/shop.key");

fn world(text: &str) -> World {
    World::parse("default", &[Text::new("all.yaml", text)]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn gateway(servers: &str) -> String {
    format!(
        "{{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {{name: gw}}, \
           spec: {{selector: {{istio: ingressgateway}}, servers: [{servers}]}}}}\n---\n"
    )
}

fn secret() -> String {
    let indented = |text: &str| text.lines().map(|line| format!("    {line}\n")).collect::<String>();
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata: {{name: shop-cert}}\ntype: kubernetes.io/tls\nstringData:\n  tls.crt: |\n{}  tls.key: |\n{}---\n",
        indented(CERTIFICATE),
        indented(KEY)
    )
}

fn drawn(world: &World, filters: Vec<Filter>) -> Rendered {
    let options = Options {
        filters,
        source: Source::default(),
        endpoints: Endpoints::Names,
        listen: Listen::OwnPort(Ipv4Addr::LOCALHOST.into()),
        gateway: None,
        access_log: None,
    };
    render(world, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

fn listener<'a>(configuration: &'a Value, name: &str) -> &'a Value {
    let listeners = configuration["static_resources"]["listeners"].as_array().unwrap();
    listeners.iter().find(|listener| listener["name"] == name).unwrap_or_else(|| panic!("no {name} in {listeners:#?}"))
}

const HTTP: &str = "{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}";

#[test]
fn servers_that_are_not_for_http_are_left_to_istio_and_the_others_served() {
    for (port, tls, said) in [
        ("TCP", "", "port.protocol: TCP is left to Istio: Serin's filters see HTTP only"),
        ("MONGO", "", "port.protocol: MONGO is left to Istio: Serin's filters see HTTP only"),
        ("TLS", "tls: {mode: PASSTHROUGH}", "port.protocol: TLS is left to Istio: Serin's filters see HTTP only"),
        (
            "HTTPS",
            "tls: {mode: PASSTHROUGH}",
            "tls.mode: PASSTHROUGH is left to Istio: a filter sees nothing of TLS that ends elsewhere",
        ),
        (
            "HTTPS",
            "tls: {mode: ISTIO_MUTUAL}",
            "tls.mode: ISTIO_MUTUAL is left to Istio: it has the certificates of the mesh",
        ),
    ] {
        let other = format!("{{port: {{number: 9000, name: other, protocol: {port}}}, hosts: ['*'], {tls}}}");
        let world = world(&gateway(&format!("{other}, {HTTP}")));
        assert_eq!(world.notes, [format!("all.yaml: Gateway default/gw: spec.servers[0].{said}")]);
        let rendered = drawn(&world, Vec::new());
        let names: Vec<String> = rendered.listeners.iter().map(ToString::to_string).collect();
        assert_eq!(names, ["default/gw:80"]);
    }
}

#[test]
fn a_protocol_that_istio_does_not_have_is_a_mistake() {
    let text = gateway("{port: {number: 80, name: http, protocol: HTPP}, hosts: ['*']}");
    let shown = World::parse("default", &[Text::new("all.yaml", text)]).unwrap_err().to_string();
    assert!(shown.contains("spec.servers[0].port.protocol: \"HTPP\" is none of HTTP"), "{shown}");
}

#[test]
fn a_server_with_tls_needs_its_certificate() {
    let https = "{port: {number: 443, name: https, protocol: HTTPS}, hosts: [shop.example], tls: {mode: SIMPLE, credentialName: shop-cert}}";
    let without = drawn(&world(&gateway(&format!("{HTTP}, {https}"))), Vec::new());
    assert_eq!(without.listeners.len(), 1);
    let said: Vec<String> = without.warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "all.yaml: Gateway default/gw: spec.servers[1].tls: port 443 is left to Istio: the manifests have no Secret shop-cert \
          with tls.crt and tls.key"
        ]
    );

    let with = drawn(&world(&format!("{}{}", secret(), gateway(&format!("{HTTP}, {https}")))), Vec::new());
    assert!(with.warnings.is_empty(), "{:?}", with.warnings);
    let chain = &listener(&with.configuration, "default/gw:443")["filter_chains"][0];
    assert_eq!(chain["filter_chain_match"], json!({"server_names": ["shop.example"]}));
    let common = &chain["transport_socket"]["typed_config"]["common_tls_context"];
    assert_eq!(common["tls_certificates"][0]["certificate_chain"]["inline_string"], CERTIFICATE);

    let mutual = https.replace("SIMPLE", "MUTUAL");
    let without = drawn(&world(&format!("{}{}", secret(), gateway(&format!("{HTTP}, {mutual}")))), Vec::new());
    assert!(without.warnings[0].to_string().contains("the manifests have no Secret shop-cert with ca.crt"));
}

fn canary(directory: &tempfile::TempDir) -> Vec<Filter> {
    let file = directory.path().join("canary.wasm");
    fs::write(&file, Module::Canary.bytes()).unwrap();
    vec![Filter { name: Module::Canary.name().to_owned(), file }]
}

/// The status and the `location` of the answer to `GET path`.
#[track_caller]
fn ask(at: SocketAddr, host: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    let location = answer.lines().find_map(|line| line.strip_prefix("location: ")).unwrap_or_default();
    (answer.split(' ').nth(1).unwrap().parse().unwrap(), location.to_owned())
}

/// A port that was free a moment ago.
fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tls_ends_at_a_gateway_and_begins_at_an_upstream() {
    let backend = Backend::start("shop", Behaviour::Status(200));
    let directory = tempfile::tempdir().unwrap();
    let authority = directory.path().join("ca.crt");
    fs::write(&authority, CERTIFICATE).unwrap();
    let (edge, inside) = (free_port(), free_port());
    // A caller in the mesh asks shop.example with TLS; there the gateway ends it, and a rule sends the request on.
    let text = format!(
        "{secret}{gateway}\
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: front}}
spec:
  hosts: [front.example]
  resolution: STATIC
  ports: [{{number: {inside}, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1, ports: {{http: {edge}}}}}]
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {{name: front}}
spec:
  host: front.example
  trafficPolicy:
    tls: {{mode: SIMPLE, sni: shop.example, caCertificates: {authority}, subjectAltNames: [shop.example]}}
---
apiVersion: networking.istio.io/v1
kind: ServiceEntry
metadata: {{name: shop}}
spec:
  hosts: [shop.internal]
  resolution: STATIC
  ports: [{{number: {shop}, name: http, protocol: HTTP}}]
  endpoints: [{{address: 127.0.0.1}}]
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {{name: shop}}
spec:
  hosts: ['*']
  gateways: [gw]
  http:
  - match: [{{scheme: {{exact: https}}}}]
    route: [{{destination: {{host: shop.internal}}}}]
",
        secret = secret(),
        gateway = gateway(&format!(
            "{{port: {{number: {edge}, name: https, protocol: HTTPS}}, hosts: [shop.example, front.example], \
               tls: {{mode: SIMPLE, credentialName: shop-cert}}}}"
        )),
        authority = authority.display(),
        shop = backend.address.port(),
    );
    let world = world(&text);
    let filters = canary(&directory);
    let mut rendered = drawn(&world, filters);
    // The port of shop.internal is the backend's own: nobody listens there for the mesh, and the admin's may be taken.
    let listeners = rendered.configuration["static_resources"]["listeners"].as_array_mut().unwrap();
    listeners.retain(|listener| listener["name"] != format!("mesh:{}", backend.address.port()));
    rendered.configuration["admin"]["address"]["socket_address"]["port_value"] = 0.into();
    let envoy = Process::start(&find(None).unwrap(), &rendered.configuration, 1, directory).await.unwrap();
    let mesh = SocketAddr::from(([127, 0, 0, 1], inside));
    let answer = tokio::task::spawn_blocking(move || ask(mesh, "front.example", "/"));
    assert_eq!(answer.await.unwrap().0, 200, "{}", envoy.log());
    assert_eq!(backend.requests(), 1);
    envoy.stop().await;
}

const SHOP: &str = "
{apiVersion: v1, kind: Service, metadata: {name: w}, spec: {selector: {app: w}, ports: [{name: http, port: 80}]}}
---
{apiVersion: apps/v1, kind: Deployment, metadata: {name: w-v1}, spec: {template: {metadata: {labels: {app: w}}}}}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: w}
spec: {hosts: [w.example], gateways: [gw], http: [{match: [{uri: {prefix: /shop}}], route: [{destination: {host: w}}]}]}
---
";

/// A Gateway as most people have it (https://github.com/istio/istio/issues/58396, 11606, 32033).
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_80_clients_are_sent_to_https_and_at_443_they_are_served() {
    let text = format!(
        "{SHOP}{}",
        gateway(
            "{port: {number: 80, name: http, protocol: HTTP}, hosts: [w.example], tls: {httpsRedirect: true}}, \
             {port: {number: 443, name: https, protocol: HTTPS}, hosts: [w.example], tls: {mode: SIMPLE, credentialName: w-cert}}"
        )
    );
    let world = world(&text);
    let pocket = Pocket::start(&world, &PocketOptions { concurrency: 1, ..PocketOptions::default() }).await.unwrap();
    let said: Vec<String> = pocket.warnings().iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "all.yaml: Gateway default/gw: spec.servers[1].tls: is served without TLS here; to rules its requests are https all \
          the same"
        ]
    );
    let (http, https) = (pocket.listener("default/gw", 80).unwrap(), pocket.listener("default/gw", 443).unwrap());
    let asked = tokio::task::spawn_blocking(move || {
        // As Envoy's `require_tls` answers, which Istio sets: a rule that would answer 404 is not asked.
        assert_eq!(ask(http, "w.example", "/other?a=1"), (301, "https://w.example/other?a=1".to_owned()));
        assert_eq!(ask(http, "w.example:80", "/shop"), (301, "https://w.example:80/shop".to_owned()));
        assert_eq!(ask(http, "w.example:8080", "/shop"), (301, "https://w.example:8080/shop".to_owned()));
        assert_eq!(ask(http, "other.example", "/shop").0, 404);
        assert_eq!(ask(https, "w.example", "/shop").0, 200);
        assert_eq!(ask(https, "w.example", "/other").0, 404);
    });
    asked.await.unwrap();
    assert_eq!(pocket.counts()["w-v1"], 1);
    pocket.stop().await;
}
