//! The published vectors (tests/vectors/sticky.json), which another implementation made.

use crate::refusal::Place;
use crate::split::{History, Sticky, Weights};
use crate::wasm_test::test;
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    salt: String,
    key: Option<String>,
    key_hex: Option<String>,
    names: Vec<String>,
    weights: Vec<u32>,
    /// With one, there is neither hash nor ticket.
    #[serde(default)]
    history: Vec<Vec<u32>>,
    place: usize,
    hashes: Option<Vec<String>>,
    ticket: Option<f64>,
}

impl Vector {
    fn key(&self) -> Vec<u8> {
        let hex = |hex: &String| {
            (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
        };
        self.key_hex.as_ref().map_or_else(|| self.key.clone().unwrap().into_bytes(), hex)
    }

    fn names(&self) -> impl Iterator<Item = &[u8]> + Clone {
        self.names.iter().map(String::as_bytes)
    }
}

fn vectors() -> Vec<Vector> {
    serde_json::from_str(include_str!("../../../tests/vectors/sticky.json")).unwrap()
}

#[test]
fn places_hashes_and_tickets_are_the_published_ones() {
    for (index, vector) in vectors().iter().enumerate().filter(|(_, vector)| vector.history.is_empty()) {
        let (sticky, key) = (Sticky::new(vector.salt.as_bytes()), vector.key());
        let draws = sticky.draws(&key);
        let hashes: Vec<String> = vector.names().map(|name| format!("{:016x}", draws.hash(name))).collect();
        assert_eq!(Some(hashes), vector.hashes, "vector {index}");
        let pick = sticky.pick(&key, vector.names(), &Weights::new(vector.weights.iter().copied())).unwrap();
        assert_eq!(pick.place, vector.place, "vector {index}");
        assert_eq!(format!("{:.12}", pick.ticket), format!("{:.12}", vector.ticket.unwrap()), "vector {index}");
    }
}

#[test]
fn places_after_a_history_are_the_published_ones() {
    let with_history = |vector: &Vector| !vector.history.is_empty();
    assert!(vectors().iter().any(with_history));
    for (index, vector) in vectors().iter().enumerate().filter(|(_, vector)| with_history(vector)) {
        let history = History::compile(&Place::root("history"), &vector.history, vector.names.len()).unwrap();
        let now = Weights::new(vector.weights.iter().copied());
        let place = history.pick(&Sticky::new(vector.salt.as_bytes()), &vector.key(), vector.names(), &now, None);
        assert_eq!(place, Some(vector.place), "vector {index}");
    }
}

#[test]
fn the_table_in_the_documentation_holds_published_vectors() {
    let rows = vectors().into_iter().filter_map(|vector| {
        let key = vector.key.filter(|_| vector.weights == [90, 10] && vector.names == ["v1", "v2"])?;
        let key = if key.is_empty() { "(empty)".to_owned() } else { format!("`{key}`") };
        let (hashes, place) = (vector.hashes?, &vector.names[vector.place]);
        let ticket = vector.ticket?;
        Some(format!("| {key} | `{}` | `{}` | `{place}` | {ticket:.12} |", hashes[0], hashes[1]))
    });
    let rows: Vec<String> = rows.collect();
    let table =
        include_str!("../../../../../docs/sticky-split.md").lines().skip_while(|line| !line.starts_with("| key |"));
    let table: Vec<&str> = table.skip(2).collect();
    assert!(table.len() > 5 && table.iter().all(|row| rows.iter().any(|vector| vector == row)), "{table:?}");
}
