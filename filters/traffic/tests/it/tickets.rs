//! The ticket that a key draws: the published vectors, which another implementation made (xxHash's own, for Python).

use crate::scene::test;
use serde::Deserialize;
use serin_traffic::{Ticket, keyed_ticket};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Vector {
    salt: String,
    key: Option<String>,
    /// In place of `key`, where it is no text.
    key_hex: Option<String>,
    ticket: String,
    /// Where it stands among a million.
    millionth: u64,
}

impl Vector {
    fn key(&self) -> Vec<u8> {
        let Some(hex) = &self.key_hex else { return self.key.clone().expect("it has a key").into_bytes() };
        let byte = |at| u8::from_str_radix(&hex[at..at + 2], 16).expect("hexadecimal digits");
        (0..hex.len()).step_by(2).map(byte).collect()
    }
}

#[test]
fn tickets_are_the_published_ones() {
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../vectors/ticket.json")).expect("it is JSON");
    assert!(vectors.len() > 20);
    for (index, vector) in vectors.iter().enumerate() {
        let ticket = keyed_ticket(vector.salt.as_bytes(), &vector.key());
        assert_eq!(format!("{:016x}", ticket.0), vector.ticket, "vector {index}");
        assert_eq!(ticket.place_in(1_000_000), vector.millionth, "vector {index}");
    }
}

#[test]
fn a_salt_and_a_key_are_told_apart() {
    let tickets = [("ab", "c"), ("a", "bc"), ("abc", ""), ("", "abc")]
        .map(|(salt, key)| keyed_ticket(salt.as_bytes(), key.as_bytes()));
    assert!(tickets.iter().enumerate().all(|(n, ticket): (usize, &Ticket)| !tickets[..n].contains(ticket)));
}
