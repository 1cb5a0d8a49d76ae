//! Which rules the proxies of a namespace, or a gateway, have: the same for `simulate` and `render`.

use serde_json::{Value, json};
use serin::manifests::{Text, World};
use serin::render::envoy::{Options, render};
use serin::render::istio::{self, istio};
use serin::render::{Endpoints, Listen};
use serin_traffic::written::Source;
use std::collections::BTreeMap;
use std::process::Command;

/// What `serin simulate` says of one request: the clusters' names, or what it complains of.
#[track_caller]
fn simulated(text: &str, arguments: &str) -> Result<Vec<String>, String> {
    let directory = tempfile::tempdir().unwrap();
    std::fs::write(directory.path().join("m.yaml"), text).unwrap();
    let arguments = format!("simulate m.yaml -n 1 --output json {arguments}");
    let serin = Command::new(env!("CARGO_BIN_EXE_serin"))
        .args(arguments.split_whitespace())
        .current_dir(directory.path())
        .output()
        .unwrap();
    if !serin.status.success() {
        assert_eq!(serin.status.code(), Some(1));
        return Err(String::from_utf8(serin.stderr).unwrap());
    }
    let report: Value = serde_json::from_slice(&serin.stdout).unwrap();
    let splits = report["splits"].as_array().unwrap().iter();
    let destinations = splits.flat_map(|split| split["destinations"].as_array().unwrap());
    Ok(destinations.map(|destination| destination["name"].as_str().unwrap().trim_end_matches('|').to_owned()).collect())
}

fn world(texts: &[&str]) -> World {
    let texts: Vec<Text> = texts.iter().enumerate().map(|(n, text)| Text::new(format!("{n}.yaml"), *text)).collect();
    World::parse("default", &texts).unwrap()
}

fn options(namespace: Option<&str>, gateway: Option<&str>) -> Options {
    Options {
        filters: vec![],
        source: Source { namespace: namespace.map(str::to_owned), labels: BTreeMap::new() },
        endpoints: Endpoints::Names,
        listen: Listen::AnyPort,
        gateway: gateway.map(str::to_owned),
        access_log: None,
    }
}

fn rendered(texts: &[&str], options: &Options) -> Value {
    render(&world(texts), options).unwrap().configuration["static_resources"].take()
}

fn clusters(resources: &Value) -> Vec<&str> {
    resources["clusters"].as_array().unwrap().iter().map(|cluster| cluster["name"].as_str().unwrap()).collect()
}

const FRONT: &str = "
apiVersion: v1
kind: Service
metadata: {name: shop}
spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: front}
spec: {selector: {istio: ingressgateway}, servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['shop.example', 'other/there.example']}]}
---
";

fn at(gateway: &str, hosts: &str) -> String {
    format!(
        "{FRONT}apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: shop}}\n\
         spec: {{hosts: [{hosts}], gateways: ['{gateway}'], http: [{{route: [{{destination: {{host: shop}}}}]}}]}}\n"
    )
}

const SPELLINGS: [&str; 5] = ["front", "./front", "default/front", "front.default", "front.default.svc.cluster.local"];

#[test]
fn a_gateway_is_known_by_every_spelling_to_simulate_and_to_render() {
    for spelling in SPELLINGS {
        let text = at(spelling, "shop.example");
        assert_eq!(simulated(&text, "").map(|seen| seen.len()), Ok(1), "{spelling}");
        assert_eq!(simulated(&text, "--gateway default/front --host shop.example").map(|seen| seen.len()), Ok(1));
        let options = istio::Options { gateway: Some("default/front".into()), ..istio::Options::default() };
        let manifests = istio(&world(&[&text]), &options).unwrap().manifests;
        let resources = manifests[0]["spec"]["pluginConfig"]["resources"].as_array().unwrap();
        let kinds: Vec<&str> = resources.iter().map(|resource| resource["kind"].as_str().unwrap()).collect();
        assert_eq!(kinds, ["Service", "Gateway", "VirtualService"], "{spelling}");
    }
}

#[test]
fn a_gateway_is_asked_for_by_every_spelling() {
    let text = at("front", "shop.example");
    for spelling in SPELLINGS {
        assert_eq!(simulated(&text, &format!("--gateway {spelling}")).map(|seen| seen.len()), Ok(1), "{spelling}");
        let listeners = render(&world(&[&text]), &options(None, Some(spelling))).unwrap().listeners;
        assert_eq!(listeners.iter().map(ToString::to_string).collect::<Vec<_>>(), ["default/front:80"], "{spelling}");
        let options = istio::Options { gateway: Some(spelling.into()), ..istio::Options::default() };
        let manifests = istio(&world(&[&text]), &options).unwrap().manifests;
        assert_eq!(manifests[0]["spec"]["pluginConfig"]["gateway"], "default/front", "{spelling}");
    }
}

