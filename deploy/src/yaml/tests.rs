//! What a document says, and what is refused.

use super::*;
use serde_json::json;

fn one(text: &str) -> Value {
    let mut documents = documents("a.yaml", text).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(documents.len(), 1);
    documents.remove(0).value
}

fn mistake(text: &str) -> String {
    documents("a.yaml", text).err().unwrap()
}

#[test]
fn a_quoted_scalar_may_go_on_where_its_key_stands() {
    // argoproj/argo-rollouts, test/e2e/crds/istio.yaml, is written so; libyaml and go-yaml read it.
    assert_eq!(one("a:\n  note: 'one\n  two'\n  b: 1\n"), json!({"a": {"note": "one two", "b": 1}}));
    assert_eq!(one("a:\n  note: \"one\n\n  two\"\n"), json!({"a": {"note": "one\ntwo"}}));
}

#[test]
fn a_tab_indents_nothing_outside_of_brackets_and_texts() {
    // go-yaml: "found a tab character that violates indentation".
    for text in ["a:\n  b: 1\n\t\nc: 2\n", "\ta: 1\n", "a: 1\n \t# what it is\n", "---\n\t- a\n", "a: [b]\n\t\n"] {
        assert!(mistake(text).contains("a tab indents nothing in YAML: write spaces"), "{text:?}");
    }
    assert!(mistake("a: 1\n\t\nb: 2\n").starts_with("a.yaml:2:1: "));
    for (text, value) in [
        ("a: 1\t\nb:\t2\n", json!({"a": 1, "b": 2})),
        ("{\n\t\"a\": [\n\t\t1\n\t]\n}\n", json!({"a": [1]})),
        ("a: 'b\n\tc'\n", json!({"a": "b c"})),
        ("a:\n  b\n  \tc\n", json!({"a": "b c"})),
        ("a: |\n  b\n  \tc\n\n  \td\ne: f\n", json!({"a": "b\n\tc\n\n\td\n", "e": "f"})),
    ] {
        assert_eq!(one(text), value, "{text:?}");
    }
}

#[test]
fn documents_know_their_lines_and_empty_ones_pass() {
    let lines =
        |text| -> Vec<usize> { documents("a.yaml", text).ok().unwrap().iter().map(|document| document.line).collect() };
    assert_eq!(lines("# what it is\n---\n---\na: 1\n---\n# no more\n\nb: 2\n---\n"), [4, 8]);
    assert_eq!(lines("{a: 1}"), [1]);
    assert_eq!(lines(""), [] as [usize; 0]);
}

#[test]
fn aliases_and_merged_mappings_are_written_out() {
    let text = "a: &a {x: 1, y: 2}\n\
                b: {<<: *a, x: 3}\n\
                c: {z: 4, <<: [*a, {z: 5, w: 6}]}\n\
                d: [&one 1, *one]\n\
                e: {'<<': 1}\n";
    assert_eq!(
        one(&text.replace("y: 2", "'y': 2")),
        json!({
            "a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 2}, "c": {"z": 4, "x": 1, "y": 2, "w": 6}, "d": [1, 1],
            "e": {"<<": 1},
        })
    );
}

#[test]
fn keys_are_texts_of_what_they_are() {
    // `sigs.k8s.io/yaml`, convertToJSONableObject.
    assert_eq!(one("{503: a, on: b, 1.5: c, 0x10: d}"), json!({"503": "a", "true": "b", "1.5": "c", "16": "d"}));
    assert!(mistake("{[a]: b}").contains("a.yaml:1:2: a key must be a text, a number or a boolean"));
    assert!(mistake("~: b").contains("a key must be"));
}

#[test]
fn a_key_that_is_there_twice_is_refused_with_its_place() {
    assert_eq!(mistake("a: 1\nb:\n  c: 1\n  c: 2\n"), "a.yaml:4:3: `c` is defined twice\n  |\n4 |   c: 2\n  |   ^");
}

#[test]
fn what_serin_writes_is_read_as_it_was_meant() {
    let texts = [
        "yes",
        "No",
        "y",
        "N",
        "on",
        "OFF",
        "true",
        "null",
        "Null",
        "~",
        "",
        "0777",
        "0o17",
        "0x1F",
        "0b1",
        "1_000",
        "1e3",
        "1.",
        ".5",
        "+1",
        "-1",
        "90.0",
        ".inf",
        ".NaN",
        "12:30",
        "2001-01-01",
        "<<",
        "=",
        "- a",
        "a: b",
        "# a",
        "'",
        "\"",
        "a\nb",
        "a\n",
        " a",
        "a ",
        "*",
        "&a",
        "!a",
        "%a",
        "@a",
        "`a",
        "é",
        "\u{85}",
        "\t",
        "\u{7f}",
        "0_8",
        "08",
        "1__0",
    ];
    for text in texts {
        let value = json!({"key": text, text: "value", "list": [text, [text]]});
        let written = serde_saphyr::to_string(&value).unwrap();
        assert_eq!(one(&written), value, "{written}");
    }
}

#[test]
fn few_lines_do_not_fill_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..20 {
        let items = vec![format!("*a{}", level - 1); 10].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{items}]\n"));
    }
    assert!(mistake(&text).contains("more than 1000000 values"), "{}", mistake(&text));
    assert!(mistake("a: &a [*a]").contains("alias"));
    assert!(documents("a.yaml", &"[".repeat(100_000)).is_err());
}
