//! Manifests as a world, and what is said about mistakes in them.

use serin::manifests::{Text, World, load};

fn mistakes_in(text: &str) -> String {
    World::parse("default", &[Text::new("reviews.yaml", text)]).unwrap_err().to_string()
}

#[test]
fn a_syntax_error_is_shown_with_line_column_and_snippet() {
    let shown = mistakes_in("apiVersion: v1\nkind: Service\nmetadata: {name: reviews\nspec: {}\n");
    assert!(shown.starts_with("reviews.yaml:"), "{shown}");
    assert!(shown.contains("spec: {}") && shown.contains('^'), "{shown}");
}

/// The mistake in a VirtualService whose only rule is `rule`.
fn mistake_in_rule(rule: &str) -> String {
    let shown = mistakes_in(&format!(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {{name: w}}\n\
         spec: {{hosts: [w], http: [{{{rule}, route: [{{destination: {{host: w}}}}]}}]}}\n"
    ));
    shown.replace("reviews.yaml: VirtualService default/w: spec.http[0].", "")
}

#[test]
fn an_unquoted_yes_is_a_boolean_as_for_kubectl() {
    // kubectl reads YAML 1.1 (go.yaml.in/yaml/v2, resolve.go), and the API server wants a string.
    for text in ["yes", "No", "on", "OFF", "y", "n", "true"] {
        let mistake = mistake_in_rule(&format!("match: [{{headers: {{x-canary: {{exact: {text}}}}}}}]"));
        let place = "match[0].headers.x-canary.exact: ";
        assert!(
            mistake.starts_with(place) && mistake.contains("is a boolean; a text is wanted: write it in quotes"),
            "{mistake}"
        );
    }
    for text in ["1_000", "0x10", "1e3", "3.0"] {
        let mistake = mistake_in_rule(&format!("match: [{{headers: {{x-canary: {{exact: {text}}}}}}}]"));
        assert!(mistake.ends_with("is a number; a text is wanted: write it in quotes"), "{mistake}");
    }
    let quoted = "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: w}\nspec: {hosts: [w], \
                  http: [{match: [{headers: {a: {exact: 'yes'}}, ignoreUriCase: on}], route: [{destination: {host: w}}]}]}";
    assert!(World::parse("default", &[Text::new("w.yaml", quoted)]).is_ok());
}

#[test]
fn a_slip_in_a_number_is_told_in_the_words_of_manifests() {
    // https://github.com/istio/istio/issues/14437
    assert_eq!(
        mistake_in_rule("mirror: {host: w}, mirrorPercentage: 50"),
        "mirrorPercentage: 50 is a number; {value: 50} is wanted"
    );
    // Helm templates that quote weights: https://helm.sh/docs/chart_best_practices/values/#make-types-clear.
    let quoted = mistakes_in(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: w}\n\
         spec: {hosts: [w], http: [{route: [{destination: {host: w}, weight: '90'}, {destination: {host: v}, weight: '10'}]}]}",
    );
    let mistake = "spec.http[0].route[0].weight: \"90\" is a text; a number without quotes is wanted";
    assert_eq!(quoted, format!("reviews.yaml: VirtualService default/w: {mistake}"));
    assert_eq!(
        mistake_in_rule("mirrors: [{destination: {host: w}, percentage: {value: '90'}}]"),
        "mirrors[0].percentage.value: \"90\" is a text; a number without quotes is wanted"
    );
}