#[test]
fn a_host_that_the_gateway_does_not_serve_is_complained_of_with_those_that_it_serves() {
    let text = at("front", "shop.example, there.example, b.example");
    for host in ["there.example", "b.example", "c.example"] {
        let complaint = simulated(&text, &format!("--gateway front --host {host}")).unwrap_err();
        let reason = format!(
            "no VirtualService for default/front has the host {host} (--host); for default/front there are: shop.example\n"
        );
        assert!(complaint.ends_with(&reason), "{complaint}");
    }
    let complaint = simulated(&at("front", "b.example"), "").unwrap_err();
    assert!(complaint.contains("see their exportTo, and the hosts of the Gateways"), "{complaint}");
}

#[test]
fn a_list_from_kubectl_is_asked_by_age_and_not_in_its_own_order() {
    let item = |name: &str, created: &str, prefix: &str| {
        format!(
            "- apiVersion: networking.istio.io/v1beta1\n  kind: VirtualService\n  \
             metadata: {{creationTimestamp: \"{created}\", name: {name}, namespace: default}}\n  \
             spec:\n    gateways: [front]\n    hosts: [shop.example]\n    http:\n    \
             - {{match: [{{uri: {{prefix: {prefix}}}}}], route: [{{destination: {{host: {name}}}}}]}}\n"
        )
    };
    let young = item("nb-a", "2023-06-07T10:00:00Z", "/notebook/root");
    let old = item("nb-b", "2023-06-01T10:00:00Z", "/notebook/root1");
    let list = format!("{FRONT}apiVersion: v1\nkind: List\nmetadata: {{resourceVersion: \"\"}}\nitems:\n{young}{old}");
    assert_eq!(simulated(&list, "--path /notebook/root1"), Ok(vec!["nb-b.default.svc.cluster.local".to_owned()]));
    assert_eq!(simulated(&list, "--path /notebook/root"), Ok(vec!["nb-a.default.svc.cluster.local".to_owned()]));
}

/// What `helm template` writes: comments, empty documents, kinds of all sorts, a Job without a name.
const HELM: &str = "---
# Source: shop/templates/serviceaccount.yaml
{apiVersion: v1, kind: ServiceAccount, metadata: {name: shop, namespace: prod}, automountServiceAccountToken: true}
---
# Source: shop/templates/empty.yaml
---

---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: prod, labels: {helm.sh/chart: shop-1.2.3}}
spec: {type: ClusterIP, selector: {app: shop}, clusterIPs: [10.0.0.1], ports: [{name: http, port: 80, protocol: TCP, targetPort: http}]}
status: {loadBalancer: {}}
---
{apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: {name: shop, namespace: prod}, spec: {rules: [{host: shop.example}]}}
---
{apiVersion: autoscaling/v2, kind: HorizontalPodAutoscaler, metadata: {name: shop, namespace: prod}, spec: {maxReplicas: 3}}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: foos.example.com}
spec: {group: example.com, names: {kind: VirtualService, plural: foos}, scope: Namespaced, versions: []}
---
apiVersion: networking.istio.io/v1
kind: DestinationRule
metadata: {name: shop, namespace: prod}
spec: {host: shop, exportTo: ['.'], subsets: [{name: stable, labels: {version: stable}}, {name: canary, labels: {version: canary}}]}
---
{apiVersion: batch/v1, kind: Job, metadata: {generateName: smoke-}, spec: {}}
...
";

/// What `kubectl get virtualservice -o yaml` writes.
const DUMPED: &str = r#"apiVersion: v1
items:
- apiVersion: networking.istio.io/v1
  kind: VirtualService
  metadata:
    annotations:
      kubectl.kubernetes.io/last-applied-configuration: |
        {"apiVersion":"networking.istio.io/v1","kind":"VirtualService","metadata":{"annotations":{},"name":"shop"},"spec":{"http":[]}}
      meta.helm.sh/release-name: shop
    creationTimestamp: "2025-03-01T08:00:00Z"
    generation: 7
    labels: {app.kubernetes.io/managed-by: Helm, helm.toolkit.fluxcd.io/name: shop}
    managedFields:
    - apiVersion: networking.istio.io/v1
      fieldsType: FieldsV1
      fieldsV1: {"f:metadata": {"f:annotations": {".": {}}}, "f:spec": {".": {}, "f:hosts": {}, "f:http": {}}}
      manager: helm
      operation: Update
    name: shop
    namespace: prod
    resourceVersion: "123"
    uid: 00000000-0000-0000-0000-000000000002
  spec:
    exportTo: ["."]
    hosts: [shop]
    http:
    - match: [{headers: {x-canary: {exact: "true"}}, sourceLabels: {app: web}}]
      name: canary
      route: [{destination: {host: shop, subset: canary}}]
    - name: primary
      route:
      - {destination: {host: shop, subset: stable}, weight: 100}
      - {destination: {host: shop, subset: canary}, weight: 0}
  status:
    conditions: [{lastProbeTime: null, lastTransitionTime: "2025-03-01T08:00:01Z", status: "True", type: Reconciled}]
    observedGeneration: "7"
    validationMessages: [{level: WARNING, type: {code: IST0101}}]
kind: List
metadata:
  resourceVersion: ""
"#;

