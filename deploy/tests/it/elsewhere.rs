//! Services that are not pods of the manifests: hosts of ServiceEntries, ExternalNames, and TLS to them.

use serde_json::{Value, json};
use serin::manifests::{Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Filter, Listen};
use serin_traffic::written::Source;

/// What `serin render envoy` draws of `text`: clusters by name, and what it says.
fn drawn(text: &str) -> (impl Fn(&str) -> Value + use<>, Vec<String>) {
    let world = World::parse("default", &[Text::new("all.yaml", text)]).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let options = Options {
        filters: vec![Filter { name: "canary".into(), file: "/modules/canary.wasm".into() }],
        source: Source::default(),
        endpoints: Endpoints::Names,
        listen: Listen::OwnPort([127, 0, 0, 1].into()),
        gateway: None,
        access_log: None,
    };
    let rendered = render(&world, &options).unwrap_or_else(|mistakes| panic!("{mistakes}"));
    let clusters = rendered.configuration["static_resources"]["clusters"].as_array().unwrap().clone();
    let said = world.notes.into_iter().chain(rendered.warnings.iter().map(ToString::to_string)).collect();
    let cluster = move |name: &str| {
        let found = clusters.iter().find(|cluster| cluster["name"] == name);
        found.unwrap_or_else(|| panic!("no cluster {name} in {clusters:#?}")).clone()
    };
    (cluster, said)
}

fn entry(spec: &str) -> String {
    format!("{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: api}}, spec: {spec}}}\n---\n")
}

fn rule(spec: &str) -> String {
    format!(
        "{{apiVersion: networking.istio.io/v1, kind: DestinationRule, metadata: {{name: api}}, spec: {spec}}}\n---\n"
    )
}

fn addresses(cluster: &Value) -> Vec<String> {
    let endpoints = cluster["load_assignment"]["endpoints"][0]["lb_endpoints"].as_array().unwrap();
    let address = |endpoint: &Value| {
        let at = &endpoint["endpoint"]["address"]["socket_address"];
        format!("{}:{}", at["address"].as_str().unwrap(), at["port_value"])
    };
    endpoints.iter().map(address).collect()
}

#[test]
fn the_endpoints_of_a_service_entry_are_clusters_with_their_ports_and_labels() {
    let (cluster, said) = drawn(&format!(
        "{}{}",
        entry(
            "{hosts: [api.Example], location: MESH_INTERNAL, resolution: STATIC, \
              ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8000}, {number: 81, name: grpc, protocol: GRPC}], \
              endpoints: [{address: 10.0.0.1, labels: {version: v1}}, \
                          {address: 10.0.0.2, labels: {version: v2}, ports: {http: 9000}, weight: 3}]}"
        ),
        rule("{host: api.Example, subsets: [{name: v2, labels: {version: v2}}]}"),
    ));
    assert!(said.is_empty(), "{said:?}");
    let all = cluster("outbound|80||api.Example");
    assert_eq!(
        (&all["type"], addresses(&all)),
        (&json!("STATIC"), vec!["10.0.0.1:8000".into(), "10.0.0.2:9000".into()])
    );
    assert_eq!(all["load_assignment"]["endpoints"][0]["lb_endpoints"][1]["load_balancing_weight"], 3);
    assert_eq!(addresses(&cluster("outbound|80|v2|api.Example")), ["10.0.0.2:9000"]);
    let grpc = &cluster("outbound|81||api.Example")["typed_extension_protocol_options"];
    assert!(grpc.to_string().contains("http2_protocol_options"), "{grpc}");
}

