//! One entry of `http[]`: its matches, destinations and mirrors.

use super::headers::give_headers;
use super::known::Known;
use super::{Surroundings, no_conditions};
use crate::action::{Cors, DirectResponse, Fault, HeaderChanges, Redirect, Retries, Rewrite, Timeout};
use crate::matching::{ClaimCondition, Conditions, HeaderCondition, PathCondition, QueryCondition, TextCondition};
use crate::names::cluster::ClusterName;
use crate::names::host::{full_name, mistake_in_destination};
use crate::names::port::port_number;
use crate::names::token;
use crate::policy::{Answer, Destination, Mirror, Rule};
use crate::refusal::{Place, Refusal, Warning};
use crate::share::Share;
use crate::sorted::Sorted;
use crate::written::{self, HeaderRules, HttpMatch, HttpRoute, RegexEncoding, RouteDestination, StringMatch};

/// Compiles the rules of one VirtualService.
pub(super) struct RouteCompiler<'a> {
    /// The namespace of the VirtualService.
    pub(super) namespace: &'a str,
    pub(super) world: &'a Surroundings,
    pub(super) known: &'a Known<'a>,
    /// Whether this proxy has the rules. Which subsets there are for others, it does not know.
    pub(super) are_own: bool,
    pub(super) warnings: &'a mut Vec<Warning>,
}