/// Rules as people paste them: https://github.com/istio/istio/issues/22708 and 36695,
/// https://github.com/fluxcd/flagger/issues/1175.
#[test]
fn the_output_of_helm_and_of_kubectl_is_read_as_it_is() {
    let text = format!("{HELM}---\n{DUMPED}");
    let of = |arguments: &str| simulated(&text, &format!("--namespace prod {arguments}"));
    let subset = |name: &str| Ok(vec![format!("shop.prod.svc.cluster.local|{name}")]);
    assert_eq!(of("--label app=web --header x-canary:true"), subset("canary"));
    assert_eq!(of("--header x-canary:true"), subset("stable"));
    assert_eq!(of("--label app=web"), subset("stable"));
    let world = world(&[&text]);
    assert_eq!(world.notes, ["0.yaml: Ingress prod/shop: kind Ingress of networking.k8s.io is not read here"]);
    // Neither the rules nor the subsets are for callers of other namespaces, and nothing is missed there.
    for (namespace, subsets) in [("prod", 2), ("default", 0)] {
        let rendered = render(&world, &options(Some(namespace), None)).unwrap();
        let said: Vec<String> = rendered.warnings.iter().map(ToString::to_string).collect();
        assert!(said.iter().all(|warning| !warning.contains("subset")), "{said:?}");
        let clusters = clusters(&rendered.configuration["static_resources"]).len();
        assert_eq!(clusters, 1 + subsets, "{namespace}");
    }
}

const PRIVATE: &str = "
apiVersion: v1
kind: Service
metadata: {name: shop, namespace: b}
spec: {selector: {app: shop}, ports: [{name: http, port: 80}]}
---
apiVersion: networking.istio.io/v1
kind: VirtualService
metadata: {name: private, namespace: a}
spec: {hosts: [shop.b.svc.cluster.local], exportTo: ['.'], http: [{route: [{destination: {host: private.a.svc.cluster.local}}]}]}
";

#[test]
fn rules_that_are_not_exported_to_the_caller_are_not_simulated() {
    let private = "private.a.svc.cluster.local".to_owned();
    assert_eq!(simulated(PRIVATE, "--host shop.b.svc.cluster.local --namespace a"), Ok(vec![private]));
    let complaint = simulated(PRIVATE, "--host shop.b.svc.cluster.local").unwrap_err();
    assert!(complaint.contains("see their exportTo"), "{complaint}");
}

#[test]
fn a_service_that_is_not_exported_to_the_caller_has_no_virtual_host_and_no_cluster() {
    let hidden = "
apiVersion: v1
kind: Service
metadata: {name: hidden, namespace: b, annotations: {networking.istio.io/exportTo: 'b, c'}}
spec: {selector: {app: hidden}, ports: [{name: http, port: 9080}]}
";
    let of = |namespace: &str| rendered(&[PRIVATE, hidden], &options(Some(namespace), None));
    let (from_c, from_a) = (of("c"), of("a"));
    assert_eq!(
        clusters(&from_c),
        ["outbound|80||shop.b.svc.cluster.local", "outbound|9080||hidden.b.svc.cluster.local"]
    );
    assert_eq!(clusters(&from_a), ["outbound|80||shop.b.svc.cluster.local"]);
    let listeners = |resources: &Value| resources["listeners"].as_array().unwrap().len();
    assert_eq!((listeners(&from_c), listeners(&from_a)), (2, 1));
}

#[test]
fn clusters_have_the_subsets_of_the_destination_rules_that_the_caller_sees() {
    let rule = |namespace: &str, name: &str, created: &str, spec: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: DestinationRule\n\
             metadata: {{name: {name}, namespace: {namespace}, creationTimestamp: {created}}}\n\
             spec: {{host: shop.b.svc.cluster.local, {spec}}}\n"
        )
    };
    let subsets = |resources: &Value| -> Vec<String> {
        let names = clusters(resources).into_iter().map(|name| name.split('|').nth(2).unwrap().to_owned());
        names.filter(|subset| !subset.is_empty()).collect()
    };
    let own = rule("a", "own", "2026-01-01T00:00:00Z", "exportTo: ['.'], subsets: [{name: own}]");
    let young = rule(
        "b",
        "a",
        "2026-03-01T00:00:00Z",
        "trafficPolicy: {loadBalancer: {simple: RANDOM}}, subsets: [{name: young}]",
    );
    let old = rule(
        "b",
        "b",
        "2026-02-01T00:00:00Z",
        "trafficPolicy: {loadBalancer: {simple: ROUND_ROBIN}}, subsets: [{name: old}]",
    );
    let third = rule("third", "third", "2025-01-01T00:00:00Z", "subsets: [{name: third}]");
    let texts = [PRIVATE, &own, &young, &old, &third];
    assert_eq!(subsets(&rendered(&texts, &options(Some("a"), None))), ["own"]);
    let from_c = rendered(&texts, &options(Some("c"), None));
    assert_eq!(subsets(&from_c), ["old", "young"]);
    assert_eq!(from_c["clusters"][0]["lb_policy"], json!("ROUND_ROBIN"));
}
