//! HTTP fields: headers, trailers and gRPC metadata.

use std::fmt;

/// An ordered multi-map of names to bytes, as Envoy's `HeaderMap` is: names are lower case, order is kept, pseudo-headers
/// come first, and `host` of a request is another name of `:authority`.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Fields {
    lines: Vec<(String, Vec<u8>)>,
}

impl Fields {
    /// No fields at all.
    pub fn new() -> Fields {
        Fields::default()
    }

    /// The first value of `name`.
    pub fn get(&self, name: &str) -> Option<&[u8]> {
        self.all(name).next()
    }

    /// The first value of `name` as text; `None` if there is none, or if it is not UTF-8.
    pub fn text(&self, name: &str) -> Option<&str> {
        self.get(name).and_then(|value| std::str::from_utf8(value).ok())
    }

    /// Every value of `name`, in order.
    pub fn all(&self, name: &str) -> impl Iterator<Item = &[u8]> {
        let name = canonical(name);
        self.lines.iter().filter(move |(known, _)| *known == name).map(|(_, value)| value.as_slice())
    }

    /// Whether there is a field `name`.
    pub fn contains(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Adds a line. A pseudo-header goes behind the other pseudo-headers; a second value of one is joined with a comma.
    pub fn add(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let name = canonical(name);
        let value = value.into();
        if !name.starts_with(':') {
            self.lines.push((name, value));
            return;
        }
        match self.lines.iter_mut().find(|(known, _)| *known == name) {
            Some((_, first)) => {
                first.push(b',');
                first.extend(value);
            }
            None => {
                let end = self.lines.iter().take_while(|(known, _)| known.starts_with(':')).count();
                self.lines.insert(end, (name, value));
            }
        }
    }

    /// Makes `value` the only one of `name`, where the first one stood.
    pub fn replace(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        let name = canonical(name);
        let Some(first) = self.lines.iter().position(|(known, _)| *known == name) else {
            return self.add(&name, value);
        };
        self.lines[first].1 = value.into();
        let mut seen = 0;
        self.lines.retain(|(known, _)| {
            seen += usize::from(*known == name);
            *known != name || seen == 1
        });
    }

    /// Removes every value of `name`.
    pub fn remove(&mut self, name: &str) {
        let name = canonical(name);
        self.lines.retain(|(known, _)| *known != name);
    }

    /// The lines in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.lines.iter().map(|(name, value)| (name.as_str(), value.as_slice()))
    }

    /// How many lines there are.
    pub fn len(&self) -> usize {
        self.lines.len()
    }

    /// Whether there are no lines.
    pub fn is_empty(&self) -> bool {
        self.lines.is_empty()
    }

    /// The bytes of all names and values together (Envoy's `byteSize`).
    pub fn byte_size(&self) -> usize {
        self.lines.iter().map(|(name, value)| name.len() + value.len()).sum()
    }

    pub(crate) fn lines(&self) -> &[(String, Vec<u8>)] {
        &self.lines
    }
}

impl<N: AsRef<[u8]>, V: Into<Vec<u8>>> FromIterator<(N, V)> for Fields {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(pairs: I) -> Fields {
        let mut fields = Fields::new();
        for (name, value) in pairs {
            fields.add(&String::from_utf8_lossy(name.as_ref()), value);
        }
        fields
    }
}

impl fmt::Debug for Fields {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list()
            .entries(self.iter().map(|(name, value)| format!("{name}: {}", String::from_utf8_lossy(value))))
            .finish()
    }
}

fn canonical(name: &str) -> String {
    let lower = name.to_ascii_lowercase();
    if lower == "host" { ":authority".to_owned() } else { lower }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacing_keeps_the_place_of_the_first_value_and_drops_the_others() {
        let mut fields: Fields = [("a", "1"), ("b", "2"), ("A", "3")].into_iter().collect();
        fields.replace("a", "4");
        assert_eq!(fields, [("a", "4"), ("b", "2")].into_iter().collect());
    }

    #[test]
    fn a_pseudo_header_stands_before_the_others() {
        let mut fields: Fields = [(":path", "/"), ("accept", "*/*")].into_iter().collect();
        fields.add("host", "reviews");
        let names: Vec<_> = fields.iter().map(|(name, _)| name).collect();
        assert_eq!(names, [":path", ":authority", "accept"]);
    }
}
