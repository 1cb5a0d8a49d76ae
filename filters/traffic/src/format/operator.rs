//! Envoy's command operators: which there are, and what they say (Envoy, "Access logging: command operators"; its
//! `custom request/response headers` have the same).

use super::parse::texts;
use super::time::TimeFormat;
use super::{Facts, given_key};
use crate::names::token::{header, is_token};
use std::net::SocketAddr;

/// An operator, compiled.
#[derive(Clone, Debug)]
pub(super) enum Operator {
    /// A header of the request; the second name counts where the first is not there.
    Request(Names),
    /// A header of the answer.
    Response(Names),
    /// The path, with or without its query.
    Path { query: bool, from: Names },
    /// The query.
    Query,
    /// A parameter of the query, decoded.
    QueryParameter(String),
    /// When the request came.
    Start(TimeFormat),
    /// Now.
    Now(TimeFormat),
    /// The cluster.
    Cluster,
    /// The status of the upstream's answer, 0 where there is none.
    Status,
    /// How often the request was sent to an upstream, which on its way there is the first time.
    Attempts { of_response: bool },
    /// An attribute of the proxy's.
    Attribute(&'static [&'static str], Reading),
    /// A part of the metadata of something.
    Metadata(Vec<String>),
    /// A filter state.
    State(String),
    /// What Envoy itself says, left in the filter state; with the operator as it is written.
    Given { operator: String, key: String },
}

/// Names of headers, in lower case.
#[derive(Clone, Debug)]
pub(super) struct Names(String, Option<String>);

/// How the bytes of an attribute are read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Reading {
    Text,
    /// A text in which blanks are underscores.
    Word,
    Number,
    /// The address, without its port.
    Host,
    Port,
}

use Reading::{Host, Number, Port, Text, Word};

/// The operators that are an attribute.
const ATTRIBUTES: [(&str, &[&str], Reading); 25] = [
    ("PROTOCOL", &["request", "protocol"], Text),
    ("STREAM_ID", &["request", "id"], Text),
    ("CONNECTION_ID", &["connection", "id"], Number),
    ("REQUESTED_SERVER_NAME", &["connection", "requested_server_name"], Text),
    ("DOWNSTREAM_TLS_VERSION", &["connection", "tls_version"], Text),
    ("DOWNSTREAM_PEER_SUBJECT", &["connection", "subject_peer_certificate"], Text),
    ("DOWNSTREAM_LOCAL_SUBJECT", &["connection", "subject_local_certificate"], Text),
    // A workload's certificate has one URI (SPIFFE, X509-SVID, section 2); the attribute is the first.
    ("DOWNSTREAM_PEER_URI_SAN", &["connection", "uri_san_peer_certificate"], Text),
    ("DOWNSTREAM_LOCAL_URI_SAN", &["connection", "uri_san_local_certificate"], Text),
    ("DOWNSTREAM_PEER_FINGERPRINT_256", &["connection", "sha256_peer_certificate_digest"], Text),
    ("DOWNSTREAM_REMOTE_ADDRESS", &["source", "address"], Text),
    ("DOWNSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", &["source", "address"], Host),
    ("DOWNSTREAM_REMOTE_PORT", &["source", "address"], Port),
    ("DOWNSTREAM_LOCAL_ADDRESS", &["destination", "address"], Text),
    ("DOWNSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", &["destination", "address"], Host),
    ("DOWNSTREAM_LOCAL_PORT", &["destination", "address"], Port),
    ("UPSTREAM_HOST", &["upstream", "address"], Text),
    ("UPSTREAM_REMOTE_ADDRESS", &["upstream", "address"], Text),
    ("UPSTREAM_REMOTE_ADDRESS_WITHOUT_PORT", &["upstream", "address"], Host),
    ("UPSTREAM_REMOTE_PORT", &["upstream", "address"], Port),
    ("UPSTREAM_LOCAL_ADDRESS", &["upstream", "local_address"], Text),
    ("UPSTREAM_LOCAL_ADDRESS_WITHOUT_PORT", &["upstream", "local_address"], Host),
    ("UPSTREAM_LOCAL_PORT", &["upstream", "local_address"], Port),
    ("UPSTREAM_TRANSPORT_FAILURE_REASON", &["upstream", "transport_failure_reason"], Word),
    ("RESPONSE_CODE_DETAILS", &["response", "code_details"], Word),
];