#[test]
fn names_labels_and_annotations_are_texts() {
    for (metadata, mistake) in [
        ("{name: 1}", "Service: metadata.name: 1 is a number; a text is wanted: write it in quotes"),
        ("w", "Service: metadata: \"w\" is a text; a mapping is wanted"),
        ("{generateName: [a]}", "Service: metadata.generateName: is a list; a text is wanted"),
        (
            "{name: a, labels: {version: 1.10}}",
            "Service default/a: metadata.labels.version: 1.1 is a number; a text is wanted: write it in quotes",
        ),
        (
            "{name: a, annotations: {sidecar.istio.io/inject: no}}",
            "Service default/a: metadata.annotations.sidecar.istio.io/inject: false is a boolean; a text is wanted: write it \
             in quotes (unquoted, yes, no, on, off, y and n are booleans too, as kubectl reads YAML 1.1)",
        ),
    ] {
        let manifest = format!("kind: Service\nmetadata: {metadata}\nspec: {{ports: []}}");
        assert_eq!(mistakes_in(&manifest), format!("reviews.yaml: {mistake}"));
    }
    // Of a kind that nobody reads, nothing is looked at; and a map of Go's may be null.
    let world = read(
        "{apiVersion: batch/v1, kind: Job, metadata: {name: 1, labels: {a: 1}}}\n---\n\
         {apiVersion: v1, kind: Service, metadata: {name: a, labels: null, annotations: {a: null}}, spec: {ports: []}}",
    );
    assert_eq!(world.services.len(), 1);
}

#[test]
fn a_service_entry_has_a_resolution_that_istio_has() {
    let entry = |resolution: &str| {
        format!(
            "apiVersion: networking.istio.io/v1\nkind: ServiceEntry\nmetadata: {{name: a}}\n\
             spec: {{hosts: [a.example], ports: [{{number: 80, name: http, protocol: HTTP}}], resolution: {resolution}}}"
        )
    };
    for resolution in ["NONE", "STATIC", "DNS", "DNS_ROUND_ROBIN", "DYNAMIC_DNS"] {
        assert_eq!(read(&entry(resolution)).services.len(), 1);
    }
    assert_eq!(
        mistakes_in(&entry("dns")),
        "reviews.yaml: ServiceEntry default/a: spec.resolution: `dns` is not one of NONE, STATIC, DNS, DNS_ROUND_ROBIN, DYNAMIC_DNS"
    );
}

#[test]
fn no_mistake_of_other_kinds_names_a_type_of_rust() {
    for manifest in [
        "kind: Deployment\nmetadata: {name: a}\nspec: {replicas: many}",
        "kind: Deployment\nmetadata: {name: a}\nspec: {template: [a]}",
        "kind: Deployment\nmetadata: {name: a}\nspec: {template: {spec: {containers: [{ports: [{name: a}]}]}}}",
        "kind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, targetPort: [1]}]}",
        "kind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80, targetPort: 70000}]}",
        "kind: Service\nmetadata: {name: a}\nspec: {ports: {port: 80}}",
        "kind: Service\nmetadata: {name: a}\nspec: {selector: {app: 1}, ports: []}",
        "apiVersion: networking.istio.io/v1\nkind: Gateway\nmetadata: {name: a}\nspec: {servers: [{port: 80}]}",
    ] {
        let shown = mistakes_in(manifest);
        assert!(shown.contains(" default/a: spec."), "{shown}");
        for word in ["struct", "u16", "u32", "variant", "untagged", "invalid", "expected", "sequence", "missing field"]
        {
            assert!(!shown.contains(word), "{shown}");
        }
    }
}

#[test]
fn a_field_that_istio_does_not_have_is_refused_by_file_and_path() {
    let shown = mistakes_in(
        "apiVersion: networking.istio.io/v1\nkind: VirtualService\nmetadata: {name: reviews}\n\
         spec: {hosts: [reviews], http: [{rout: []}]}\n",
    );
    assert!(
        shown.starts_with("reviews.yaml: VirtualService default/reviews: spec.http[0].rout: unknown field"),
        "{shown}"
    );
}

#[test]
fn every_mistake_is_told_not_the_first_alone() {
    let shown = mistakes_in(
        "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: many}]}\n---\n\
         apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: b}\nspec: {replicas: -1}\n---\n\
         kind: Service\nmetadata: {}\n",
    );
    assert_eq!(shown.lines().count(), 3, "{shown}");
    assert!(
        shown.contains("Service default/a: spec.ports[0].port: ")
            && shown.contains("Deployment default/b: spec.replicas: "),
        "{shown}"
    );
    assert!(shown.contains("metadata.name: must not be missing"), "{shown}");
}

