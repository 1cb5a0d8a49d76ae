//! Changes to headers: Istio's `Headers`, compiled.

use crate::changes::Change;
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

/// Changes to one set of headers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    pub(crate) removed: Vec<String>,
    /// First those that are set, then those that are added, each in the order of their names.
    pub(crate) given: Vec<Change>,
}

impl HeaderChanges {
    pub(crate) fn compile(place: &Place<'_>, written: &HeaderRules) -> Result<Self, Refusal> {
        let mut compiled = Self::default();
        if let Some(request) = &written.request {
            let place = place.field("request");
            compiled.request = Changes::compile(&place, request)?;
            compiled.authority = authority_in(&request.set).or_else(|| authority_in(&request.add));
        }
        if let Some(response) = &written.response {
            compiled.response = Changes::compile(&place.field("response"), response)?;
        }
        Ok(compiled)
    }
}

impl Changes {
    fn compile(place: &Place<'_>, written: &HeaderOperations) -> Result<Self, Refusal> {
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
                let value = header_value(&place, value)?;
                if !is_authority(&name) {
                    compiled.given.push(if field == "set" {
                        Change::Set { name, value }
                    } else {
                        Change::Add { name, value }
                    });
                }
            }
        }
        Ok(compiled)
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        self.removed.iter().map(String::as_str).chain(self.given.iter().map(Change::name))
    }

    /// Whether anything is done to the header `name`.
    pub(crate) fn touch(&self, name: &str) -> bool {
        self.names().any(|touched| touched == name)
    }
}

/// The changes of several levels as one sequence: at each level what is removed comes before what is given
/// (Envoy, `HeaderParser::evaluateHeaders`).
pub(crate) fn changes_of<'a>(levels: impl IntoIterator<Item = &'a Changes>) -> Vec<Change> {
    let mut sequence = Vec::new();
    for level in levels {
        sequence.extend(level.removed.iter().map(|name| Change::Remove { name: name.clone() }));
        sequence.extend(level.given.iter().cloned());
    }
    sequence
}

fn is_authority(name: &str) -> bool {
    name == "host" || name == ":authority"
}

fn authority_in(values: &BTreeMap<String, String>) -> Option<String> {
    values.iter().find(|(name, _)| is_authority(&name.to_ascii_lowercase())).map(|(_, value)| value.clone())
}

/// The name in lower case; pseudo-headers other than the authority are not to be changed
/// (Istio, `ValidateHTTPHeaderOperationName`).
fn header_name(place: &Place<'_>, name: &str) -> Result<String, Refusal> {
    let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    let lower = name.to_ascii_lowercase();
    if is_authority(&lower) || (!name.is_empty() && name.bytes().all(is_token)) {
        Ok(lower)
    } else if name.starts_with(':') {
        Err(place.refuse(format!("{name} is a pseudo-header: of those only :authority can be changed")))
    } else {
        Err(place.refuse(format!("`{name}` is not the name of a header")))
    }
}

/// The value, with `%%` for a per cent sign; an operator of Envoy's, such as `%REQ(x)%`, is refused by its name.
fn header_value(place: &Place<'_>, text: &str) -> Result<Vec<u8>, Refusal> {
    if let Some(control) = text.chars().find(|c| c.is_control() && *c != '\t') {
        return Err(place.refuse(format!("{control:?} cannot be in the value of a header")));
    }
    let mut value = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, behind)) = rest.split_once('%') {
        value.push_str(before);
        match behind.strip_prefix('%') {
            Some(after) => {
                value.push('%');
                rest = after;
            }
            None => {
                let operator = behind.split('%').next().unwrap_or_default();
                let reason = if behind.contains('%') {
                    format!("Envoy's operator %{operator}% is not implemented; a per cent sign is written %%")
                } else {
                    "a per cent sign is written %%".to_owned()
                };
                return Err(place.refuse(reason));
            }
        }
    }
    value.push_str(rest);
    Ok(value.into_bytes())
}
