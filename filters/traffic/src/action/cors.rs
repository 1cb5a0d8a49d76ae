//! Who may call across origins: Istio's `CorsPolicy`, compiled, doing what Envoy's CORS filter does.

use crate::changes::{Change, Reply};
use crate::duration;
use crate::matching::TextCondition;
use crate::refusal::{Place, Refusal};
use crate::request::Headers;
use crate::written::{self, RegexEncoding, StringMatch};

/// The header in which a preflight says with which method the client is going to call.
const ASKED_METHOD: &str = "access-control-request-method";

/// Who may call, and what they are told.
#[derive(Clone, Debug)]
pub(crate) struct Cors {
    origins: Vec<TextCondition>,
    methods: Option<String>,
    headers: Option<String>,
    max_age: Option<String>,
    expose_headers: Option<String>,
    credentials: bool,
    /// Preflights of other origins go on to the upstream.
    forward_unmatched: bool,
}

impl Cors {
    pub(crate) fn compile(
        place: &Place<'_>,
        written: &written::CorsPolicy,
        encoding: RegexEncoding,
    ) -> Result<Self, Refusal> {
        let mut origins = Vec::new();
        for (index, origin) in written.allow_origins.iter().enumerate() {
            let place = place.field("allowOrigins");
            let place = place.index(index);
            if *origin == StringMatch::default() {
                return Err(place.refuse("must have exact, prefix or regex"));
            }
            origins.push(TextCondition::compile(&place, origin, encoding)?);
        }
        // Istio reads the older list only where the newer one is empty.
        if origins.is_empty() {
            origins.extend(written.allow_origin.iter().map(|origin| TextCondition::Exact(origin.as_bytes().to_vec())));
        }
        let forward_unmatched = match written.unmatched_preflights.as_deref() {
            None | Some("UNSPECIFIED" | "FORWARD") => true,
            Some("IGNORE") => false,
            Some(other) => {
                let reason = format!("{other} is not one of UNSPECIFIED, FORWARD, IGNORE");
                return Err(place.field("unmatchedPreflights").refuse(reason));
            }
        };
        let max_age =
            written.max_age.as_deref().map(|age| duration::milliseconds(&place.field("maxAge"), age)).transpose()?;
        let credentials = written.allow_credentials == Some(true);
        Ok(Self {
            origins,
            methods: list(&written.allow_methods),
            headers: list(&written.allow_headers),
            max_age: max_age.map(|age| age.as_secs().to_string()),
            expose_headers: list(&written.expose_headers),
            credentials,
            forward_unmatched,
        })
    }

    /// The answer to a preflight; `None` if the request is none, or goes on to the upstream.
    ///
    /// A preflight of another origin that does not go on is told everything but that the origin may call.
    pub(crate) fn preflight(&self, request: &Headers) -> Option<Reply> {
        let origin = request.first("origin").filter(|origin| !origin.is_empty())?;
        let method = request.first(ASKED_METHOD).filter(|method| !method.is_empty());
        if request.first(":method") != Some(b"OPTIONS") || method.is_none() {
            return None;
        }
        let allowed = self.allows(origin);
        if !allowed && self.forward_unmatched {
            return None;
        }
        let told = [
            ("access-control-allow-credentials", self.credentials.then_some(&b"true"[..])),
            ("access-control-allow-methods", told(&self.methods, request, ASKED_METHOD)),
            ("access-control-allow-headers", told(&self.headers, request, "access-control-request-headers")),
            ("access-control-max-age", self.max_age.as_deref().map(str::as_bytes)),
        ];
        let told = told.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.to_vec())));
        let mut reply =
            Reply { status: 200, headers: told.collect(), details: "serin_cors_preflight", ..Reply::default() };
        if allowed {
            // Envoy's filter changes its own answer as it does every other one.
            for change in self.response_changes(request) {
                change.apply(&mut reply.headers);
            }
        }
        Some(reply)
    }

    /// What the answer to a request of an allowed origin is given.
    pub(crate) fn response_changes(&self, request: &Headers) -> Vec<Change> {
        let origin = request.first("origin").filter(|origin| !origin.is_empty() && self.allows(origin));
        let Some(origin) = origin else {
            return Vec::new();
        };
        let mut changes = vec![Change::set("access-control-allow-origin", origin)];
        if self.credentials {
            changes.push(Change::set("access-control-allow-credentials", "true"));
        }
        if let Some(exposed) = &self.expose_headers {
            changes.push(Change::set("access-control-expose-headers", exposed.as_bytes()));
        }
        changes
    }

    /// Envoy asks each condition for `*` too, so that an exact `*` allows every origin.
    fn allows(&self, origin: &[u8]) -> bool {
        self.origins.iter().any(|condition| condition.holds(b"*") || condition.holds(origin))
    }
}

/// What a preflight is told is allowed. A lone `*` allows what the request asks for in the header `asked`, by name: to
/// browsers a `*` in the answer is no wildcard where credentials are sent (Envoy, `CorsFilter::decodeHeaders`; Fetch,
/// "CORS protocol and credentials").
fn told<'a>(allowed: &'a Option<String>, request: &'a Headers, asked: &'a str) -> Option<&'a [u8]> {
    match allowed.as_deref()? {
        "" => None,
        "*" => Some(request.first(asked).unwrap_or_default()),
        allowed => Some(allowed.as_bytes()),
    }
}

fn list(items: &[String]) -> Option<String> {
    (!items.is_empty()).then(|| items.join(","))
}
