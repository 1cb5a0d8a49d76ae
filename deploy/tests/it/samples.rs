//! The VirtualServices and DestinationRules of Istio, Flagger and Argo Rollouts, one by one.

use serde::Deserialize;
use serde_json::Value;
use serin::manifests::{Text, World};
use serin::render::envoy::{Options, render};
use serin::render::{Endpoints, Listen};
use serin_traffic::written::Source;
use std::fmt::Write;

/// One manifest for each shape that the project's have (deploy/tests/samples/README.md).
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Sample {
    source: String,
    documents: u32,
    istio_refuses: Option<String>,
    /// Why Serin refuses it, though Istio does not.
    serin_refuses: Option<String>,
    manifest: Value,
}

const PROJECTS: [(&str, &str); 5] = [
    ("Istio", include_str!("../samples/istio.json")),
    ("Istio of Ingress and HTTPRoute", include_str!("../samples/istio-generated.json")),
    ("Istio's API", include_str!("../samples/istio-api.json")),
    ("Flagger", include_str!("../samples/flagger.json")),
    ("Argo Rollouts", include_str!("../samples/argo-rollouts.json")),
];

/// A way in that wants nothing of the sample, so that something is drawn of each.
const FRONT: &str = "
apiVersion: networking.istio.io/v1
kind: Gateway
metadata: {name: serin-samples, namespace: serin-samples}
spec: {servers: [{port: {number: 80, name: http, protocol: HTTP}, hosts: ['*']}]}
";

/// Why Serin refuses the manifest, if it does: alone, in the filters and in the clusters of its host.
fn refusal(manifest: &Value) -> Option<String> {
    let host = manifest["spec"]["host"].as_str().filter(|host| host.contains('.') && !host.contains('*'));
    let service = host.map(|host| {
        format!(
            "{{apiVersion: networking.istio.io/v1, kind: ServiceEntry, metadata: {{name: serin-samples}}, \
               spec: {{hosts: [\"{host}\"], ports: [{{number: 80, name: http}}, {{number: 443, name: https}}], resolution: DNS}}}}"
        )
    });
    let mut texts = vec![Text::new("front.yaml", FRONT), Text::new("sample.json", manifest.to_string())];
    texts.extend(service.map(|service| Text::new("service.yaml", service)));
    let world = match World::parse("default", &texts) {
        Ok(world) => world,
        Err(mistakes) => return Some(mistakes.to_string()),
    };
    let options = Options {
        filters: Vec::new(),
        source: Source::default(),
        endpoints: Endpoints::Names,
        listen: Listen::AnyPort,
        gateway: None,
        access_log: None,
    };
    render(&world, &options).err().map(|mistakes| mistakes.to_string())
}

#[derive(Default)]
struct Counts {
    tried: u32,
    taken: u32,
    refused: u32,
    refused_by_istio: u32,
}

/// The table of docs/compatibility.md.
fn table(rows: &[(String, Counts)]) -> String {
    let mut table = String::from("| | documents | taken | refused | refused by Istio |\n|---|---|---|---|---|\n");
    for (name, counts) in rows {
        let Counts { tried, taken, refused, refused_by_istio } = counts;
        writeln!(table, "| {name} | {tried} | {taken} | {refused} | {refused_by_istio} |").unwrap();
    }
    table
}

#[test]
fn of_the_samples_of_others_those_are_refused_that_istio_refuses_and_no_more() {
    let mut wrong = Vec::new();
    let mut rows = Vec::new();
    for (project, text) in PROJECTS {
        let samples: Vec<Sample> = serde_json::from_str(text).unwrap();
        for kind in ["VirtualService", "DestinationRule"] {
            let mut counts = Counts::default();
            for sample in samples.iter().filter(|sample| sample.manifest["kind"] == kind) {
                counts.tried += sample.documents;
                counts.refused_by_istio += sample.istio_refuses.as_ref().map_or(0, |_| sample.documents);
                match refusal(&sample.manifest) {
                    None => {
                        counts.taken += sample.documents;
                        if let Some(reason) = &sample.istio_refuses {
                            wrong.push(format!(
                                "{project} {}: taken, though {reason}\n  {}",
                                sample.source, sample.manifest
                            ));
                        }
                    }
                    Some(reason) => {
                        counts.refused += sample.documents;
                        if sample.istio_refuses.is_none() && sample.serin_refuses.is_none() {
                            wrong.push(format!("{project} {}: {reason}\n  {}", sample.source, sample.manifest));
                        }
                    }
                }
            }
            rows.push((format!("{project}, {kind}"), counts));
        }
    }
    assert!(wrong.is_empty(), "{} are taken otherwise than by Istio:\n{}", wrong.len(), wrong.join("\n"));
    let page = include_str!("../../../docs/compatibility.md");
    assert!(page.contains(&table(&rows)), "docs/compatibility.md should say:\n{}", table(&rows));
}