fn read(text: &str) -> World {
    World::parse("default", &[Text::new("all.yaml", text)]).unwrap_or_else(|mistakes| panic!("{mistakes}"))
}

#[test]
fn the_same_manifest_twice_is_one_and_another_of_its_name_is_a_mistake() {
    let service = |port: u16| {
        format!("apiVersion: v1\nkind: Service\nmetadata: {{name: reviews}}\nspec: {{ports: [{{port: {port}}}]}}\n")
    };
    // A file, and the dump of what it made.
    let dumped = service(80).replace("{name: reviews}", "{name: reviews, resourceVersion: '7', managedFields: []}");
    let world = read(&format!("{}---\n{dumped}status: {{loadBalancer: {{}}}}\n", service(80)));
    assert_eq!((world.services.len(), world.traffic.len()), (1, 1));
    let shown = mistakes_in(&format!("{}---\n{}", service(80), service(81)));
    assert_eq!(
        shown,
        "reviews.yaml: Service default/reviews: is defined twice, and not alike (first at reviews.yaml:1)"
    );
}

/// Hooks of charts are Jobs, often without names of their own: https://helm.sh/docs/topics/charts_hooks/.
#[test]
fn what_is_not_read_may_be_there_as_often_as_it_likes() {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: prod}\n---\n";
    let job = "apiVersion: batch/v1\nkind: Job\nmetadata: {generateName: smoke-}\nspec: {}\n---\n";
    let world = read(&format!("{namespace}{namespace}{job}{job}"));
    assert!(world.notes.is_empty() && world.traffic.is_empty(), "{:?}", world.notes);
}

/// As where people go from one to the other: https://istio.io/latest/docs/tasks/traffic-management/ingress/gateway-api/.
#[test]
fn a_kind_of_another_api_group_is_another_kind() {
    let world = read(
        "{apiVersion: networking.istio.io/v1, kind: Gateway, metadata: {name: gw}, \
          spec: {servers: [{port: {number: 80, protocol: HTTP}, hosts: ['*']}]}}\n---\n\
         {apiVersion: gateway.example/v1, kind: Gateway, metadata: {name: gw}, spec: {odd: 1}}\n---\n\
         {apiVersion: appmesh.k8s.aws/v1beta2, kind: VirtualService, metadata: {name: shop}, spec: {provider: {}}}\n---\n\
         {apiVersion: appmesh.k8s.aws/v1beta2, kind: VirtualRouter, metadata: {name: shop}, spec: {}}\n---\n\
         {apiVersion: serving.knative.dev/v1, kind: Service, metadata: {name: shop}, spec: {template: {}}}\n---\n\
         {apiVersion: networking.istio.io/v1, kind: VirtualService, metadata: {name: shop}, \
          spec: {hosts: ['*'], gateways: [gw], http: [{route: [{destination: {host: shop}}]}]}}\n",
    );
    assert_eq!((world.gateways.len(), world.traffic.len(), world.services.len()), (1, 2, 0));
    assert_eq!(
        world.notes,
        [
            "all.yaml: Gateway default/gw: kind Gateway of gateway.example is not read here",
            "all.yaml: VirtualService default/shop: kind VirtualService of appmesh.k8s.aws is not read here",
            "all.yaml: VirtualRouter default/shop: kind VirtualRouter of appmesh.k8s.aws is not read here",
            "all.yaml: Service default/shop: kind Service of serving.knative.dev is not read here",
        ]
    );
}

#[test]
fn what_is_not_read_is_noted_unless_it_does_not_matter() {
    let world = read(
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reviews}\n---\n\
         apiVersion: monitoring.coreos.com/v1\nkind: ServiceMonitor\nmetadata: {name: reviews}\n---\n\
         apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a}\n\
         spec: {names: {kind: VirtualService}}\n---\n\
         apiVersion: networking.istio.io/v1alpha3\nkind: EnvoyFilter\nmetadata: {name: reviews}\n",
    );
    let of_istio = "kind EnvoyFilter of networking.istio.io is not read here";
    assert_eq!(world.notes, [format!("all.yaml: EnvoyFilter default/reviews: {of_istio}")]);
}

