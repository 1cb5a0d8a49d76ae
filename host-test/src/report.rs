//! What became of a request, for people and for programs.

use host_test::{Call, Exchange, Fields, LogLine, Proxy, Reply};
use serde_json::{Value, json};
use std::fmt::Write;

/// Everything there is to say about one exchange.
pub(crate) struct Report {
    sent: Fields,
    /// The headers that leave; those that were sent, if nothing leaves.
    headers: Fields,
    body: String,
    reply: Option<Reply>,
    paused: bool,
    reset: bool,
    filter_state: Vec<(String, String)>,
    clears: (u32, u32),
    calls: Vec<Call>,
    metrics: Vec<(String, u64)>,
    log: Vec<LogLine>,
    fuel: u64,
}

/// A header that differs between the request that was sent and the one that leaves.
enum Change<'a> {
    Added(&'a str, String),
    Removed(&'a str, String),
    Changed(&'a str, String, String),
}

fn lossy(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl Report {
    pub(crate) fn new(proxy: &Proxy, exchange: &Exchange) -> Report {
        let upstream = exchange.upstream_headers();
        Report {
            sent: exchange.sent_headers().clone(),
            headers: if upstream.is_empty() { exchange.sent_headers().clone() } else { upstream.clone() },
            body: lossy(exchange.upstream_body()),
            reply: exchange.reply().cloned(),
            paused: exchange.paused(),
            reset: exchange.was_reset(),
            filter_state: exchange.filter_states().map(|(key, value)| (lossy(key), lossy(value))).collect(),
            clears: (exchange.route_cache_clears(), exchange.automatic_route_cache_clears()),
            calls: proxy.calls(),
            metrics: proxy.metrics(),
            log: proxy.log(),
            fuel: exchange.fuel(),
        }
    }

    /// Names in the order in which they appear, sent ones first; each name's values compared in order.
    fn changes(&self) -> Vec<Change<'_>> {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in self.sent.iter().chain(self.headers.iter()) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
        let mut changes = Vec::new();
        for name in names {
            let was: Vec<String> = self.sent.all(name).map(lossy).collect();
            let now: Vec<String> = self.headers.all(name).map(lossy).collect();
            for place in 0..was.len().max(now.len()) {
                match (was.get(place), now.get(place)) {
                    (None, Some(now)) => changes.push(Change::Added(name, now.clone())),
                    (Some(was), None) => changes.push(Change::Removed(name, was.clone())),
                    (Some(was), Some(now)) if was != now => {
                        changes.push(Change::Changed(name, was.clone(), now.clone()));
                    }
                    _ => {}
                }
            }
        }
        changes
    }

    fn pseudo(&self, name: &str) -> String {
        self.headers.get(name).map(lossy).unwrap_or_default()
    }

    pub(crate) fn json(&self) -> Value {
        let (mut added, mut removed, mut changed) = (Vec::new(), Vec::new(), Vec::new());
        for change in self.changes() {
            match change {
                Change::Added(name, now) => added.push(json!([name, now])),
                Change::Removed(name, was) => removed.push(json!([name, was])),
                Change::Changed(name, was, now) => changed.push(json!([name, was, now])),
            }
        }
        let object = |pairs: Vec<(String, Value)>| Value::Object(pairs.into_iter().collect());
        let state = self.filter_state.iter().map(|(key, value)| (key.clone(), json!(value))).collect();
        let metrics = self.metrics.iter().map(|(name, value)| (name.clone(), json!(value))).collect();
        json!({
            "method": self.pseudo(":method"),
            "scheme": self.pseudo(":scheme"),
            "authority": self.pseudo(":authority"),
            "path": self.pseudo(":path"),
            "headers": pairs(&self.headers),
            "body": self.body,
            "changes": {"added": added, "removed": removed, "changed": changed},
            "reply": self.reply.as_ref().map(|reply| json!({
                "status": reply.status,
                "headers": pairs(&reply.headers),
                "body": lossy(&reply.body),
                "details": reply.details,
            })),
            "paused": self.paused,
            "filter_state": object(state),
            "route_cache_clears": self.clears.0,
            "automatic_route_cache_clears": self.clears.1,
            "calls": self.calls.iter().map(|call| json!({
                "cluster": call.cluster,
                "headers": pairs(&call.headers),
                "body": lossy(&call.body),
                "timeout_ms": call.timeout.map(|timeout| timeout.as_millis() as u64),
                "filter": call.filter,
            })).collect::<Vec<_>>(),
            "metrics": object(metrics),
            "log": self.log.iter().map(|line| json!({
                "level": line.level.name(),
                "filter": line.filter,
                "message": line.message,
            })).collect::<Vec<_>>(),
            "fuel": self.fuel,
        })
    }

    pub(crate) fn text(&self, colours: bool) -> String {
        let paint = |code: &str, text: String| if colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text };
        let mut out = String::new();
        let fate = match &self.reply {
            Some(reply) => format!("is answered by a filter: {}", reply.status),
            None if self.reset => "is reset by a filter".to_owned(),
            None if self.paused => "is held by a filter".to_owned(),
            None => "leaves for the upstream".to_owned(),
        };
        let url = format!("{}://{}{}", self.pseudo(":scheme"), self.pseudo(":authority"), self.pseudo(":path"));
        let _ = writeln!(out, "{} {url} {fate}", paint("1", self.pseudo(":method")));
        match &self.reply {
            Some(reply) => {
                section(&mut out, rows(&reply.headers));
                if !reply.details.is_empty() {
                    let _ = writeln!(out, "  details: {}", reply.details);
                }
                if !reply.body.is_empty() {
                    let _ = writeln!(out, "\n{}", indented(&reply.text()));
                }
            }
            None => out.push_str(&self.header_lines(paint)),
        }
        titled(&mut out, "filter state", &self.filter_state);
        let (asked, automatic) = self.clears;
        if asked + automatic > 0 {
            let _ = writeln!(
                out,
                "\nroute cache\n    cleared {asked} times by filters, {automatic} times for changed headers"
            );
        }
        for call in &self.calls {
            let _ = writeln!(out, "\ncall to {} by {}", call.cluster, call.filter);
            section(&mut out, rows(&call.headers));
            if !call.body.is_empty() {
                let _ = writeln!(out, "\n{}", indented(&lossy(&call.body)));
            }
        }
        let metrics: Vec<_> = self.metrics.iter().map(|(name, value)| (name.clone(), value.to_string())).collect();
        titled(&mut out, "metrics", &metrics);
        if !self.log.is_empty() {
            let _ = writeln!(out, "\nlog");
            for line in &self.log {
                let _ = writeln!(out, "{}", indented(&line.to_string()));
            }
        }
        let _ = writeln!(out, "\nfuel {}", self.fuel);
        out
    }

    /// Every header that leaves or was removed, with a mark for what has changed.
    fn header_lines(&self, paint: impl Fn(&str, String) -> String) -> String {
        let width = self.sent.iter().chain(self.headers.iter()).map(|(name, _)| name.len()).max().unwrap_or_default();
        let changes = self.changes();
        let mut out = String::new();
        for (name, value) in self.headers.iter() {
            let value = lossy(value);
            let change = changes.iter().find(|change| match change {
                Change::Added(known, now) | Change::Changed(known, _, now) => *known == name && *now == value,
                Change::Removed(..) => false,
            });
            let line = match change {
                Some(Change::Added(..)) => paint("32", format!("  + {name:width$}  {value}")),
                Some(Change::Changed(_, was, _)) => paint("33", format!("  ~ {name:width$}  {value}  (was {was})")),
                _ => format!("    {name:width$}  {value}"),
            };
            out.push_str(&line);
            out.push('\n');
        }
        for change in &changes {
            if let Change::Removed(name, was) = change {
                out.push_str(&paint("31", format!("  - {name:width$}  {was}")));
                out.push('\n');
            }
        }
        out
    }
}

fn pairs(fields: &Fields) -> Value {
    fields.iter().map(|(name, value)| json!([name, lossy(value)])).collect()
}

fn rows(fields: &Fields) -> Vec<(String, String)> {
    fields.iter().map(|(name, value)| (name.to_owned(), lossy(value))).collect()
}

fn titled(out: &mut String, title: &str, rows: &[(String, String)]) {
    if !rows.is_empty() {
        let _ = writeln!(out, "\n{title}");
        section(out, rows.to_vec());
    }
}

fn section(out: &mut String, rows: Vec<(String, String)>) {
    let width = rows.iter().map(|(name, _)| name.len()).max().unwrap_or_default();
    for (name, value) in rows {
        let _ = writeln!(out, "    {name:width$}  {value}");
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}
