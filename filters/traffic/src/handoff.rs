//! What the filter that decides hands on to the later ones of its chain, as the text of the filter state `serin.route`.
//!
//! The text is the configuration's digest, the place of the rule and of its match, and a name for people who read access
//! logs:
//!
//! ```text
//! 9f86d081884c7d65 0.1.0 default/reviews/http[1]
//! 9f86d081884c7d65 0.- default/reviews
//! 9f86d081884c7d65 -
//! ```
//!
//! Behind it stands what is a later filter's part, in words that say it without the configuration: the later filter may have
//! another one for a moment. `to`, `place`, `title` and `subset` are those of the destination, `set`, `add` and `remove` the
//! changes to the request that belong to it; `confirm` asks the filter that sends the request there to say so ([`SENT_KEY`]).
//! `slot`, `call` and `drop` are copies. `owner` is the length of the VirtualService's part of the name; `reveals` and `says`
//! are for the response header that says how a request was decided.
//! Whatever is not printable ASCII, a space or a percent sign is written as `%20` is.
//!
//! This file and that of the decision know each other, because one is the other as text: what is handed on is taken out of a
//! decision, and a decision may be one that was handed on.

use crate::canary::Choice;
use crate::changes::Change;
use crate::decision::{CopyWay, Decision, Part};
use crate::digest::Digest;
use crate::policy::{Applied, Outcome, Policy, RuleId, VirtualService};
use crate::shadow::Reason;
use percent_encoding::{AsciiSet, CONTROLS, percent_decode, percent_encode};
use std::borrow::Cow;

/// The key of the filter state that holds the text.
pub const ROUTE_KEY: &str = "serin.route";

/// The key of the filter state that says to the filter that has decided that the request is sent where it says.
pub const SENT_KEY: &str = "serin.sent";

/// What would end a word, or a line of a log.
const ENCODED: &AsciiSet = &CONTROLS.add(b' ').add(b'%');

/// What a filter of the same chain has decided about a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Handoff {
    /// Which rule applies, if the filter had the same configuration.
    pub(crate) outcome: Option<Outcome>,
    /// What the rule is counted under: the name of its VirtualService, and its own.
    pub(crate) names: [String; 2],
    /// Where the request goes, if the filter has left that to another.
    pub(crate) destination: Option<HandedDestination>,
    /// The copies, if the filter has left them to another.
    pub(crate) copies: Vec<(String, CopyWay)>,
    /// Whether the response says how the request was decided.
    pub(crate) reveals: bool,
}

/// A destination that another filter has chosen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HandedDestination {
    pub(crate) cluster: String,
    /// Its place among the destinations of its rule.
    pub(crate) place: usize,
    /// What people call it.
    pub(crate) title: String,
    /// The subset that the request is to say.
    pub(crate) subset: Option<String>,
    /// What is changed about a request that goes there.
    pub(crate) changes: Vec<Change>,
    /// What the response says of the choice.
    pub(crate) says: String,
    /// Whether the filter that chose it asks whether the request is sent there.
    pub(crate) confirm: bool,
}

/// Whether all names of rules are as people would write them, so that a request need not look.
pub(crate) fn are_plain(virtual_services: &[VirtualService]) -> bool {
    let plain = |of: &VirtualService| is_plain(&of.name) && of.rules.iter().all(|rule| is_plain(&rule.name));
    virtual_services.iter().all(plain)
}

impl Policy {
    /// The text that says `outcome` and nothing else.
    pub fn publish(&self, outcome: Outcome) -> String {
        // Every request asks for such a text: it is put together without the formatting machinery.
        let mut text = String::with_capacity(96);
        text.push_str(&self.digest_text);
        text.push(' ');
        match outcome {
            Outcome::NoHost => text.push('-'),
            Outcome::NoRule(place) => {
                push_number(&mut text, place);
                text.push_str(".- ");
            }
            Outcome::Rule(Applied { rule: RuleId { virtual_service, rule }, by }) => {
                push_number(&mut text, virtual_service);
                text.push('.');
                push_number(&mut text, rule);
                text.push('.');
                push_number(&mut text, by);
                text.push(' ');
            }
        }
        let (owner, rule) = self.names_of(outcome);
        let mut push = |name: &str| match self.has_plain_names {
            true => text.push_str(name),
            false => push_encoded(&mut text, name.as_bytes()),
        };
        push(owner);
        if let Some(rule) = rule {
            push("/");
            push(rule);
        }
        text
    }

