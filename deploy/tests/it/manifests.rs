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
    // Helm templates that quote weights.
    assert_eq!(
        mistake_in_rule("mirrors: [{destination: {host: w}, percentage: {value: '90'}}]"),
        "mirrors[0].percentage.value: \"90\" is a text; a number without quotes is wanted"
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

#[test]
fn one_name_is_good_for_one_manifest_of_a_kind() {
    let service = "apiVersion: v1\nkind: Service\nmetadata: {name: reviews}\nspec: {ports: [{port: 80}]}\n";
    let shown = mistakes_in(&format!("{service}---\n{service}"));
    assert_eq!(shown, "reviews.yaml: Service default/reviews: is there twice");
}

#[test]
fn what_is_not_read_is_noted_unless_it_does_not_matter() {
    let text = Text::new(
        "all.yaml",
        "apiVersion: v1\nkind: ServiceAccount\nmetadata: {name: reviews}\n---\n\
         apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: reviews}\n",
    );
    let world = World::parse("default", &[text]).unwrap();
    assert_eq!(world.notes, ["all.yaml: StatefulSet default/reviews: kind StatefulSet is not read here"]);
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
    assert_eq!((world.deployments[0].title.as_str(), world.deployments[0].replicas), ("a.prod", 1));
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