#[test]
fn a_host_that_the_dns_has_is_asked_for_there() {
    let of = |resolution: &str, endpoints: &str| {
        let ports = "ports: [{number: 80, name: http, protocol: HTTP}]";
        let (cluster, _) = drawn(&entry(&format!("{{hosts: [api.example], {ports}, {resolution}{endpoints}}}")));
        let cluster = cluster("outbound|80||api.example");
        (cluster["type"].as_str().unwrap().to_owned(), addresses(&cluster))
    };
    assert_eq!(of("resolution: DNS", ""), ("STRICT_DNS".into(), vec!["api.example:80".into()]));
    assert_eq!(of("resolution: DNS_ROUND_ROBIN", ""), ("LOGICAL_DNS".into(), vec!["api.example:80".into()]));
    assert_eq!(
        of("resolution: DNS", ", endpoints: [{address: a.example}, {address: b.example, ports: {http: 8080}}]"),
        ("STRICT_DNS".into(), vec!["a.example:80".into(), "b.example:8080".into()])
    );
    // Without a resolution, a client's connection goes where the DNS sent it.
    assert_eq!(of("location: MESH_EXTERNAL", ""), ("STRICT_DNS".into(), vec!["api.example:80".into()]));
}

#[test]
fn a_host_that_nobody_can_find_is_told_of() {
    let (cluster, said) =
        drawn(&entry("{hosts: ['*.example'], ports: [{number: 80, name: http, protocol: HTTP}], resolution: NONE}"));
    assert!(addresses(&cluster("outbound|80||*.example")).is_empty());
    assert_eq!(
        said,
        [
            "all.yaml: ServiceEntry default/api: spec.hosts: *.example has no endpoint here: a proxy outside of a mesh does not \
          know which host is meant"
        ]
    );
}

#[test]
fn a_service_entry_may_select_pods() {
    let (cluster, said) = drawn(&format!(
        "{}{{apiVersion: apps/v1, kind: StatefulSet, metadata: {{name: vm}}, \
           spec: {{template: {{metadata: {{labels: {{app: vm}}}}}}}}}}\n",
        entry(
            "{hosts: [vm.example], ports: [{number: 80, name: http, protocol: HTTP, targetPort: 8080}], \
              resolution: STATIC, workloadSelector: {labels: {app: vm}}}"
        ),
    ));
    assert!(said.is_empty(), "{said:?}");
    assert_eq!(addresses(&cluster("outbound|80||vm.example")), ["vm:8080"]);
}

#[test]
fn an_external_name_is_another_name_of_a_host_or_of_a_service() {
    let (cluster, _) = drawn(
        "{apiVersion: v1, kind: Service, metadata: {name: away}, \
          spec: {type: ExternalName, externalName: api.example, ports: [{name: http, port: 80}]}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: alias}, \
          spec: {type: ExternalName, externalName: web.default.svc.cluster.local, ports: [{name: http, port: 80}]}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: web}, \
          spec: {selector: {app: web}, ports: [{name: http, port: 80, targetPort: 8080}]}}\n---\n\
         {apiVersion: v1, kind: Pod, metadata: {name: web-0, labels: {app: web}}}\n",
    );
    assert_eq!(addresses(&cluster("outbound|80||away.default.svc.cluster.local")), ["api.example:80"]);
    assert_eq!(addresses(&cluster("outbound|80||alias.default.svc.cluster.local")), ["web-0:8080"]);
}

#[test]
fn a_service_that_nobody_stands_behind_is_told_of() {
    let (_, said) = drawn(
        "{apiVersion: v1, kind: Service, metadata: {name: a}, spec: {selector: {app: a}, ports: [{port: 80}]}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: b}, spec: {ports: [{port: 80}]}}\n",
    );
    assert_eq!(
        said,
        [
            "all.yaml: Service default/a: no Deployment, StatefulSet, DaemonSet, ReplicaSet, Rollout or Pod among the manifests \
             has the labels of its selector: requests to it end in 503",
            "all.yaml: Service default/b: has neither a selector nor endpoints: requests to it end in 503",
        ]
    );
}

const HTTPS: &str = "{hosts: [api.example], resolution: DNS, \
    ports: [{number: 80, name: http, protocol: HTTP}, {number: 443, name: https, protocol: HTTPS}]}";