impl RouteCompiler<'_> {
    /// Compiles a rule called `name`. With `keep_all` destinations of weight 0 stay, since they may get requests yet.
    pub(super) fn compile(
        &mut self,
        place: &Place<'_>,
        name: String,
        written: &HttpRoute,
        keep_all: bool,
    ) -> Result<Rule, Refusal> {
        let encoding = self.world.regex_encoding;
        let answer = self.answer(place, written)?;
        let own = header_changes(place, written.headers.as_deref())?;
        let mut destinations = self.destinations(&place.field("route"), &written.route, keep_all)?;
        let mut mirrors = self.mirrors(place, written)?;
        let mut rewrite = match &written.rewrite {
            Some(written) => Rewrite::compile(&place.field("rewrite"), written, encoding)?,
            None => Rewrite::default(),
        };
        rewrite.authority = rewrite.authority.or_else(|| own.authority.clone());
        if answer.is_some() {
            // Only a delegate and its root have these together.
            (destinations, mirrors, rewrite) = (Vec::new(), Vec::new(), Rewrite::default());
        }
        let mut rule = Rule {
            name,
            matches: self.matches(&place.field("match"), &written.matches)?,
            destinations: Vec::new(),
            mirrors,
            answer: answer.map(Box::new),
            fault: written.fault.as_ref().map(|fault| Fault::compile(&place.field("fault"), fault)).transpose()?,
            cors: written
                .cors_policy
                .as_ref()
                .map(|cors| Cors::compile(&place.field("corsPolicy"), cors, encoding).map(Box::new))
                .transpose()?,
            timeout: Timeout::compile(&place.field("timeout"), written.timeout.as_deref())?,
            retries: written
                .retries
                .as_ref()
                .map(|retries| Retries::compile(&place.field("retries"), retries).map(Box::new))
                .transpose()?,
            rewrite,
            request_changes: Vec::new(),
            response_changes: Vec::new(),
            canary: None,
            shadow: None,
            first_slot: 0,
        };
        give_headers(&mut rule, &own, destinations, written.route.len());
        self.warn_of_faults_without_kind(&place.field("fault"), written);
        Ok(rule)
    }

    /// Istio takes a delay and an abort that do not say what happens, and nothing does (`TranslateFault`).
    fn warn_of_faults_without_kind(&mut self, place: &Place<'_>, written: &HttpRoute) {
        let Some(fault) = &written.fault else { return };
        if fault.delay.as_ref().is_some_and(|delay| delay.fixed_delay.is_none()) {
            self.warnings.push(place.field("delay").warn("has no effect without fixedDelay"));
        }
        if fault.abort.as_ref().is_some_and(|abort| abort.http_status.is_none() && abort.grpc_status.is_none()) {
            self.warnings.push(place.field("abort").warn("has no effect without httpStatus or grpcStatus"));
        }
    }

    /// The answer in the upstream's stead, if the rule gives one: a redirect rather than a direct response, if a delegate
    /// and its root have both (Istio, `translateRoute`).
    fn answer(&self, place: &Place<'_>, written: &HttpRoute) -> Result<Option<Answer>, Refusal> {
        if let Some(redirect) = &written.redirect {
            let redirect = Redirect::compile(&place.field("redirect"), redirect, self.world.port)?;
            return Ok(Some(Answer::Redirect(redirect)));
        }
        let Some(direct) = &written.direct_response else {
            return Ok(None);
        };
        Ok(Some(Answer::Direct(DirectResponse::compile(&place.field("directResponse"), direct)?)))
    }

    /// The matches that this proxy may meet: what gateway, port and source decide is decided here.
    fn matches(&self, place: &Place<'_>, written: &[HttpMatch]) -> Result<Vec<Conditions>, Refusal> {
        if written.is_empty() {
            return Ok(no_conditions());
        }
        let mut matches = Vec::with_capacity(written.len());
        for (index, written) in written.iter().enumerate() {
            let place = place.index(index);
            let conditions = self.conditions(&place, written)?;
            if self.may_meet(&place, written)? {
                matches.push(conditions);
            }
        }
        Ok(matches)
    }

    /// Whether gateway, port and source of `written` are those of this proxy (Istio, `sourceMatchHTTP`: where a match
    /// names gateways, labels and namespace of the source are not looked at).
    fn may_meet(&self, place: &Place<'_>, written: &HttpMatch) -> Result<bool, Refusal> {
        let port = u32::from(self.world.port.unwrap_or_default());
        if written.port.is_some_and(|wanted| wanted != 0 && port != 0 && wanted != port) {
            return Ok(false);
        }
        if !written.gateways.is_empty() {
            return self.world.gateway.is_among(&place.field("gateways"), &written.gateways, self.namespace);
        }
        let source = &self.world.source;
        let labelled = written.source_labels.iter().all(|(name, value)| source.labels.get(name) == Some(value));
        let at_home = written
            .source_namespace
            .as_deref()
            .is_none_or(|wanted| wanted.is_empty() || self.world.own_namespace() == wanted);
        Ok(labelled && at_home)
    }

    #[inline(never)]
    fn conditions(&self, place: &Place<'_>, written: &HttpMatch) -> Result<Conditions, Refusal> {
        let encoding = self.world.regex_encoding;
        let mut conditions = Conditions::default();
        let pseudo = [("scheme", &written.scheme), ("method", &written.method), ("authority", &written.authority)];
        for (field, text) in pseudo {
            if let Some(text) = text {
                let text = TextCondition::compile(&place.field(field), text, encoding)?;
                conditions.headers.push(HeaderCondition { name: format!(":{field}"), text, without: false });
            }
        }
        header_conditions(&place.field("headers"), &written.headers, false, encoding, &mut conditions)?;
        header_conditions(&place.field("withoutHeaders"), &written.without_headers, true, encoding, &mut conditions)?;

        let query_params = place.field("queryParams");
        for (name, text) in &written.query_params {
            conditions.query.push(QueryCondition {
                name: name.clone(),
                text: TextCondition::compile(&query_params.field(name), text, encoding)?,
            });
        }

        conditions.path = match &written.uri {
            // Envoy's route needs one way of comparing the path; Istio writes the prefix `/` where there is none.
            Some(uri) if **uri != StringMatch::default() => Some(PathCondition {
                text: TextCondition::compile(&place.field("uri"), uri, encoding)?,
                any_case: written.ignore_uri_case,
            }),
            _ => None,
        };
        conditions.port = self.request_port(place, written)?;
        Ok(conditions)
    }

    /// The port that each request has to be asked for: none, if the configuration says the listener's.
    fn request_port(&self, place: &Place<'_>, written: &HttpMatch) -> Result<Option<u16>, Refusal> {
        let Some(port) = written.port.filter(|port| *port != 0) else {
            return Ok(None);
        };
        let port = port_number(&place.field("port"), port)?;
        Ok(if self.world.port.is_none() { Some(port) } else { None })
    }

    /// The destinations that may get a request: all but those of weight 0 unless `keep_all`, or the only one (Istio,
    /// `HTTPRouteDestination.weight`); with what is written of their headers.
    #[inline(never)]
    fn destinations(
        &mut self,
        place: &Place<'_>,
        written: &[RouteDestination],
        keep_all: bool,
    ) -> Result<Vec<(Destination, HeaderChanges)>, Refusal> {
        let mut destinations: Vec<(Destination, HeaderChanges)> = Vec::with_capacity(written.len());
        for (index, written) in written.iter().enumerate() {
            let place = place.index(index);
            let headers = header_changes(&place, written.headers.as_deref())?;
            let mut name = self.name(&written.destination);
            let alike = |other: &&(Destination, HeaderChanges)| other.0.name.split('#').next() == Some(name.as_str());
            match destinations.iter().filter(alike).count() {
                0 => {}
                before => name.push_str(&format!("#{}", before + 1)),
            }
            let destination = Destination {
                name,
                weight: weight(&place.field("weight"), written.weight.unwrap_or(0))?,
                cluster: self.cluster(&place.field("destination"), &written.destination)?,
                subset: written.destination.subset.clone().filter(|subset| !subset.is_empty()),
                request_changes: Vec::new(),
                authority: None,
                response_changes: Vec::new(),
            };
            destinations.push((destination, headers));
        }
        if destinations.len() > 1 {
            destinations.retain(|(destination, _)| destination.weight > 0 || keep_all);
            let sum: u64 = destinations.iter().map(|(destination, _)| u64::from(destination.weight)).sum();
            if sum == 0 {
                return Err(place.refuse("the weights of all destinations are 0"));
            }
            if sum > u64::from(u32::MAX) {
                return Err(place.refuse(format!("the weights add up to {sum}, more than {}", u32::MAX)));
            }
        }
        Ok(destinations)
    }

    fn mirrors(&mut self, place: &Place<'_>, written: &HttpRoute) -> Result<Vec<Mirror>, Refusal> {
        let mut mirrors = Vec::new();
        let share = single_share(place, written)?;
        if let Some(destination) = &written.mirror {
            let cluster = self.cluster(&place.field("mirror"), destination)?;
            mirrors.push(Mirror { cluster, share });
        }
        for (index, mirror) in written.mirrors.iter().enumerate() {
            let place = place.field("mirrors");
            let place = place.index(index);
            let share = match mirror.percentage {
                Some(percentage) => Share::read(&place.field("percentage"), percentage)?,
                None => Share::ALL,
            };
            let cluster = self.cluster(&place.field("destination"), &mirror.destination)?;
            mirrors.push(Mirror { cluster, share });
        }
        mirrors.retain(|mirror| !mirror.share.is_none());
        Ok(mirrors)
    }

    /// What a destination is called among those of its rule: the same at every listener, whatever clusters are called.
    fn name(&self, written: &written::Destination) -> String {
        let mut name = full_name(&written.host, self.namespace, &self.world.cluster_domain);
        name.push('|');
        name.push_str(written.subset.as_deref().unwrap_or_default());
        if let Some(port) = written.port.and_then(|port| port.number) {
            name.push_str(&format!("|{port}"));
        }
        name
    }

    /// The cluster of a destination. Its port is the one that is written, else the only one of the Service if that is
    /// among the resources, else the listener's.
    fn cluster(&mut self, place: &Place<'_>, written: &written::Destination) -> Result<ClusterName, Refusal> {
        let host_place = place.field("host");
        if let Some(mistake) = mistake_in_destination(&written.host) {
            return Err(host_place.refuse(mistake));
        }
        let host = full_name(&written.host, self.namespace, &self.world.cluster_domain);
        let port = match written.port {
            Some(selector) => {
                let place = place.field("port");
                let number = selector.number.ok_or_else(|| place.refuse("must have a number"))?;
                Some(port_number(&place.field("number"), number)?)
            }
            None => self.known.only_port(&host).or(self.world.port),
        };
        let subset = written.subset.as_deref().filter(|subset| !subset.is_empty());
        if let Some(subset) = subset {
            if subset.bytes().any(|byte| byte.is_ascii_control()) {
                return Err(place.field("subset").refuse(format!("{subset:?} cannot be in the name of a cluster")));
            }
            if self.are_own && !self.known.has_subset(&host, subset) {
                let reason = format!("no DestinationRule here declares the subset {subset} of {host}");
                self.warnings.push(place.field("subset").warn(reason));
            }
        }
        Ok(self.world.template.name(&host, subset, port))
    }
}

