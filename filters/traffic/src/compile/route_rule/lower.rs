//! A RouteRule as the rule of a VirtualService that does the same.

use super::super::Surroundings;
use super::super::known::Known;
use crate::refusal::{Place, Warning};
use crate::written::{
    Destination, DestinationWeight, Fault, FaultAbort, FaultDelay, HeaderOperations, HeaderRules, HttpFault, HttpMatch,
    HttpRoute, IstioService, MatchCondition, Percent, Redirect, Retries, Rewrite, RouteDestination, RouteRule,
    StringMatch,
};
use std::collections::BTreeMap;

/// When Istio tried again (`buildHTTPRouteV1`).
const RETRY_ON: &str = "5xx,connect-failure,refused-stream";

/// What a rule is lowered in the light of.
pub(super) struct Lowering<'l, 'w> {
    /// Where its spec stands.
    pub(super) place: &'l Place<'l>,
    /// The full name of the service that it is for.
    pub(super) host: &'l str,
    /// Its namespace.
    pub(super) namespace: &'w str,
    pub(super) world: &'w Surroundings,
    pub(super) known: &'l mut Known<'w>,
    pub(super) warnings: &'l mut Vec<Warning>,
}

impl Lowering<'_, '_> {
    /// The rule of a VirtualService that stands for `written`, which is valid; of its conditions those on requests.
    pub(super) fn rule(mut self, written: &RouteRule) -> HttpRoute {
        self.warn_of_what_is_left(written);
        let added = (!written.append_headers.is_empty()).then(|| HeaderRules {
            request: Some(HeaderOperations { add: written.append_headers.clone(), ..HeaderOperations::default() }),
            response: None,
        });
        let redirect = written.redirect.as_ref().map(|redirect| Redirect {
            uri: redirect.uri.clone(),
            authority: redirect.authority.clone(),
            ..Redirect::default()
        });
        let goes_on = redirect.is_none();
        HttpRoute {
            matches: written.condition.as_ref().and_then(conditions).into_iter().collect(),
            route: if goes_on { self.destinations(written.route.as_deref()) } else { Vec::new() },
            mirror: written
                .mirror
                .as_ref()
                .filter(|_| goes_on)
                .map(|mirror| Box::new(self.service(mirror, &mirror.labels))),
            redirect: redirect.map(Box::new),
            rewrite: written.rewrite.as_ref().map(|rewrite| {
                Box::new(Rewrite {
                    uri: rewrite.uri.clone(),
                    authority: rewrite.authority.clone(),
                    uri_regex_rewrite: None,
                })
            }),
            timeout: written
                .http_req_timeout
                .as_ref()
                .and_then(|timeout| timeout.simple_timeout.as_ref()?.timeout.clone()),
            retries: written.http_req_retries.as_ref().and_then(|retries| {
                let simple = retries.simple_retry.as_ref()?;
                let tries_again = simple.attempts > 0;
                Some(Box::new(Retries {
                    attempts: i64::from(simple.attempts),
                    per_try_timeout: simple.per_try_timeout.clone().filter(|_| tries_again),
                    retry_on: tries_again.then(|| RETRY_ON.to_owned()),
                    ..Retries::default()
                }))
            }),
            fault: written.http_fault.as_ref().and_then(|fault| self.fault(fault)).map(Box::new),
            cors_policy: written.cors_policy.as_ref().map(|cors| Box::new(cors.into())),
            headers: added.map(Box::new),
            ..HttpRoute::default()
        }
    }

    /// Where requests go: to all pods of the service, if the rule does not say.
    fn destinations(&mut self, entries: Option<&[DestinationWeight]>) -> Vec<RouteDestination> {
        let Some(entries) = entries else {
            let destination = Destination { host: self.host.to_owned(), subset: None, port: None };
            return vec![RouteDestination { destination, weight: None, headers: None }];
        };
        let mut destinations = Vec::with_capacity(entries.len());
        for (index, entry) in entries.iter().enumerate() {
            let destination = match &entry.destination {
                Some(written) => {
                    if !written.labels.is_empty() {
                        let (place, reason) = (self.place, "has no effect: labels stand beside destination");
                        let place = place.field("route");
                        let place = place.index(index);
                        self.warnings.push(place.field("destination").field("labels").warn(reason));
                    }
                    self.service(written, &entry.labels)
                }
                None => self.subset(self.host.to_owned(), &entry.labels),
            };
            destinations.push(RouteDestination { destination, weight: Some(entry.weight), headers: None });
        }
        destinations
    }

    fn service(&mut self, written: &IstioService, labels: &BTreeMap<String, String>) -> Destination {
        self.subset(written.host(self.namespace, &self.world.cluster_domain), labels)
    }