/// The operators of which no attribute says what they say, and which do not change while a request lasts: where rules have
/// one, Envoy has to leave it in the filter state before Serin's filters.
const GIVEN_ALONE: [&str; 14] = [
    "HOSTNAME",
    "FILTER_CHAIN_NAME",
    "UNIQUE_ID",
    "TRACE_ID",
    "SPAN_ID",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS",
    "DOWNSTREAM_DIRECT_REMOTE_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_REMOTE_PORT",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS",
    "DOWNSTREAM_DIRECT_LOCAL_ADDRESS_WITHOUT_PORT",
    "DOWNSTREAM_DIRECT_LOCAL_PORT",
    "DOWNSTREAM_TLS_CIPHER",
    "DOWNSTREAM_TLS_SESSION_ID",
    "TLS_JA3_FINGERPRINT",
];

/// What the names of such operators begin with that are about certificates.
const GIVEN_PREFIXES: [&str; 2] = ["DOWNSTREAM_PEER_", "DOWNSTREAM_LOCAL_"];

/// Those with an argument.
const GIVEN_WITH_ARGUMENT: [&str; 7] = [
    "ENVIRONMENT",
    "START_TIME_LOCAL",
    "CEL",
    "DOWNSTREAM_PEER_CERT_V_START",
    "DOWNSTREAM_PEER_CERT_V_END",
    "DYNAMIC_METADATA",
    "FILTER_STATE",
];

impl Operator {
    /// The operator `%name(argument)%` in the value of a header of the request, or of the answer.
    pub(super) fn compile(name: &str, argument: Option<&str>, for_response: bool) -> Result<Self, String> {
        let shown = match argument {
            Some(argument) => format!("{name}({argument})"),
            None => name.to_owned(),
        };
        let wrong = |reason: &str| format!("%{shown}%: {reason}");
        let needed = || argument.ok_or_else(|| wrong("needs an argument"));
        let alone = |operator: Self| match argument {
            None => Ok(operator),
            Some(_) => Err(wrong("takes no argument")),
        };
        if let Some((_, path, reading)) = ATTRIBUTES.iter().find(|(attribute, ..)| *attribute == name) {
            return alone(Self::Attribute(path, *reading));
        }
        match name {
            "REQ" | "REQUEST_HEADER" => Names::read(needed()?).map(Self::Request).map_err(|reason| wrong(&reason)),
            "RESP" | "RESPONSE_HEADER" => Names::read(needed()?).map(Self::Response).map_err(|reason| wrong(&reason)),
            "PATH" => path(argument.unwrap_or_default()).map_err(|reason| wrong(&reason)),
            "QUERY_PARAMS" if argument.is_none_or(|argument| argument == "ORIG") => Ok(Self::Query),
            "QUERY_PARAM" => Ok(Self::QueryParameter(needed()?.to_owned())),
            "START_TIME" => TimeFormat::compile(argument).map(Self::Start).map_err(|reason| wrong(&reason)),
            "EMIT_TIME" => TimeFormat::compile(argument).map(Self::Now).map_err(|reason| wrong(&reason)),
            "UPSTREAM_CLUSTER" | "UPSTREAM_CLUSTER_RAW" => alone(Self::Cluster),
            "RESPONSE_CODE" => alone(Self::Status),
            "UPSTREAM_REQUEST_ATTEMPT_COUNT" => alone(Self::Attempts { of_response: for_response }),
            // Of a whole namespace, and of a state as JSON, only Envoy knows the form.
            "DYNAMIC_METADATA" if !is_whole(needed()?) => {
                metadata(&["metadata"], needed()?).map_err(|reason| wrong(&reason))
            }
            "UPSTREAM_METADATA" => {
                metadata(&["xds", "upstream_host_metadata"], needed()?).map_err(|reason| wrong(&reason))
            }
            "CLUSTER_METADATA" if for_response => {
                metadata(&["xds", "cluster_metadata"], needed()?).map_err(|reason| wrong(&reason))
            }
            "CLUSTER_METADATA" => Err(wrong("is served in the headers of answers only")),
            "PER_REQUEST_STATE" => Ok(Self::State(needed()?.to_owned())),
            "FILTER_STATE" if needed()?.ends_with(":PLAIN") => {
                let key = needed()?.trim_end_matches(":PLAIN");
                if key.is_empty() { Err(wrong("has no key")) } else { Ok(Self::State(key.to_owned())) }
            }
            _ if is_given(name, argument) => {
                let operator = format!("%{shown}%");
                Ok(Self::Given { key: given_key(&operator), operator })
            }
            _ => Err(format!("%{shown}% is not an operator that Serin serves (docs/header-values.md)")),
        }
    }

