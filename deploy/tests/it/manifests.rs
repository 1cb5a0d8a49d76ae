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
    for name in ["b.yml", "a.yaml", "notes.txt"] {
        std::fs::write(directory.path().join(name), "").unwrap();
    }
    let texts = load(&[directory.path().to_owned()]).unwrap();
    let names: Vec<&str> = texts.iter().map(|text| text.name.rsplit('/').next().unwrap()).collect();
    assert_eq!(names, ["a.yaml", "b.yml"]);

    let missing = load(&[directory.path().join("c.yaml")]).unwrap_err().to_string();
    assert!(missing.ends_with("c.yaml: no such file"), "{missing}");
}
