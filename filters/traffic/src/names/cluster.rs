//! The names of Envoy's clusters.

use crate::refusal::Refusal;
use std::borrow::Cow;
use std::collections::BTreeMap;

/// Istio's template for the name of an outbound cluster (`BuildSubsetKey` in Istio's `pilot/pkg/model/service.go`).
pub const ISTIO_TEMPLATE: &str = "outbound|{port}|{subset}|{host}";

/// A template of cluster names, with `{port}`, `{subset}` and `{host}` in it.
///
/// ```
/// use serin_traffic::ClusterTemplate;
///
/// let template = ClusterTemplate::parse("outbound|{port}|{subset}|{host}")?;
/// let reviews = template.name("reviews.default.svc.cluster.local", Some("v2"), Some(9080));
/// assert_eq!(reviews.with_port(None), "outbound|9080|v2|reviews.default.svc.cluster.local");
/// # Ok::<(), serin_traffic::Refusal>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterTemplate(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Port,
    Subset,
    Host,
}

impl ClusterTemplate {
    /// Reads a template.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if it is empty, has a brace without its other half, a placeholder that does not exist, or a byte
    /// that no header value can carry.
    pub fn parse(text: &str) -> Result<Self, Refusal> {
        let refuse = |reason: String| Err(Refusal::new("cluster", reason));
        if text.is_empty() {
            return refuse("must not be empty".to_owned());
        }
        if let Some(control) = text.chars().find(|c| c.is_control()) {
            return refuse(format!("{control:?} cannot be in the name of a cluster"));
        }
        let mut pieces = Vec::new();
        let mut rest = text;
        while let Some((before, behind)) = rest.split_once('{') {
            let Some((placeholder, after)) = behind.split_once('}') else {
                return refuse(format!("`{{{behind}` is not closed"));
            };
            if !before.is_empty() {
                pieces.push(Piece::Text(before.to_owned()));
            }
            pieces.push(match placeholder {
                "port" => Piece::Port,
                "subset" => Piece::Subset,
                "host" => Piece::Host,
                other => return refuse(format!("{{{other}}} is not one of {{port}}, {{subset}}, {{host}}")),
            });
            rest = after;
        }
        if !rest.is_empty() {
            pieces.push(Piece::Text(rest.to_owned()));
        }
        Ok(Self(pieces))
    }

    /// The name of the cluster for `subset` of `host` at `port`; without a port the name waits for that of a request.
    pub fn name(&self, host: &str, subset: Option<&str>, port: Option<u16>) -> ClusterName {
        let mut name = ClusterName { parts: vec![String::new()] };
        for piece in &self.0 {
            match (piece, port) {
                (Piece::Text(text), _) => name.push(text),
                (Piece::Subset, _) => name.push(subset.unwrap_or_default()),
                (Piece::Host, _) => name.push(host),
                (Piece::Port, Some(port)) => name.push(&port.to_string()),
                (Piece::Port, None) => name.parts.push(String::new()),
            }
        }
        name
    }
}

/// What a subset is called that no DestinationRule names: its labels, sorted.
///
/// ```
/// use serin_traffic::subset_of_labels;
///
/// let labels = [("version", "v2"), ("app", "target")].map(|(name, value)| (name.to_owned(), value.to_owned()));
/// assert_eq!(subset_of_labels(&labels.into()), "app=target,version=v2");
/// ```
pub fn subset_of_labels(labels: &BTreeMap<String, String>) -> String {
    let pairs: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join(",")
}

/// The name of a cluster; where it has no port of its own, the listener's stands in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClusterName {
    /// What stands before, between and behind the places of the port; one part if there is no such place.
    parts: Vec<String>,
}

impl ClusterName {
    fn push(&mut self, text: &str) {
        if let Some(last) = self.parts.last_mut() {
            last.push_str(text);
        }
    }

    /// Whether the name waits for the port of a request.
    pub fn wants_port(&self) -> bool {
        self.parts.len() > 1
    }

    /// The name, with `port` where it waits for one: 0 if there is none, a cluster that no proxy has.
    pub fn with_port(&self, port: Option<u16>) -> Cow<'_, str> {
        match self.parts.as_slice() {
            [whole] => Cow::Borrowed(whole),
            parts => Cow::Owned(parts.join(&port.unwrap_or_default().to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wasm_test::test;

    fn refusal(template: &str) -> String {
        ClusterTemplate::parse(template).unwrap_err().to_string()
    }

    #[test]
    fn a_destination_without_subset_leaves_its_place_empty() {
        let template = ClusterTemplate::parse(ISTIO_TEMPLATE).unwrap();
        let name = template.name("ratings.default.svc.cluster.local", None, Some(9080));
        assert_eq!(name.with_port(Some(80)), "outbound|9080||ratings.default.svc.cluster.local");
    }

    #[test]
    fn a_destination_without_port_takes_the_listeners() {
        let template = ClusterTemplate::parse("{port}:{host}:{port}").unwrap();
        let name = template.name("ratings", None, None);
        assert!(name.wants_port());
        assert_eq!(name.with_port(Some(9080)), "9080:ratings:9080");
        assert_eq!(name.with_port(None), "0:ratings:0");
    }

    #[test]
    fn a_bad_template_is_refused() {
        assert_eq!(refusal(""), "cluster: must not be empty");
        assert_eq!(refusal("a|{port"), "cluster: `{port` is not closed");
        assert_eq!(refusal("{service}"), "cluster: {service} is not one of {port}, {subset}, {host}");
        assert_eq!(refusal("a\nb"), "cluster: '\\n' cannot be in the name of a cluster");
    }
}