    /// What the operator says; nothing if that is not known, or cannot be in a header.
    pub(super) fn value(&self, facts: &impl Facts) -> Option<Vec<u8>> {
        let value = self.bytes(facts)?;
        (!value.iter().any(|byte| matches!(byte, 0 | b'\r' | b'\n'))).then_some(value)
    }

    fn bytes(&self, facts: &impl Facts) -> Option<Vec<u8>> {
        let text = |text: String| Some(text.into_bytes());
        match self {
            Self::Request(names) => names.find(|name| facts.request_header(name)),
            Self::Response(names) => names.find(|name| facts.response_header(name)),
            Self::Path { query, from } => {
                let mut target = from.find(|name| facts.request_header(name))?;
                if !query {
                    target.truncate(target.iter().position(|byte| *byte == b'?').unwrap_or(target.len()));
                }
                Some(target)
            }
            Self::Query => query(&facts.request_header(":path")?).map(<[u8]>::to_vec),
            Self::QueryParameter(name) => {
                let target = facts.request_header(":path")?;
                let mut parameters = query(&target)?.split(|byte| *byte == b'&').map(|parameter| {
                    let end = parameter.iter().position(|byte| *byte == b'=').unwrap_or(parameter.len());
                    let (name, value) = parameter.split_at_checked(end).unwrap_or((parameter, b""));
                    (decoded(name), value.strip_prefix(b"=").unwrap_or(value))
                });
                parameters.find(|(parameter, _)| parameter == name.as_bytes()).map(|(_, value)| decoded(value))
            }
            Self::Start(format) => text(format.write(number(&facts.attribute(&["request", "time"])?)?.unsigned_abs())),
            Self::Now(format) => text(format.write(facts.now())),
            Self::Cluster => text(facts.cluster()?),
            Self::Status => {
                // To answers that are a proxy's own Envoy gives their code only after their headers.
                let is_local = facts.attribute(&["response", "code_details"]).as_deref() != Some(b"via_upstream");
                let status = if is_local { None } else { facts.attribute(&["response", "code"]) };
                text(status.and_then(|bytes| number(&bytes)).unwrap_or(0).to_string())
            }
            Self::Attempts { of_response: false } => text("1".to_owned()),
            Self::Attempts { of_response: true } => {
                let sent = facts.attribute(&["upstream", "request_attempt_count"]).and_then(|bytes| number(&bytes));
                text(sent.unwrap_or(0).to_string())
            }
            Self::Attribute(path, reading) => reading.of(facts.attribute(path)?),
            Self::Metadata(path) => {
                let path: Vec<&str> = path.iter().map(String::as_str).collect();
                of_metadata(facts.attribute(&path)?)
            }
            Self::State(key) | Self::Given { key, .. } => facts.attribute(&["filter_state", key]),
        }
    }

    /// Whether it needs what only the request tells.
    pub(super) fn asks_request(&self) -> bool {
        matches!(self, Self::Request(_) | Self::Path { .. } | Self::Query | Self::QueryParameter(_) | Self::Cluster)
    }

    /// The operator as it is written, if Envoy has to leave what it says in the filter state.
    pub(super) fn given(&self) -> Option<&str> {
        match self {
            Self::Given { operator, .. } => Some(operator),
            _ => None,
        }
    }
}

fn is_given(name: &str, argument: Option<&str>) -> bool {
    match argument {
        None => {
            GIVEN_ALONE.contains(&name)
                || name == "START_TIME_LOCAL"
                || (GIVEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix)) && !name.ends_with("_REASON"))
        }
        Some(_) => GIVEN_WITH_ARGUMENT.contains(&name),
    }
}

impl Names {
    /// Reads `name` or `name?other`.
    fn read(argument: &str) -> Result<Self, String> {
        let (name, other) = match argument.split_once('?') {
            Some((name, other)) => (name, Some(other)),
            None => (argument, None),
        };
        let lower = |name: &str| {
            let token = name.strip_prefix(':').unwrap_or(name);
            // Nothing is a name, too: of a header that no message has.
            if token.is_empty() || is_token(token) {
                Ok(header(name))
            } else {
                Err(format!("`{name}` is not the name of a header"))
            }
        };
        Ok(Self(lower(name)?, other.map(lower).transpose()?))
    }