/// What the name of a header begins with that stands for a claim of the verified JWT (Istio, "JWT claim based routing").
const CLAIMS: &str = "@request.auth.claims";

/// Whether `header` is the name of a claim (Istio, `jwt.ToRoutingClaim`).
pub(super) fn is_claim(header: &str) -> bool {
    claim_in(header).and_then(claim_path).is_some()
}

/// What stands behind the prefix of a claim, which may be in upper case: `.a.b` or `[a][b]`, if all is well.
pub(super) fn claim_in(header: &str) -> Option<&str> {
    let (prefix, claim) = header.split_at_checked(CLAIMS.len())?;
    prefix.eq_ignore_ascii_case(CLAIMS).then_some(claim)
}

/// The names that `.a.b` or `[a][b]` says.
fn claim_path(text: &str) -> Option<Vec<String>> {
    let names: Vec<String> = match text.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')) {
        Some(inner) => inner.split("][").map(str::to_owned).collect(),
        None => text.strip_prefix('.')?.split('.').map(str::to_owned).collect(),
    };
    names.iter().all(|name| !name.is_empty()).then_some(names)
}

fn header_changes(place: &Place<'_>, written: Option<&HeaderRules>) -> Result<HeaderChanges, Refusal> {
    match written {
        Some(written) => HeaderChanges::compile(&place.field("headers"), written),
        None => Ok(HeaderChanges::default()),
    }
}