#[test]
fn what_is_no_manifest_stops_nothing() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: a}\nspec: {ports: [{port: 80}]}\n";
    let compose = "services: {web: {image: nginx}}\n";
    let template = "# Source: chart\nname: {{ .Values.name }}\n";
    let prose = "this: is: not YAML\n";
    let world =
        read(&format!("---\n# nothing\n---\n{compose}---\n{service}---\n{template}---\n- 1\n---\n{prose}---\n\n...\n"));
    assert_eq!(world.services.len(), 1);
    assert_eq!(
        world.notes,
        [
            "all.yaml:4: is no manifest: it has no kind",
            "all.yaml:10: is a template: render it first (helm template, kustomize build), then read that",
            "all.yaml:14: is no manifest: it has no kind",
            "all.yaml:15: is neither YAML nor JSON",
        ]
    );
    // What would be a manifest is told of as before, with its line.
    let broken = "kind: VirtualService\nmetadata: {name: a\n";
    let shown = mistakes_in(&format!("{service}---\n{broken}"));
    let line = shown.strip_prefix("reviews.yaml:").and_then(|rest| rest.split(':').next()).unwrap().parse::<u32>();
    assert!((6..=9).contains(&line.unwrap()), "{shown}");
}

#[test]
fn json_is_read_and_other_json_passes() {
    let world = read(
        r#"{"apiVersion": "v1", "kind": "Service", "metadata": {"name": "a"}, "spec": {"ports": [{"port": 80}]}}"#,
    );
    assert_eq!(world.services[0].name, "a");
    assert_eq!(read(r#"{"name": "web", "scripts": {}}"#).notes, ["all.yaml:1: is no manifest: it has no kind"]);
}

#[test]
fn each_kind_that_runs_pods_has_them() {
    let template = "template: {metadata: {labels: {app: db}}}";
    for (api_version, kind, replicas) in [
        ("apps/v1", "Deployment", 2),
        ("apps/v1", "StatefulSet", 2),
        ("apps/v1", "ReplicaSet", 2),
        ("argoproj.io/v1alpha1", "Rollout", 2),
        ("v1", "ReplicationController", 2),
        ("apps.kruise.io/v1alpha1", "CloneSet", 2),
        ("apps.openshift.io/v1", "DeploymentConfig", 2),
    ] {
        let world = read(&format!(
            "{{apiVersion: {api_version}, kind: {kind}, metadata: {{name: db}}, spec: {{replicas: {replicas}, {template}}}}}"
        ));
        assert_eq!(
            (world.workloads[0].replicas, world.workloads[0].labels["app"].as_str()),
            (replicas, "db"),
            "{kind}"
        );
    }
    let world =
        read(&format!("{{apiVersion: apps/v1, kind: DaemonSet, metadata: {{name: db}}, spec: {{{template}}}}}"));
    assert_eq!(world.workloads[0].replicas, 1);
    let world = read(
        "{apiVersion: v1, kind: Pod, metadata: {name: db-0, labels: {app: db}}, \
          spec: {containers: [{ports: [{name: http, containerPort: 8080}]}]}}\n---\n\
         {apiVersion: v1, kind: Pod, metadata: {name: done}, status: {phase: Succeeded}}\n---\n\
         {apiVersion: batch/v1, kind: CronJob, metadata: {name: nightly}, spec: {}}\n",
    );
    let replicas: Vec<(&str, u32)> = world.workloads.iter().map(|it| (it.name.as_str(), it.replicas)).collect();
    assert_eq!(replicas, [("db-0", 1), ("done", 0)]);
    assert_eq!(world.workloads[0].named_ports["http"], 8080);
    assert!(world.notes.is_empty(), "{:?}", world.notes);
}

#[test]
fn what_a_workload_made_is_not_counted_again() {
    let world = read(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: a}, spec: {replicas: 3}}\n---\n\
         {apiVersion: apps/v1, kind: ReplicaSet, metadata: {name: a-1, ownerReferences: [{kind: Deployment, name: a}]}, \
          spec: {replicas: 3}}\n---\n\
         {apiVersion: v1, kind: Pod, metadata: {name: a-1-x, ownerReferences: [{kind: ReplicaSet, name: a-1}]}}\n---\n\
         {apiVersion: v1, kind: Pod, metadata: {name: b-1-x, ownerReferences: [{kind: ReplicaSet, name: b-1}]}}\n",
    );
    let names: Vec<&str> = world.workloads.iter().map(|workload| workload.name.as_str()).collect();
    assert_eq!(names, ["a", "b-1-x"]);
}

