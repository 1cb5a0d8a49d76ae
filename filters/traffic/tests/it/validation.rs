//! What Istio's validation refuses is refused, and what it takes is taken: rows of `tests/validation`, and the page about
//! them, `docs/validation.md`.

use crate::scene::{refusal, test, warnings};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ROWS: [&str; 3] = [
    include_str!("../validation/virtual-service.json"),
    include_str!("../validation/destination-rule.json"),
    include_str!("../validation/gateway.json"),
];

/// A resource that Istio takes or refuses.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Row {
    /// A sentence of the rule.
    name: String,
    /// The function of Istio that holds it.
    function: String,
    /// The rules of a VirtualService for the host `reviews`.
    http: Option<Value>,
    /// The whole spec of a VirtualService instead.
    spec: Option<Value>,
    /// The spec of a DestinationRule instead.
    destination_rule: Option<Value>,
    /// The spec of a Gateway instead.
    gateway: Option<Value>,
    /// The name of the resource, which is `reviews` else.
    resource: Option<String>,
    #[serde(default)]
    annotations: Value,
    /// Path and reason, if it is refused.
    refused: Option<String>,
    /// What is warned of, if it is taken.
    #[serde(default)]
    warned: Vec<String>,
    /// Why Istio does otherwise, if it does.
    #[serde(rename = "istio")]
    _istio: Option<String>,
}

impl Row {
    fn configuration(&self) -> Value {
        let (kind, spec) = match (&self.http, &self.spec, &self.destination_rule, &self.gateway) {
            (Some(http), None, None, None) => ("VirtualService", &json!({"hosts": ["reviews"], "http": http})),
            (None, Some(spec), None, None) => ("VirtualService", spec),
            (None, None, Some(spec), None) => ("DestinationRule", spec),
            (None, None, None, Some(spec)) => ("Gateway", spec),
            _ => panic!("{}: must have one of http, spec, destinationRule, gateway", self.name),
        };
        let name = self.resource.as_deref().unwrap_or("reviews");
        let metadata = json!({"name": name, "annotations": self.annotations});
        let manifest =
            json!({"apiVersion": "networking.istio.io/v1", "kind": kind, "metadata": metadata, "spec": spec});
        json!({"resources": [manifest]})
    }
}

fn rows() -> Vec<Row> {
    ROWS.iter().flat_map(|text| serde_json::from_str::<Vec<Row>>(text).unwrap()).collect()
}

#[test]
fn what_istios_validation_refuses_is_refused_with_path_and_reason() {
    for row in rows().iter().filter(|row| row.refused.is_some()) {
        let seen = refusal(row.configuration());
        let expected = row.refused.as_ref().map(|refused| format!("resources[0].{refused}"));
        assert_eq!(Some(seen), expected, "{}", row.name);
    }
}

#[test]
fn what_istios_validation_takes_is_taken() {
    for row in rows().iter().filter(|row| row.refused.is_none()) {
        let warned: Vec<String> = row.warned.iter().map(|warned| format!("resources[0].{warned}")).collect();
        assert_eq!(warnings(row.configuration()), warned, "{}", row.name);
    }
}

#[test]
fn rows_have_names_of_their_own() {
    let mut seen = BTreeMap::new();
    for row in rows() {
        assert!(seen.insert(row.name.clone(), row.function).is_none(), "{}", row.name);
    }
}

/// The tables of `docs/validation.md`. A test is the name of a row in `tests/validation` or of `serin-conformance`, or the path
/// of a function under `filters/traffic`, in backticks.
#[cfg(not(target_arch = "wasm32"))]
mod page {
    use super::{Row, rows};
    use std::collections::{BTreeMap, BTreeSet};
    use std::path::Path;

    fn read(path: &str) -> String {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
    }

    /// What the page's tables say of a function, or of the CRD's schema: the first cell, and the tests in the last.
    fn table() -> Vec<(String, Vec<String>)> {
        let page = read("../../docs/validation.md");
        let lines = page.lines().filter(|line| line.starts_with("| ") && !line.ends_with("| test |"));
        let cells = lines.map(|line| line.trim_matches('|').split(" | ").map(str::trim).collect::<Vec<_>>());
        let of = |cells: Vec<&str>| {
            let tests = cells.last().unwrap().split("; ").map(str::to_owned).collect();
            (cells[0].trim_matches('`').to_owned(), tests)
        };
        cells.map(of).collect()
    }

    #[test]
    fn each_test_that_the_page_names_is_there() {
        let names: BTreeSet<String> = rows().into_iter().map(|row| row.name).collect();
        let mut sources = String::new();
        for file in ["src", "tests", "../conformance/rows"].into_iter().flat_map(files) {
            sources.push_str(&std::fs::read_to_string(file).unwrap());
        }
        for (function, tests) in table() {
            for test in tests {
                let is_there = match test.strip_prefix('`').and_then(|test| test.strip_suffix('`')) {
                    Some(path) => sources.contains(&format!("fn {}()", path.rsplit("::").next().unwrap())),
                    None => names.contains(&test) || sources.contains(&format!("\"name\": \"{test}\"")),
                };
                assert!(is_there, "{function}: no test is called {test}");
            }
        }
    }

    #[test]
    fn each_function_of_a_row_is_on_the_page_with_one_of_its_rows() {
        let mut by_function: BTreeMap<String, Vec<Row>> = BTreeMap::new();
        rows().into_iter().for_each(|row| by_function.entry(row.function.clone()).or_default().push(row));
        let table = table();
        for (function, rows) in by_function {
            let named = table.iter().filter(|(name, _)| *name == function).flat_map(|(_, tests)| tests);
            let is_named = |test: &String| rows.iter().any(|row| row.name == *test);
            assert!(named.into_iter().any(is_named), "{function} is not on the page with one of its rows");
        }
    }

    fn files(directory: &str) -> Vec<std::path::PathBuf> {
        let mut found = Vec::new();
        let mut open = vec![Path::new(env!("CARGO_MANIFEST_DIR")).join(directory)];
        while let Some(directory) = open.pop() {
            for entry in std::fs::read_dir(directory).unwrap() {
                let path = entry.unwrap().path();
                if path.is_dir() { open.push(path) } else { found.push(path) }
            }
        }
        found.retain(|path| path.extension().is_some_and(|extension| extension == "rs" || extension == "json"));
        found
    }
}
