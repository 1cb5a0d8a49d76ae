//! `pluginConfig`, the document that every Serin filter is given.

use super::read;
use crate::digest::Digest;
use crate::refusal::Refusal;
use crate::{choice, record};
use serde_json::Value;
use std::collections::BTreeMap;

/// The byte that a serialized `google.protobuf.Struct` begins with: its first field, with a length.
const PROTOBUF_FIRST_FIELD: u8 = 0x0a;

/// The plug-in configuration of every Serin filter.
///
/// ```
/// use serin_traffic::written::Configuration;
///
/// let configuration = Configuration::from_json(br#"{"resources": [], "gateway": "default/bookinfo"}"#)?;
/// assert_eq!(configuration.gateway.as_deref(), Some("default/bookinfo"));
///
/// let refusal = Configuration::from_json(br#"{"gatway": "mesh"}"#).unwrap_err();
/// assert!(refusal.to_string().starts_with("gatway: unknown field `gatway`"));
/// # Ok::<(), serin_traffic::Refusal>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Configuration {
    /// Manifests, verbatim: VirtualService, DestinationRule, Gateway, Service, CanaryPolicy.
    pub resources: Vec<Value>,
    /// Which gateway this proxy is: `mesh` (the default) or `namespace/name`.
    pub gateway: Option<String>,
    /// Who calls through this proxy; by default what the node's metadata says.
    pub source: Option<Source>,
    /// The listener's port as rules see it; by default the port that the request came in on.
    pub port: Option<u16>,
    /// The namespace of manifests that name none; `default` if absent.
    pub namespace: Option<String>,
    /// The domain that short host names are completed with; `cluster.local` if absent.
    pub cluster_domain: Option<String>,
    /// The template of cluster names; `outbound|{port}|{subset}|{host}` if absent.
    pub cluster: Option<String>,
    /// What a request meets whose host has a VirtualService of which no rule applies.
    pub unmatched: Unmatched,
    /// How a header that is repeated is matched.
    pub repeated_headers: RepeatedHeaders,
    /// What a character is to a regular expression.
    pub regex_encoding: RegexEncoding,
    /// Whether no Serin filter comes before this one, so that it need not look for what one has said. It is no part of what
    /// filters agree on.
    pub first: Option<bool>,
    /// Which headers requests get beside those that routes need.
    pub outputs: Vec<Output>,
    pub(crate) digest: Digest,
}

record! {
    Configuration {
        resources, gateway, source, port, namespace, cluster_domain, cluster, unmatched, repeated_headers,
        regex_encoding, first, outputs; digest
    }
}

impl Configuration {
    /// Reads the bytes that the proxy hands over.
    ///
    /// No bytes at all are an empty configuration: a filter that routes nothing.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] if the bytes are not JSON, or name a field or a value that the configuration does not have.
    pub fn from_json(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.is_empty() {
            return Ok(Self::default());
        }
        let value: Result<Value, String> = match std::str::from_utf8(bytes) {
            Ok(text) => serde_json::from_str(text).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let value = value.map_err(|error| {
            // Whoever reads that a document which looks right is not JSON needs to know what became of it.
            let hint = if bytes.first() == Some(&PROTOBUF_FIRST_FIELD) {
                "; a google.protobuf.Struct reaches a filter as protobuf: put the JSON into a google.protobuf.StringValue"
            } else {
                ""
            };
            Refusal::new("", format!("not JSON: {error}{hint}"))
        })?;
        Self::from_value(value)
    }

    /// Reads the document that `value` holds.
    ///
    /// # Errors
    ///
    /// As [`Configuration::from_json`].
    pub fn from_value(value: Value) -> Result<Self, Refusal> {
        let digest = Digest::without(&value, "first");
        Ok(Self { digest, ..read("", value)? })
    }
}

/// Who calls: the workload that this proxy stands beside.
///
/// Istio's `sourceLabels` and `sourceNamespace` are compared with it (VirtualService, `HTTPMatchRequest`).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The workload's namespace.
    pub namespace: Option<String>,
    /// The workload's labels.
    pub labels: BTreeMap<String, String>,
}

record! { Source { namespace, labels } }

/// A header that requests get if it is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Output {
    /// `x-serin-subset`: the name of the destination's subset.
    #[default]
    Subset,
}

choice! { Output { "subset" => Subset } }

/// What becomes of a request whose host has a VirtualService of which no rule applies.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Unmatched {
    /// It is answered with 404, as in Istio.
    #[default]
    NotFound,
    /// It passes, and Envoy's own routes decide.
    Pass,
}

choice! { Unmatched { "notFound" => NotFound, "pass" => Pass } }

/// How a header is matched that a request carries more than once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RepeatedHeaders {
    /// Each value on its own, as Envoy does from 1.39 on.
    #[default]
    Individually,
    /// The values joined with a comma, as Envoy did before.
    Joined,
}

choice! { RepeatedHeaders { "individually" => Individually, "joined" => Joined } }

/// What a character is to a regular expression (Envoy, `envoy.reloadable_features.re2_use_latin1_mode`): a byte, as in Envoy
/// since its security releases of August 2026 (CVE-2026-73552), 1.38.4 among them, or a code point in UTF-8, as before.
pub use serin_re2::Encoding as RegexEncoding;

choice! { RegexEncoding { "latin1" => Latin1, "utf8" => Utf8 } }
