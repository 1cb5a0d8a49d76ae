//! Why a configuration is not taken.

use std::borrow::Cow;
use std::fmt;

/// A configuration that is not taken: where the mistake is and what it is.
///
/// Its text is one line, the path first:
///
/// ```
/// use serin_traffic::Refusal;
///
/// let refusal = Refusal::new("resources[0].spec.http[1].route[0].weight", "-1 is negative");
/// assert_eq!(refusal.to_string(), "resources[0].spec.http[1].route[0].weight: -1 is negative");
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal(Box<Remark>);

/// What is said, and of which place. It stands on the heap: hundreds of functions hand on what others refuse, and what each
/// of them moves is code.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Remark {
    path: String,
    reason: String,
}

impl Remark {
    /// Seldom called, from very many places: whatever can be done here is not done there.
    #[cold]
    #[inline(never)]
    fn new(path: Cow<'_, str>, reason: Cow<'_, str>) -> Box<Self> {
        Box::new(Self { path: path.into_owned(), reason: reason.into_owned() })
    }

    #[cold]
    #[inline(never)]
    fn at(place: &Place<'_>, reason: Cow<'_, str>) -> Box<Self> {
        Self::new(place.to_string().into(), reason)
    }
}

impl Refusal {
    /// A refusal of what stands at `path`, for `reason`.
    pub fn new<'p, 'r>(path: impl Into<Cow<'p, str>>, reason: impl Into<Cow<'r, str>>) -> Self {
        Self(Remark::new(path.into(), reason.into()))
    }

    /// Where the mistake stands, counted from the document's root; empty for the document itself.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What is wrong there.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remark { path, reason } = &*self.0;
        if path.is_empty() { f.write_str(reason) } else { write!(f, "{path}: {reason}") }
    }
}

impl std::error::Error for Refusal {}

/// What is legal and yet suspect: taken, and said in the log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning(Box<Remark>);

impl Warning {
    pub(crate) fn new<'p, 'r>(path: impl Into<Cow<'p, str>>, reason: impl Into<Cow<'r, str>>) -> Self {
        Self(Remark::new(path.into(), reason.into()))
    }

    /// Where the suspect value stands, counted from the document's root.
    pub fn path(&self) -> &str {
        &self.0.path
    }

    /// What is suspect about it.
    pub fn reason(&self) -> &str {
        &self.0.reason
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Remark { path, reason } = &*self.0;
        write!(f, "{path}: {reason}")
    }
}

/// A place in the document, kept as a chain so that a path is only spelled out when something is wrong there.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    parent: Option<&'a Place<'a>>,
    step: Step<'a>,
}

#[derive(Clone, Copy, Debug)]
enum Step<'a> {
    Field(&'a str),
    Index(usize),
}

impl<'a> Place<'a> {
    /// The place that is called `field`; the document itself if that is empty.
    pub const fn root(field: &'a str) -> Self {
        Self { parent: None, step: Step::Field(field) }
    }

    /// The field called `name` of what stands here.
    pub const fn field(&'a self, name: &'a str) -> Self {
        Self { parent: Some(self), step: Step::Field(name) }
    }

    /// The item of the list that stands here.
    pub const fn index(&'a self, index: usize) -> Self {
        Self { parent: Some(self), step: Step::Index(index) }
    }

    fn is_document(&self) -> bool {
        matches!(self, Self { parent: None, step: Step::Field("") })
    }

    /// A refusal of what stands here, for `reason`.
    pub fn refuse<'r>(&self, reason: impl Into<Cow<'r, str>>) -> Refusal {
        Refusal(Remark::at(self, reason.into()))
    }

    pub(crate) fn warn<'r>(&self, reason: impl Into<Cow<'r, str>>) -> Warning {
        Warning(Remark::at(self, reason.into()))
    }
}

impl fmt::Display for Place<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(parent) = self.parent {
            parent.fmt(f)?;
        }
        match self.step {
            Step::Index(index) => write!(f, "[{index}]"),
            Step::Field(name) if self.parent.is_some_and(|parent| !parent.is_document()) => write!(f, ".{name}"),
            Step::Field(name) => f.write_str(name),
        }
    }
}
