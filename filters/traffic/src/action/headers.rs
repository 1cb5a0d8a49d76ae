//! Changes to headers: Istio's `Headers`, compiled.

use crate::changes::Change;
use crate::format::{Facts, Format};
use crate::names::token::{is_authority, is_token};
use crate::refusal::{Place, Refusal};
use crate::written::{HeaderOperations, HeaderRules};
use std::collections::BTreeMap;

/// What `headers` of a rule or of a destination says.
#[derive(Clone, Debug, Default)]
pub(crate) struct HeaderChanges {
    /// Changes to the request.
    pub(crate) request: Changes,
    /// Changes to the answer.
    pub(crate) response: Changes,
    /// The authority that `set` or `add` of `host` gives the request (Istio, `translateHeadersOperations`).
    pub(crate) authority: Option<String>,
}

/// Changes to one set of headers, made at one time: what is removed comes before what is given, and a value sees the headers
/// without the former and before the latter (Envoy, `HeaderParser::evaluateHeaders`).
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) removed: Vec<String>,
    /// First those that are set, then those that are added, each in the order of their names.
    pub(crate) given: Vec<Given>,
}

/// A value for a header.
#[derive(Clone, Debug)]
pub(crate) struct Given {
    name: String,
    /// The header keeps the values that it has.
    added: bool,
    value: Format,
}

impl HeaderChanges {
    pub(crate) fn compile(place: &Place<'_>, written: &HeaderRules) -> Result<Self, Refusal> {
        let mut compiled = Self::default();
        if let Some(request) = &written.request {
            let place = place.field("request");
            compiled.request = Changes::compile(&place, request, false)?;
            compiled.authority = authority_in(&request.set).or_else(|| authority_in(&request.add));
        }
        if let Some(response) = &written.response {
            compiled.response = Changes::compile(&place.field("response"), response, true)?;
        }
        Ok(compiled)
    }
}

impl Changes {
    fn compile(place: &Place<'_>, written: &HeaderOperations, of_response: bool) -> Result<Self, Refusal> {
        let mut compiled = Self::default();
        let removed = place.field("remove");
        for (index, name) in written.remove.iter().enumerate() {
            let name = header_name(&removed.index(index), name)?;
            if !is_authority(&name) {
                compiled.removed.push(name);
            }
        }
        for (field, values) in [("set", &written.set), ("add", &written.add)] {
            let place = place.field(field);
            for (name, value) in values {
                let place = place.field(name);
                let name = header_name(&place, name)?;
                let value = Format::compile(&place, value, of_response)?;
                if !is_authority(&name) {
                    compiled.given.push(Given { name, added: field == "add", value });
                }
            }
        }
        Ok(compiled)
    }

    /// A header with each of the values.
    pub(crate) fn of_values(changes: Vec<Change>) -> Self {
        let given = changes.into_iter().filter_map(|change| match change {
            Change::Set { name, value } => Some(Given { name, added: false, value: Format::of_text(value) }),
            Change::Add { name, value } => Some(Given { name, added: true, value: Format::of_text(value) }),
            Change::Remove { .. } => None,
        });
        Self { removed: Vec::new(), given: given.collect() }
    }

    /// How many bytes the names and values have, as far as they are known.
    pub(crate) fn bytes(&self) -> usize {
        let removed: usize = self.removed.iter().map(String::len).sum();
        let given = |given: &Given| given.name.len() + given.value.bytes();
        removed + self.given.iter().map(given).sum::<usize>()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.given.is_empty()
    }

    /// Whether anything is done to the header `name`.
    pub(crate) fn touch(&self, name: &str) -> bool {
        self.removed.iter().chain(self.given.iter().map(|given| &given.name)).any(|touched| touched == name)
    }

    /// Those to the headers that `choose` takes, and the others.
    pub(crate) fn partition(&self, choose: impl Fn(&str) -> bool) -> (Self, Self) {
        let (taken, left) = self.removed.iter().cloned().partition(|name| choose(name));
        let (given, rest) = self.given.iter().cloned().partition(|given| choose(&given.name));
        (Self { removed: taken, given }, Self { removed: left, given: rest })
    }

    /// The formats of all values.
    pub(crate) fn formats(&self) -> impl Iterator<Item = &Format> {
        self.given.iter().map(|given| &given.value)
    }

    /// The same with what the request says put in.
    pub(crate) fn of_request(&self, facts: &impl Facts) -> Self {
        let given = self.given.iter().map(|given| Given { value: given.value.of_request(facts), ..given.clone() });
        Self { removed: self.removed.clone(), given: given.collect() }
    }
}

/// The changes of several levels as one sequence; a level sees what those before it have done to the headers of that side.
pub(crate) fn changes_of<'a>(
    levels: impl IntoIterator<Item = &'a Changes>,
    of_response: bool,
    facts: &impl Facts,
) -> Vec<Change> {
    let mut sequence = Vec::new();
    for level in levels {
        sequence.extend(level.removed.iter().map(|name| Change::Remove { name: name.clone() }));
        let start = sequence.len();
        for given in &level.given {
            let seen = sequence.get(..start).unwrap_or_default();
            let value = given.value.value(&Changed { facts, changes: seen, of_response });
            // To Envoy a value of nothing is no change.
            if !value.is_empty() {
                let name = given.name.clone();
                sequence.push(if given.added { Change::Add { name, value } } else { Change::Set { name, value } });
            }
        }
    }
    sequence
}

/// Facts after changes to the headers of one side.
pub(crate) struct Changed<'a, F> {
    pub(crate) facts: &'a F,
    pub(crate) changes: &'a [Change],
    pub(crate) of_response: bool,
}

impl<F: Facts> Facts for Changed<'_, F> {
    fn request_header(&self, name: &str) -> Option<Vec<u8>> {
        let value = self.facts.request_header(name);
        if self.of_response { value } else { first_of(name, value, self.changes) }
    }

    fn response_header(&self, name: &str) -> Option<Vec<u8>> {
        let value = self.facts.response_header(name);
        if self.of_response { first_of(name, value, self.changes) } else { value }
    }

    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>> {
        self.facts.attribute(path)
    }

    fn cluster(&self) -> Option<String> {
        self.facts.cluster()
    }

    fn now(&self) -> u64 {
        self.facts.now()
    }
}

/// The first value of the header `name` after the changes, if it had `value` before.
fn first_of(name: &str, value: Option<Vec<u8>>, changes: &[Change]) -> Option<Vec<u8>> {
    let own = changes.iter().filter(|change| change.name() == name);
    own.fold(value, |value, change| match change {
        Change::Remove { .. } => None,
        Change::Set { value, .. } => Some(value.clone()),
        Change::Add { value: added, .. } => value.or_else(|| Some(added.clone())),
    })
}

fn authority_in(values: &BTreeMap<String, String>) -> Option<String> {
    values.iter().find(|(name, _)| is_authority(name)).map(|(_, value)| value.clone())
}

/// The name in lower case; pseudo-headers other than the authority are not to be changed
/// (Istio, `ValidateHTTPHeaderOperationName`).
fn header_name(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    if is_authority(name) || is_token(name) {
        Ok(name.to_ascii_lowercase())
    } else if name.starts_with(':') {
        Err(place.refuse(format!("{name} is a pseudo-header: of those only :authority can be changed")))
    } else {
        Err(place.refuse(format!("`{name}` is not the name of a header")))
    }
}
