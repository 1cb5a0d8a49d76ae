//! What is wrong with a manifest, and where.

use serin_traffic::Refusal;
use std::fmt;

/// Where a manifest comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// The file.
    pub file: String,
    /// The line on which the manifest begins.
    pub line: u64,
    /// What it is, such as `VirtualService default/reviews`; empty as long as that is not known.
    pub what: String,
}

impl Origin {
    /// A mistake of the manifest.
    pub(crate) fn mistake(&self, reason: impl fmt::Display) -> Mistake {
        Mistake { origin: Some(self.clone()), reason: reason.to_string() }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.what.is_empty() {
            write!(f, "{}:{}", self.file, self.line)
        } else {
            write!(f, "{}: {}", self.file, self.what)
        }
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    origin: Option<Origin>,
    reason: String,
}

impl Mistake {
    /// A mistake that is no single manifest's.
    pub(crate) fn everywhere(reason: impl Into<String>) -> Self {
        Self { origin: None, reason: reason.into() }
    }

    /// The manifest that is wrong, if it is a single one.
    pub fn origin(&self) -> Option<&Origin> {
        self.origin.as_ref()
    }

    /// What is wrong with it, the path first.
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// What a filter's configuration is refused for, told of the manifest that stands at `resources[n]` there.
    pub(crate) fn of_resource(refusal: &Refusal, origins: &[&Origin]) -> Self {
        let (index, path) = resource_at(refusal.path()).unwrap_or((usize::MAX, refusal.path()));
        match origins.get(index) {
            Some(origin) if path.is_empty() => origin.mistake(refusal.reason()),
            Some(origin) => origin.mistake(format!("{path}: {}", refusal.reason())),
            None => Self::everywhere(refusal.to_string()),
        }
    }
}

/// `resources[3].spec.hosts` is the fourth resource's `spec.hosts`.
fn resource_at(path: &str) -> Option<(usize, &str)> {
    let (index, rest) = path.strip_prefix("resources[")?.split_once(']')?;
    Some((index.parse().ok()?, rest.strip_prefix('.').unwrap_or(rest)))
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.reason),
            None => f.write_str(&self.reason),
        }
    }
}

/// Everything that is wrong, one line each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistakes(pub Vec<Mistake>);

impl From<Mistake> for Mistakes {
    fn from(mistake: Mistake) -> Self {
        Self(vec![mistake])
    }
}

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{mistake}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Mistakes {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_of_the_manifest_it_is_about() {
        let origin = Origin { file: "reviews.yaml".into(), line: 1, what: "VirtualService default/reviews".into() };
        let refusal = Refusal::new("resources[1].spec.http[0].route[0].weight", "-1 is negative");
        let mistake = Mistake::of_resource(&refusal, &[&origin, &origin]);
        assert_eq!(
            mistake.to_string(),
            "reviews.yaml: VirtualService default/reviews: spec.http[0].route[0].weight: -1 is negative"
        );
        let elsewhere = Mistake::of_resource(&Refusal::new("gateway", "must not be empty"), &[&origin]);
        assert_eq!(elsewhere.to_string(), "gateway: must not be empty");
    }
}
