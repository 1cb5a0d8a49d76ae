//! Header values with Envoy's command operators, such as `%REQ(x-user)%`: read once, evaluated for each request.
//!
//! A value is empty where nothing of it is known; an empty value is no change, as in Envoy (`HeaderParser`).

mod operator;
mod parse;
#[cfg(test)]
mod tests;
mod time;

use crate::refusal::{Place, Refusal};
use operator::Operator;
use parse::{Part, parts};

/// How many operators one value may have: each may give as much as the headers of a request hold.
const MOST_OPERATORS: usize = 32;

/// What the names of the filter states begin with in which Envoy leaves what operators say that no attribute does.
const GIVEN: &str = "serin.format.";

/// The filter state in which Envoy has to leave what `operator` says, such as `%HOSTNAME%`.
pub fn given_key(operator: &str) -> String {
    format!("{GIVEN}{}", operator.trim_matches('%'))
}

/// A value, compiled.
#[derive(Clone, Debug)]
pub(crate) struct Format {
    pieces: Vec<Piece>,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    Operator(Operator),
}

/// What operators ask. What is not known is `None`.
pub(crate) trait Facts {
    /// The first value of the request's header of that name, in lower case.
    fn request_header(&self, name: &str) -> Option<Vec<u8>>;

    /// The first value of the answer's header of that name; `:status` is one.
    fn response_header(&self, name: &str) -> Option<Vec<u8>>;

    /// The attribute at `path`, as the proxy serializes it (Envoy, "Attributes"; proxy-wasm, `proxy_get_property`).
    fn attribute(&self, path: &[&str]) -> Option<Vec<u8>>;

    /// The cluster that the request goes to.
    fn cluster(&self) -> Option<String>;

    /// The proxy's clock, in nanoseconds since 1970.
    fn now(&self) -> u64;
}

impl Format {
    /// How many bytes its text has; what operators say is not known yet.
    pub(crate) fn bytes(&self) -> usize {
        let of_piece = |piece: &Piece| match piece {
            Piece::Text(text) => text.len(),
            Piece::Operator(_) => 0,
        };
        self.pieces.iter().map(of_piece).sum()
    }

    /// Compiles the value at `place`; `for_response` says whose header has it.
    pub(crate) fn compile(place: &Place<'_>, text: &str, for_response: bool) -> Result<Self, Refusal> {
        let refuse = |reason| place.refuse(reason);
        let mut pieces = Vec::new();
        for part in parts(text).map_err(refuse)? {
            pieces.push(match part {
                Part::Text(text) => Piece::Text(text.into_bytes()),
                Part::Operator { name, argument } => {
                    Piece::Operator(Operator::compile(name, argument, for_response).map_err(refuse)?)
                }
            });
        }
        let format = Self { pieces };
        let operators = format.operators().count();
        if operators > MOST_OPERATORS {
            return Err(place.refuse(format!("{operators} operators are more than {MOST_OPERATORS}")));
        }
        Ok(format)
    }

    /// A value without operators.
    pub(crate) fn of_text(text: Vec<u8>) -> Self {
        Self { pieces: vec![Piece::Text(text)] }
    }

    /// Whether there is no operator in it.
    pub(crate) fn is_text(&self) -> bool {
        self.operators().next().is_none()
    }

    /// Whether it needs what only the request tells.
    pub(crate) fn asks_request(&self) -> bool {
        self.operators().any(Operator::asks_request)
    }

    fn operators(&self) -> impl Iterator<Item = &Operator> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Operator(operator) => Some(operator),
            Piece::Text(_) => None,
        })
    }

    /// The value.
    pub(crate) fn value(&self, facts: &impl Facts) -> Vec<u8> {
        let mut value = Vec::new();
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => value.extend_from_slice(text),
                Piece::Operator(operator) => value.extend(operator.value(facts).unwrap_or_default()),
            }
        }
        value
    }

    /// The same with what the request says put in: an answer finds the request's headers gone.
    pub(crate) fn of_request(&self, facts: &impl Facts) -> Self {
        let known = |piece: &Piece| match piece {
            Piece::Operator(operator) if operator.asks_request() => {
                Piece::Text(operator.value(facts).unwrap_or_default())
            }
            piece => piece.clone(),
        };
        Self { pieces: self.pieces.iter().map(known).collect() }
    }

    /// The operators of which Envoy has to leave the value in the filter state, as they are written.
    pub(crate) fn given(&self) -> impl Iterator<Item = &str> {
        self.operators().filter_map(Operator::given)
    }
}