#[test]
fn a_rollout_may_have_the_template_of_a_deployment() {
    let world = read(
        "{apiVersion: argoproj.io/v1alpha1, kind: Rollout, metadata: {name: shop}, \
          spec: {replicas: 2, workloadRef: {apiVersion: apps/v1, kind: Deployment, name: shop}}}\n---\n\
         {apiVersion: apps/v1, kind: Deployment, metadata: {name: shop}, \
          spec: {replicas: 5, template: {metadata: {labels: {app: shop}}}}}\n",
    );
    assert_eq!(world.workloads.len(), 1);
    let rollout = &world.workloads[0];
    assert_eq!((rollout.kind.as_str(), rollout.replicas, rollout.labels["app"].as_str()), ("Rollout", 2, "shop"));
}

#[test]
fn two_workloads_of_one_name_are_told_apart() {
    let world = read(
        "{apiVersion: apps/v1, kind: Deployment, metadata: {name: db}}\n---\n\
         {apiVersion: apps/v1, kind: StatefulSet, metadata: {name: db}}\n",
    );
    let titles: Vec<&str> = world.workloads.iter().map(|workload| workload.title.as_str()).collect();
    assert_eq!(titles, ["db", "db (StatefulSet)"]);
}

#[test]
fn a_list_is_what_it_lists() {
    let text = Text::new(
        "all.yaml",
        "apiVersion: v1\nkind: List\nitems:\n\
         - {apiVersion: v1, kind: Service, metadata: {name: a}, spec: {ports: [{port: 80}]}}\n\
         - {apiVersion: apps/v1, kind: Deployment, metadata: {name: a, namespace: prod}, spec: {}}\n",
    );
    let world = World::parse("default", &[text]).unwrap();
    assert_eq!(world.services[0].full_name(), "a.default.svc.cluster.local");
    assert_eq!((world.workloads[0].title.as_str(), world.workloads[0].replicas), ("a.prod", 1));
}

#[test]
fn a_typed_list_says_once_of_what_it_is_one() {
    let world = read(
        "apiVersion: networking.istio.io/v1\nkind: DestinationRuleList\nitems:\n\
         - {metadata: {name: a}, spec: {host: a}}\n\
         - {apiVersion: networking.istio.io/v1beta1, kind: DestinationRule, metadata: {name: b}, spec: {host: b}}\n---\n\
         {apiVersion: v1, kind: List, items: [{apiVersion: v1, kind: ServiceList, items: [{metadata: {name: c}}]}]}\n---\n\
         {apiVersion: v1, kind: PodList, items: null}\n---\n\
         {apiVersion: example.com/v1, kind: AllowList, metadata: {name: d}, spec: {items: []}}\n",
    );
    assert_eq!((world.destination_rules().count(), world.services.len(), world.workloads.len()), (2, 1, 0));
    assert_eq!(world.notes, ["all.yaml: AllowList default/d: kind AllowList of example.com is not read here"]);
}

#[test]
fn of_a_directory_the_manifests_are_read_in_order() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["b.yml", "a.yaml", "notes.txt", "scenarios.yaml", "kustomization.yaml"] {
        std::fs::write(directory.path().join(name), "").unwrap();
    }
    let texts = load(&[directory.path().to_owned()]).unwrap();
    let names: Vec<&str> = texts.iter().map(|text| text.name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["a.yaml", "b.yml"]);

    let missing = load(&[directory.path().join("c.yaml")]).unwrap_err().to_string();
    assert!(missing.ends_with("c.yaml: no such file"), "{missing}");
}