    /// The text for the filters that follow one with this `part` in what was decided. What is their part is taken out of the
    /// decision.
    pub(crate) fn hand_on(&self, decision: &mut Decision<'_>, part: Part) -> String {
        let mut text = self.publish(decision.outcome);
        let picks = part == Part::Route && decision.destination.as_ref().is_some_and(|chosen| !chosen.is_only());
        let copies = match part {
            Part::Route | Part::Pick => std::mem::take(&mut decision.copies),
            Part::Copy | Part::All => Vec::new(),
        };
        if !picks && copies.is_empty() {
            return text;
        }
        let [owner, _] = &decision.names;
        text.push_str(" owner=");
        push_number(&mut text, owner.len());
        if decision.reveal.is_some() {
            text.push_str(" reveals");
        }
        if let Some(chosen) = decision.destination.as_mut().filter(|_| picks) {
            chosen.is_handed_on = true;
            push_word(&mut text, "to", &[], chosen.cluster.as_bytes());
            text.push_str(" place=");
            push_number(&mut text, chosen.place);
            push_word(&mut text, "title", &[], chosen.title.as_bytes());
            if let Some(subset) = &chosen.subset {
                push_word(&mut text, "subset", &[], subset.as_bytes());
            }
            if chosen.has_consequences() {
                text.push_str(" confirm");
            }
            if let Some(choice) = chosen.choice.as_ref().filter(|_| decision.reveal.is_some()) {
                push_word(&mut text, "says", &[], Choice::to_string(choice).as_bytes());
            }
            for change in decision.request.drain(chosen.first_change..) {
                match &change {
                    Change::Remove { name } => push_word(&mut text, "remove", &[], name.as_bytes()),
                    Change::Set { name, value } => push_word(&mut text, "set", &[name], value),
                    Change::Add { name, value } => push_word(&mut text, "add", &[name], value),
                }
            }
        }
        for copy in &copies {
            let cluster = copy.cluster.as_bytes();
            match copy.way {
                CopyWay::Slot(number) => push_word(&mut text, "slot", &[&number.to_string()], cluster),
                CopyWay::Callout => push_word(&mut text, "call", &[], cluster),
                CopyWay::Dropped(reason) => push_word(&mut text, "drop", &[reason.as_str()], cluster),
            }
        }
        text
    }

    /// What people call the outcome: `namespace/name` of the VirtualService and the rule's name, as far as there are any.
    pub fn name_of(&self, outcome: Outcome) -> String {
        match self.names_of(outcome) {
            (owner, Some(rule)) => [owner, "/", rule].concat(),
            (owner, None) => owner.to_owned(),
        }
    }

    fn names_of(&self, outcome: Outcome) -> (&str, Option<&str>) {
        let (place, rule) = match outcome {
            Outcome::NoHost => return ("", None),
            Outcome::NoRule(place) => (place, None),
            Outcome::Rule(Applied { rule: id, .. }) => (id.virtual_service, self.rule(id)),
        };
        let owner = self.virtual_services.get(place).map_or("", |found| found.name.as_str());
        (owner, rule.map(|rule| rule.name.as_str()))
    }

    /// What people call the rule: `namespace/name` of its VirtualService, and its own name.
    pub fn name_of_rule(&self, rule: RuleId) -> String {
        self.name_of(Outcome::Rule(Applied { rule, by: 0 }))
    }

    /// What `text` hands on; `None` if it is no such text. Words that mean nothing here are passed over.
    pub fn read_handoff(&self, text: &[u8]) -> Option<Handoff> {
        let mut words = std::str::from_utf8(text).ok()?.split(' ');
        let digest = Digest::parse(words.next()?)?;
        let outcome = self.read_outcome(words.next()?);
        let mut handoff = Handoff { outcome: outcome.filter(|_| digest == self.digest), ..Handoff::default() };
        let name = words.next().unwrap_or_default();
        for word in words {
            let (key, value) = word.split_once('=').unwrap_or((word, ""));
            if key == "owner" {
                handoff.names = names(&decoded(name), value.parse().unwrap_or_default());
            } else {
                handoff.read(key, value);
            }
        }
        Some(handoff)
    }