/// Conditions on headers.
fn header_conditions(
    place: &Place<'_>,
    written: &Sorted<String, StringMatch>,
    without: bool,
    encoding: RegexEncoding,
    into: &mut Conditions,
) -> Result<(), Refusal> {
    for (name, text) in written {
        let place = place.field(name);
        if let Some(claim) = claim_in(name) {
            let path = claim_path(claim).ok_or_else(|| {
                place.refuse(format!("`{name}` does not name a claim: write {CLAIMS}.name or {CLAIMS}[name][name]"))
            })?;
            into.claims.push(ClaimCondition { path, text: TextCondition::compile(&place, text, encoding)?, without });
            continue;
        }
        // Istio takes a bare `*` in withoutHeaders for mere presence.
        let any = without && text.regex.as_deref() == Some("*");
        let text = if any { TextCondition::Present } else { TextCondition::compile(&place, text, encoding)? };
        into.headers.push(HeaderCondition { name: token::header(name), text, without });
    }
    Ok(())
}

pub(super) fn weight(place: &Place<'_>, weight: i64) -> Result<u32, Refusal> {
    if weight < 0 {
        return Err(place.refuse(format!("{weight} is negative")));
    }
    u32::try_from(weight)
        .ok()
        .filter(|weight| *weight <= i32::MAX as u32)
        .ok_or_else(|| place.refuse(format!("{weight} is more than {}", i32::MAX)))
}

/// The share of the single `mirror`: `mirrorPercentage` beats the older `mirrorPercent`, and none means all
/// (Istio, `mirrorPercent` in `route.go`).
fn single_share(place: &Place<'_>, written: &HttpRoute) -> Result<Share, Refusal> {
    let older = written.mirror_percent.map(|percent| Share::compile(&place.field("mirrorPercent"), percent.into()));
    let older = older.transpose()?;
    let newer =
        written.mirror_percentage.map(|value| Share::read(&place.field("mirrorPercentage"), value)).transpose()?;
    Ok(newer.or(older).unwrap_or(Share::ALL))
}
