//! What is done to the headers of a request or of an answer.

/// A change to one header; changes are made in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The header is taken off.
    Remove {
        /// The header's name, in lower case.
        name: String,
    },
    /// The header has this one value.
    Set {
        /// The header's name, in lower case.
        name: String,
        /// The value.
        value: Vec<u8>,
    },
    /// The header has this value besides those that it had.
    Add {
        /// The header's name, in lower case.
        name: String,
        /// The value.
        value: Vec<u8>,
    },
}

impl Change {
    /// Gives the header `name` the one value `value`.
    pub fn set(name: impl Into<String>, value: impl Into<Vec<u8>>) -> Self {
        Change::Set { name: name.into(), value: value.into() }
    }

    /// The name of the header that is changed.
    pub fn name(&self) -> &str {
        match self {
            Change::Remove { name } | Change::Set { name, .. } | Change::Add { name, .. } => name,
        }
    }

    /// Makes the change to `headers`, a list of names and values.
    ///
    /// ```
    /// use serin_traffic::Change;
    ///
    /// let mut headers = vec![("a".to_owned(), b"1".to_vec()), ("a".to_owned(), b"2".to_vec())];
    /// Change::set("a", "3").apply(&mut headers);
    /// assert_eq!(headers, [("a".to_owned(), b"3".to_vec())]);
    /// ```
    pub fn apply(&self, headers: &mut Vec<(String, Vec<u8>)>) {
        match self {
            Change::Remove { name } => headers.retain(|(header, _)| header != name),
            Change::Set { name, value } => {
                headers.retain(|(header, _)| header != name);
                headers.push((name.clone(), value.clone()));
            }
            Change::Add { name, value } => headers.push((name.clone(), value.clone())),
        }
    }
}

/// An answer that a filter gives in the upstream's stead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// The headers.
    pub headers: Vec<(String, Vec<u8>)>,
    /// The body.
    pub body: Vec<u8>,
    /// Why the filter answers, for Envoy's access log (`%RESPONSE_CODE_DETAILS%`).
    pub details: &'static str,
    /// The gRPC status, if the request is one of gRPC and the answer names it.
    pub grpc_status: Option<u8>,
}

impl Reply {
    /// Why Envoy would say that it answers, had it the same rule.
    pub(crate) fn details_in_envoy(&self) -> &'static str {
        match self.details {
            "serin_redirect" | "serin_direct_response" => "direct_response",
            "serin_fault_abort" => "fault_filter_abort",
            other => other,
        }
    }
}