#[test]
fn tls_to_an_upstream_is_translated_as_istio_does() {
    let of = |tls: &str| {
        let (cluster, said) = drawn(&format!(
            "{}{}",
            entry(HTTPS),
            rule(&format!("{{host: api.example, trafficPolicy: {{tls: {tls}}}}}"))
        ));
        let cluster = cluster("outbound|443||api.example");
        let options =
            &cluster["typed_extension_protocol_options"]["envoy.extensions.upstreams.http.v3.HttpProtocolOptions"];
        (cluster["transport_socket"]["typed_config"].clone(), options["upstream_http_protocol_options"].clone(), said)
    };
    let ca = file!();
    let (context, by_host, said) =
        of(&format!("{{mode: SIMPLE, sni: a.example, caCertificates: ../{ca}, subjectAltNames: [a.example]}}"));
    assert_eq!((&context["sni"], by_host), (&json!("a.example"), Value::Null));
    let validation = &context["common_tls_context"]["validation_context"];
    assert_eq!(validation["trusted_ca"]["filename"], format!("../{ca}"));
    assert_eq!(
        validation["match_typed_subject_alt_names"][0],
        json!({"san_type": "DNS", "matcher": {"exact": "a.example"}})
    );
    assert!(said.is_empty(), "{said:?}");

    // Without a name of its own, the request's Host is the name, and has to be in the certificate.
    let (context, by_host, _) = of("{mode: SIMPLE}");
    assert_eq!((&context["sni"], by_host), (&Value::Null, json!({"auto_sni": true, "auto_san_validation": true})));
    assert!(context["common_tls_context"]["validation_context"]["trusted_ca"]["filename"].is_string());
    let (context, by_host, _) = of("{mode: SIMPLE, insecureSkipVerify: true}");
    assert!(context["common_tls_context"].get("validation_context").is_none(), "{context}");
    assert_eq!(by_host, json!({"auto_sni": true, "auto_san_validation": false}));

    // Files that are not here may be where Envoy is.
    let (context, _, said) =
        of("{mode: MUTUAL, clientCertificate: /gone/tls.crt, privateKey: /gone/tls.key, caCertificates: /gone/ca.crt}");
    assert_eq!(context["common_tls_context"]["tls_certificates"][0]["private_key"]["filename"], "/gone/tls.key");
    let told = |field: &str, file: &str| {
        format!(
            "all.yaml: DestinationRule default/api: spec.trafficPolicy.tls.{field}: {file} is not there; Envoy does not start without it"
        )
    };
    assert_eq!(
        said,
        [
            told("clientCertificate", "/gone/tls.crt"),
            told("privateKey", "/gone/tls.key"),
            told("caCertificates", "/gone/ca.crt"),
        ]
    );
}

#[test]
fn a_secret_among_the_manifests_has_the_certificates() {
    let secret = "{apiVersion: v1, kind: Secret, metadata: {name: api-cert}, type: kubernetes.io/tls, \
                   data: {tls.crt: QQ==, tls.key: Qg==, ca.crt: Qw==}}\n---\n";
    let mutual = rule("{host: api.example, trafficPolicy: {tls: {mode: MUTUAL, credentialName: api-cert}}}");
    let (cluster, said) = drawn(&format!("{secret}{}{mutual}", entry(HTTPS)));
    let common = &cluster("outbound|443||api.example")["transport_socket"]["typed_config"]["common_tls_context"];
    assert_eq!(common["tls_certificates"][0]["certificate_chain"], json!({"inline_bytes": "QQ=="}));
    assert_eq!(common["validation_context"]["trusted_ca"], json!({"inline_bytes": "Qw=="}));
    assert!(said.is_empty(), "{said:?}");
    let (_, said) = drawn(&format!("{}{mutual}", entry(HTTPS)));
    assert!(said[0].contains("tls.credentialName: the manifests have no Secret api-cert"), "{said:?}");
}