    fn find(&self, header: impl Fn(&str) -> Option<Vec<u8>>) -> Option<Vec<u8>> {
        header(&self.0).or_else(|| header(self.1.as_deref()?))
    }
}

/// `PATH(WQ)` and `PATH(NQ)`, of the request as it came, as it goes on, or the former if it is known.
fn path(argument: &str) -> Result<Operator, String> {
    let (query, from) = argument.split_once(':').unwrap_or((argument, "ORIG_OR_PATH"));
    let query = match query {
        "" | "WQ" => true,
        "NQ" => false,
        other => return Err(format!("{other} is neither WQ nor NQ")),
    };
    let (original, now) = ("x-envoy-original-path".to_owned(), ":path".to_owned());
    let from = match from {
        "ORIG" => Names(original, None),
        "PATH" => Names(now, None),
        "ORIG_OR_PATH" => Names(original, Some(now)),
        other => return Err(format!("{other} is not one of ORIG, PATH, ORIG_OR_PATH")),
    };
    Ok(Operator::Path { query, from })
}

/// Whether the argument of metadata is a namespace alone.
fn is_whole(argument: &str) -> bool {
    !argument.is_empty() && !argument.contains([':', '['])
}

/// `namespace:key:key` or the older `["namespace", "key"]`, below `of`.
fn metadata(of: &[&str], argument: &str) -> Result<Operator, String> {
    let names: Vec<&str> = match argument.trim_start_matches(' ').strip_prefix('[') {
        Some(list) => texts(list)?,
        None => argument.split(':').collect(),
    };
    if names.len() < 2 || names.iter().any(|name| name.is_empty() || name.contains('\0')) {
        return Err("needs a namespace and a key".to_owned());
    }
    let of = of.iter().copied().chain(["filter_metadata"]).chain(names);
    Ok(Operator::Metadata(of.map(str::to_owned).collect()))
}

impl Reading {
    fn of(self, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let text = |text: String| Some(text.into_bytes());
        let address = |bytes: &[u8]| std::str::from_utf8(bytes).ok()?.parse::<SocketAddr>().ok();
        match self {
            Text => Some(bytes),
            Word => {
                let blank = |byte: u8| if byte.is_ascii_whitespace() { b'_' } else { byte };
                Some(bytes.into_iter().map(blank).collect())
            }
            Number => text(number(&bytes)?.to_string()),
            Host => text(address(&bytes)?.ip().to_string()),
            Port => text(address(&bytes)?.port().to_string()),
        }
    }
}

/// The number that the proxy serializes as eight bytes.
fn number(bytes: &[u8]) -> Option<i64> {
    Some(i64::from_le_bytes(bytes.try_into().ok()?))
}

/// A value of metadata: a text as it is, numbers and truths as JSON has them. A list or a mapping is not served.
///
/// Nothing says which it is: a text holds no control characters, of which the eight bytes of a number hardly ever lack one.
fn of_metadata(bytes: Vec<u8>) -> Option<Vec<u8>> {
    if !bytes.is_empty() && std::str::from_utf8(&bytes).is_ok_and(|text| !text.chars().any(char::is_control)) {
        return Some(bytes);
    }
    match bytes.as_slice() {
        [0] => Some(b"false".to_vec()),
        [1] => Some(b"true".to_vec()),
        bytes => {
            let number = f64::from_le_bytes(bytes.try_into().ok()?);
            number.is_finite().then(|| number.to_string().into_bytes())
        }
    }
}

/// The query of a target.
fn query(target: &[u8]) -> Option<&[u8]> {
    let start = target.iter().position(|byte| *byte == b'?')? + 1;
    let query = target.get(start..)?;
    query.split(|byte| *byte == b'#').next()
}

/// The bytes that percent-encoding stands for; a plus sign stays one.
fn decoded(text: &[u8]) -> Vec<u8> {
    let digit = |byte: Option<&u8>| char::from(*byte?).to_digit(16);
    let mut bytes = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        let pair = if *byte == b'%' { digit(text.get(at + 1)).zip(digit(text.get(at + 2))) } else { None };
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(decoded) => {
                bytes.push(decoded);
                at += 3;
            }
            None => {
                bytes.push(*byte);
                at += 1;
            }
        }
    }
    bytes
}
