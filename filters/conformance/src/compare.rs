//! What became of a request, compared with what its row expects.

use crate::row::{Fields, Level, Row, Seen};
use std::fmt::Write;

/// What a host adds to a filter's local reply: pure functions do not know it.
const OF_THE_HOST: [&str; 2] = ["content-type", "content-length"];

impl Row {
    /// What is wrong with what was seen, with the row's name; nothing if all is as expected.
    pub fn wrong(&self, seen: &Seen, level: Level) -> Option<String> {
        let mut differences = Differences::default();
        self.compare(seen, level, &mut differences);
        let title = format!("{}.json: {}\n", self.file, self.name);
        (!differences.0.is_empty()).then(|| title + &differences.0)
    }

    fn compare(&self, seen: &Seen, level: Level, differences: &mut Differences) {
        let expect = &self.expect;
        let values = |fields: &Fields, name: &str| -> Vec<Vec<u8>> {
            fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.clone()).collect()
        };
        let status = match level {
            Level::Envoy => expect.status.or(expect.envoy.status).or(Some(match self.response.first {
                Some(_) => 200,
                None => self.response.status,
            })),
            Level::Pure | Level::Modules => expect.status,
        };
        differences.note("status", &status, &seen.status);
        differences.note("delay", &expect.delay, &seen.delay);
        differences.note("cluster", &expect.cluster, &seen.cluster);
        differences.note("untouched", &expect.untouched, &seen.untouched);
        differences.note("shadows", &expect.shadows, &seen.shadows);
        if let Some(subset) = &expect.subset {
            differences.note("subset", subset, &seen.subset);
        }

        let upstream = seen.upstream.clone().unwrap_or_default();
        let pseudo = [(":path", &expect.path), (":authority", &expect.authority)];
        for (name, expected) in pseudo.into_iter().filter_map(|(name, expected)| Some((name, expected.as_ref()?))) {
            differences.header("upstream", name, &[expected.clone().into_bytes()], &values(&upstream, name));
        }
        for (name, expected) in &expect.upstream {
            differences.header("upstream", name, expected, &values(&upstream, name));
        }
        for (name, expected) in &expect.router {
            let expected = if level == Level::Envoy { &Vec::new() } else { expected };
            differences.header("router", name, expected, &values(&upstream, name));
        }
        for (name, expected) in &expect.response {
            if level != Level::Pure || expect.status.is_none() || !OF_THE_HOST.contains(&name.as_str()) {
                differences.header("response", name, expected, &values(&seen.response, name));
            }
        }
        if let Some(body) = &expect.body {
            differences.note("body", &body.escape_ascii().to_string(), &seen.body.escape_ascii().to_string());
        }
        if level == Level::Envoy {
            differences.note("tries", &expect.envoy.tries.unwrap_or(seen.tries), &seen.tries);
            for (name, expected) in &expect.envoy.upstream {
                differences.header("upstream", name, expected, &values(&upstream, name));
            }
            for (name, expected) in &expect.envoy.response {
                differences.header("response", name, expected, &values(&seen.response, name));
            }
        }
    }
}

/// What differs, a line each.
#[derive(Default)]
struct Differences(String);

impl Differences {
    fn note<T: PartialEq + std::fmt::Debug>(&mut self, what: &str, expected: &T, seen: &T) {
        if expected != seen {
            let _ = writeln!(self.0, "  {what}: expected {expected:?}, seen {seen:?}");
        }
    }

    fn header(&mut self, side: &str, name: &str, expected: &[Vec<u8>], seen: &[Vec<u8>]) {
        let shown = |values: &[Vec<u8>]| -> Vec<String> {
            values.iter().map(|value| value.escape_ascii().to_string()).collect()
        };
        self.note(&format!("{side} {name}"), &shown(expected), &shown(seen));
    }
}