    fn subset(&mut self, host: String, labels: &BTreeMap<String, String>) -> Destination {
        let subset = self.known.subset_with(&host, labels);
        Destination { host, subset, port: None }
    }

    /// The faults that are put in for any request at all (Istio, `buildDelayConfig` and `buildAbortConfig`).
    fn fault(&mut self, written: &HttpFault) -> Option<Fault> {
        let place = self.place.field("httpFault");
        let percentage = |value: f64| Some(Percent { value });
        let delay = written.delay.as_ref().filter(|delay| delay.percent > 0.0);
        let abort = written.abort.as_ref().filter(|abort| abort.percent > 0.0 && abort.http_status.unwrap_or(0) != 0);
        for (field, idle) in [
            ("delay", written.delay.is_some() && delay.is_none()),
            ("abort", written.abort.is_some() && abort.is_none()),
        ] {
            if idle {
                let wanted = if field == "delay" { "a percent" } else { "a percent and an httpStatus" };
                self.warnings.push(place.field(field).warn(format!("has no effect without {wanted} above 0")));
            }
        }
        let delay = delay.map(|delay| FaultDelay {
            percentage: percentage(delay.percent),
            fixed_delay: delay.fixed_delay.clone(),
            ..FaultDelay::default()
        });
        let abort = abort.map(|abort| FaultAbort {
            percentage: percentage(abort.percent),
            http_status: abort.http_status,
            ..FaultAbort::default()
        });
        (delay.is_some() || abort.is_some()).then_some(Fault { delay, abort })
    }

    /// Warns of what Istio took and did not look at, and of what a proxy of today does otherwise.
    fn warn_of_what_is_left(&mut self, written: &RouteRule) {
        let place = self.place;
        let mut warn = |path: &[&str], reason: &str| {
            let path: String = path.iter().map(|field| format!(".{field}")).collect();
            self.warnings.push(Warning::new(format!("{place}{path}"), reason));
        };
        const IGNORED: &str = "has no effect, as in Istio";
        if written.condition.as_ref().is_some_and(|condition| condition.tcp.is_some()) {
            warn(&["match", "tcp"], "is left out: Serin's filters see HTTP only");
        }
        if written.websocket_upgrade {
            let reason = "has no effect: requests may become WebSocket connections in any case, and need not";
            warn(&["websocketUpgrade"], reason);
        }
        if written.redirect.is_some() && written.mirror.is_some() {
            warn(&["mirror"], "has no effect beside redirect");
        }
        if let Some(timeout) = &written.http_req_timeout {
            if timeout.custom.is_some() {
                warn(&["httpReqTimeout", "custom"], IGNORED);
            }
            if timeout.simple_timeout.as_ref().is_some_and(|simple| simple.override_header_name.is_some()) {
                warn(&["httpReqTimeout", "simpleTimeout", "overrideHeaderName"], IGNORED);
            }
        }
        if let Some(retries) = &written.http_req_retries {
            if retries.custom.is_some() {
                warn(&["httpReqRetries", "custom"], IGNORED);
            }
            if retries.simple_retry.as_ref().is_some_and(|simple| simple.override_header_name.is_some()) {
                warn(&["httpReqRetries", "simpleRetry", "overrideHeaderName"], IGNORED);
            }
        }
        let fault = written.http_fault.as_ref();
        if fault.and_then(|fault| fault.delay.as_ref()?.override_header_name.as_ref()).is_some() {
            warn(&["httpFault", "delay", "overrideHeaderName"], IGNORED);
        }
        if let Some(abort) = fault.and_then(|fault| fault.abort.as_ref()) {
            if abort.override_header_name.is_some() {
                warn(&["httpFault", "abort", "overrideHeaderName"], IGNORED);
            }
            if abort.http2_error.is_some() {
                warn(&["httpFault", "abort", "http2Error"], IGNORED);
            }
        }
    }
}

/// The conditions on requests (Istio, `buildHTTPRouteMatch`); none if there are none.
fn conditions(written: &MatchCondition) -> Option<HttpMatch> {
    let mut conditions = HttpMatch::default();
    for (name, text) in &written.request.as_ref()?.headers {
        // Envoy asked of a header without a value whether it is there; the pseudo-headers always are.
        let empty = [&text.exact, &text.prefix, &text.regex].into_iter().flatten().all(String::is_empty);
        let text = if empty { StringMatch::default() } else { text.clone() };
        let pseudo = match name.as_str() {
            "uri" => &mut conditions.uri,
            "scheme" => &mut conditions.scheme,
            "method" => &mut conditions.method,
            "authority" => &mut conditions.authority,
            _ => {
                conditions.headers.insert(name.clone(), text);
                continue;
            }
        };
        *pseudo = Some(Box::new(text)).filter(|_| !empty);
    }
    Some(conditions)
}