    fn read_outcome(&self, place: &str) -> Option<Outcome> {
        if place == "-" {
            return Some(Outcome::NoHost);
        }
        let (virtual_service, rule) = place.split_once('.')?;
        let virtual_service = virtual_service.parse().ok()?;
        if rule == "-" {
            return self.virtual_services.get(virtual_service).map(|_| Outcome::NoRule(virtual_service));
        }
        let (rule, by) = rule.split_once('.')?;
        let id = RuleId { virtual_service, rule: rule.parse().ok()? };
        let applied = Applied { rule: id, by: by.parse().ok()? };
        self.conditions(applied).map(|_| Outcome::Rule(applied))
    }
}

impl Handoff {
    fn read(&mut self, key: &str, value: &str) {
        match key {
            "reveals" => self.reveals = true,
            "to" => self.destination = Some(HandedDestination { cluster: decoded(value), ..Default::default() }),
            "slot" => {
                let copy = value.split_once('=').and_then(|(number, cluster)| Some((number.parse().ok()?, cluster)));
                self.copies.extend(copy.map(|(number, cluster)| (decoded(cluster), CopyWay::Slot(number))));
            }
            "call" => self.copies.push((decoded(value), CopyWay::Callout)),
            "drop" => {
                let (word, cluster) = value.split_once('=').unwrap_or_default();
                let reason = Reason::ALL.into_iter().find(|reason| reason.as_str() == word);
                self.copies.extend(reason.map(|reason| (decoded(cluster), CopyWay::Dropped(reason))));
            }
            _ => {
                if let Some(destination) = &mut self.destination {
                    destination.read(key, value);
                }
            }
        }
    }
}

impl HandedDestination {
    fn read(&mut self, key: &str, value: &str) {
        let (name, rest) = value.split_once('=').unwrap_or_default();
        let (name, bytes) = (|| decoded(name), || percent_decode(rest.as_bytes()).collect());
        match key {
            "place" => self.place = value.parse().unwrap_or_default(),
            "title" => self.title = decoded(value),
            "subset" => self.subset = Some(decoded(value)),
            "confirm" => self.confirm = true,
            "says" => self.says = decoded(value),
            "remove" => self.changes.push(Change::Remove { name: decoded(value) }),
            "set" => self.changes.push(Change::Set { name: name(), value: bytes() }),
            "add" => self.changes.push(Change::Add { name: name(), value: bytes() }),
            _ => {}
        }
    }
}

/// The VirtualService's part of a rule's full name, of that length, and the rule's own.
fn names(name: &str, owner: usize) -> [String; 2] {
    let (owner, rule) = name.split_at_checked(owner).unwrap_or_default();
    [owner.to_owned(), rule.strip_prefix('/').unwrap_or(rule).to_owned()]
}

/// Adds the word `key=…=value`; names of headers have no equals sign.
fn push_word(text: &mut String, key: &str, names: &[&str], value: &[u8]) {
    text.push(' ');
    text.push_str(key);
    for name in names {
        text.push('=');
        push_encoded(text, name.as_bytes());
    }
    text.push('=');
    push_encoded(text, value);
}

fn push_encoded(text: &mut String, bytes: &[u8]) {
    text.extend(percent_encode(bytes, ENCODED));
}

/// Whether a name of a rule or of its VirtualService has nothing that is to be encoded.
fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'%')
}

fn decoded(value: &str) -> String {
    Cow::into_owned(percent_decode(value.as_bytes()).decode_utf8_lossy())
}

/// Writes `number` in decimal.
fn push_number(text: &mut String, mut number: usize) {
    let start = text.len();
    loop {
        let digit = u8::try_from(number % 10).unwrap_or_default();
        text.insert(start, char::from(b'0' + digit));
        number /= 10;
        if number == 0 {
            return;
        }
    }
}
