//! What a CanaryPolicy asks of a request beside the rule's own `match`.

mod addresses;
mod claims;
mod percentage;
mod window;

use self::addresses::AddressRanges;
use self::claims::ClaimConditions;
use self::percentage::KeyedShare;
use self::window::Window;
use super::{Part, TextCondition};
use crate::key::{baggage_key, cookie, cookie_name, member};
use crate::refusal::{Place, Refusal};
use crate::request::Request;
use crate::sorted::Sorted;
use crate::written::{self, RegexEncoding, StringMatch};

/// Conditions on a request, one of which must hold.
#[derive(Clone, Debug)]
pub(crate) struct When {
    any_of: Vec<AllOf>,
}

/// Conditions on a request, all of which must hold.
#[derive(Clone, Debug)]
struct AllOf {
    cookies: Vec<NamedText>,
    baggage: Vec<NamedText>,
    claims: Option<ClaimConditions>,
    window: Option<Window>,
    sources: Option<AddressRanges>,
    share: Option<KeyedShare>,
}

/// A condition on the text of that name; one that is not there meets none.
#[derive(Clone, Debug)]
struct NamedText {
    name: String,
    text: TextCondition,
}

impl When {
    /// Compiles the list that was written at `place`; `default_salt` makes percentages without a salt of their own
    /// independent of those of other rules.
    pub(crate) fn compile(
        place: &Place<'_>,
        written: &[written::When],
        default_salt: &str,
        encoding: RegexEncoding,
    ) -> Result<Self, Refusal> {
        if written.is_empty() {
            return Err(place.refuse("must not be empty"));
        }
        let entries = written.iter().enumerate();
        let any_of =
            entries.map(|(index, written)| AllOf::compile(&place.index(index), written, default_salt, encoding));
        Ok(Self { any_of: any_of.collect::<Result<_, _>>()? })
    }

    /// Whether `request` meets one of the conditions.
    pub(crate) fn holds(&self, request: &impl Request) -> bool {
        self.any_of.iter().any(|all_of| all_of.holds(request))
    }

    /// What parts of a request must be like, all those of one entry.
    pub(crate) fn texts(&self) -> impl Iterator<Item = impl Iterator<Item = (Part<'_>, &TextCondition)>> {
        self.any_of.iter().map(AllOf::texts)
    }
}

impl AllOf {
    fn compile(
        place: &Place<'_>,
        written: &written::When,
        default_salt: &str,
        encoding: RegexEncoding,
    ) -> Result<Self, Refusal> {
        let written::When { cookies, baggage, jwt, source_ip, time, percentage } = written;
        let without_named = cookies.is_empty() && baggage.is_empty() && jwt.is_none();
        if without_named && source_ip.is_none() && time.is_none() && percentage.is_none() {
            return Err(place.refuse("must have one of cookies, baggage, jwt, sourceIp, time, percentage"));
        }
        let share = |written| KeyedShare::compile(&place.field("percentage"), written, default_salt);
        Ok(Self {
            cookies: named_texts(&place.field("cookies"), cookies, cookie_name, encoding)?,
            baggage: named_texts(&place.field("baggage"), baggage, baggage_key, encoding)?,
            claims: jwt
                .as_ref()
                .map(|written| ClaimConditions::compile(&place.field("jwt"), written, encoding))
                .transpose()?,
            window: time.as_ref().map(|written| Window::compile(&place.field("time"), written)).transpose()?,
            sources: source_ip
                .as_ref()
                .map(|written| AddressRanges::compile(&place.field("sourceIp"), written))
                .transpose()?,
            share: percentage.as_ref().map(share).transpose()?,
        })
    }

    fn texts(&self) -> impl Iterator<Item = (Part<'_>, &TextCondition)> {
        let cookies = self.cookies.iter().map(|condition| (Part::Cookie(&condition.name), &condition.text));
        let baggage = self.baggage.iter().map(|condition| (Part::Baggage(&condition.name), &condition.text));
        cookies.chain(baggage).chain(self.claims.iter().flat_map(ClaimConditions::texts))
    }

    /// What may cost a hostcall or a parse is asked last.
    fn holds(&self, request: &impl Request) -> bool {
        let headers = request.headers();
        self.cookies
            .iter()
            .all(|condition| cookie(headers, &condition.name).is_some_and(|value| condition.text.holds(value)))
            && self
                .baggage
                .iter()
                .all(|condition| member(headers, &condition.name).is_some_and(|value| condition.text.holds(&value)))
            && self.window.as_ref().is_none_or(|window| window.has(request.now()))
            && self.sources.as_ref().is_none_or(|ranges| request.source_address().is_some_and(|from| ranges.have(from)))
            && self.claims.as_ref().is_none_or(|claims| claims.hold(headers))
            && self.share.as_ref().is_none_or(|share| share.takes(request))
    }
}

/// Compiles conditions by name; `check` refuses what cannot be a name.
fn named_texts(
    place: &Place<'_>,
    written: &Sorted<String, StringMatch>,
    check: impl Fn(&Place<'_>, &str) -> Result<String, Refusal>,
    encoding: RegexEncoding,
) -> Result<Vec<NamedText>, Refusal> {
    let compile = |(name, text): (&String, &StringMatch)| {
        let place = place.field(name);
        Ok(NamedText { name: check(&place, name)?, text: TextCondition::compile(&place, text, encoding)? })
    };
    written.iter().map(compile).collect()
}

#[cfg(test)]
mod tests;
