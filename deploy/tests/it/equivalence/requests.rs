//! Requests close to a policy's own words, so that they often meet its rules, and often just miss them.

use super::client::Message;
use super::policy::{self, HOST, Match, Policy};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_oneof};
use proptest::sample::{Index, select};

/// A request; `{host}` stands for the policy's host, `{HOST}` for the same in upper case.
#[derive(Clone, Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) target: String,
    pub(super) authority: String,
    pub(super) fields: Vec<(String, Vec<u8>)>,
}

impl Request {
    /// The request as it is sent to `host`.
    pub(super) fn message(&self, host: &str) -> Message {
        let with_host = |text: &str| text.replace(HOST, host).replace("{HOST}", &host.to_ascii_uppercase());
        let mut bytes = format!("{} {} HTTP/1.1\r\n", self.method, with_host(&self.target)).into_bytes();
        bytes.extend(format!("Host: {}\r\n", with_host(&self.authority)).bytes());
        for (name, value) in &self.fields {
            bytes.extend(name.bytes());
            bytes.extend(b": ");
            bytes.extend(value);
            bytes.extend(b"\r\n");
        }
        bytes.extend(b"\r\n");
        Message { bytes, bodiless: self.method == "HEAD" }
    }
}

/// What a request is made of, beside the words of the policy.
#[derive(Clone, Debug)]
struct Plan {
    aim: Index,
    tail: String,
    path: String,
    method: String,
    authority: String,
    noise: Vec<(Index, String)>,
    query: Vec<(String, Option<String>)>,
    twist: Twist,
    at: Index,
}

/// What is done to a request that would have met its match.
#[derive(Clone, Copy, Debug)]
enum Twist {
    None,
    DropField,
    RepeatField,
    RepeatFieldBefore,
    OddByte,
    Latin1,
    OtherCase,
    UpperCaseNames,
    LongerPath,
    ShorterPath,
    PlainPath,
    Fragment,
    AbsoluteForm,
    Asterisk,
    NoFields,
}

/// Requests for `policy`.
pub(super) fn request(policy: &Policy) -> impl Strategy<Value = Request> + use<> {
    let matches: Vec<Match> = policy.rules.iter().flat_map(|rule| rule.matches.clone()).collect();
    plan().prop_map(move |plan| plan.request(&matches))
}

fn plan() -> impl Strategy<Value = Plan> {
    let common = select(vec![
        Twist::DropField,
        Twist::RepeatField,
        Twist::RepeatFieldBefore,
        Twist::OddByte,
        Twist::Latin1,
        Twist::OtherCase,
        Twist::UpperCaseNames,
        Twist::LongerPath,
        Twist::ShorterPath,
        Twist::PlainPath,
        Twist::NoFields,
    ]);
    let rare = select(vec![Twist::Fragment, Twist::AbsoluteForm, Twist::Asterisk]);
    let twist = prop_oneof![10 => select(vec![Twist::None]), 20 => common, 1 => rare];
    let query = (policy::query_name(), proptest::option::of(policy::query_value()));
    (
        any::<Index>(),
        policy::word(),
        policy::path(),
        policy::method(),
        policy::authority(),
        vec((any::<Index>(), policy::word()), 0..3),
        vec(query, 0..2),
        (twist, any::<Index>()),
    )
        .prop_map(|(aim, tail, path, method, authority, noise, query, (twist, at))| Plan {
            aim,
            tail,
            path,
            method,
            authority,
            noise,
            query,
            twist,
            at,
        })
}

impl Plan {
    fn request(&self, matches: &[Match]) -> Request {
        let nothing = Match::default();
        let aim = if matches.is_empty() { &nothing } else { self.aim.get(matches) };
        let path = aim.path.as_ref().map_or(self.path.clone(), |path| path.met_by(&self.tail.replace(' ', "")));
        let path = if path.starts_with('/') { path } else { format!("/{path}") };
        let mut request = Request {
            method: self.method.clone(),
            target: path,
            authority: self.authority.clone(),
            fields: Vec::new(),
        };
        for (name, text) in aim.headers.iter().chain(&aim.pseudo) {
            let text = text.met_by(&self.tail);
            match name.to_ascii_lowercase().as_str() {
                "scheme" | "x-request-id" => {}
                "method" | ":method" => request.method = known_method(&text),
                "authority" | ":authority" | "host" => request.authority = of_the_host(text),
                ":path" if text.starts_with('/') => request.target = text.replace(' ', ""),
                ":path" => {}
                _ => request.fields.push((name.clone(), text.into_bytes())),
            }
        }
        let query = aim.query.iter().map(|(name, text)| (name.clone(), Some(text.met_by(&self.tail))));
        let mut query: Vec<_> = query.collect();
        let place = self.at.index(query.len() + 1);
        query.splice(place..place, self.query.iter().cloned());
        for (place, (name, value)) in query.into_iter().enumerate() {
            request.target.push(if place == 0 { '?' } else { '&' });
            request.target.push_str(&name);
            // What is nothing is written with and without `=`.
            if let Some(value) = value.filter(|value| !value.is_empty() || self.at.index(2) == 0) {
                request.target.push('=');
                request.target.push_str(&value.replace(' ', "+"));
            }
        }
        let names = ["x-a", "x-b", "x-c", "cookie", "user-agent", "accept", "x_d"];
        request
            .fields
            .extend(self.noise.iter().map(|(name, value)| (name.get(&names).to_string(), value.clone().into_bytes())));
        self.twisted(request)
    }

    fn twisted(&self, mut request: Request) -> Request {
        let field = if request.fields.is_empty() { None } else { Some(self.at.index(request.fields.len())) };
        let query_at = request.target.find('?').unwrap_or(request.target.len());
        match (self.twist, field) {
            (Twist::DropField, Some(field)) => drop(request.fields.remove(field)),
            (Twist::RepeatField, Some(field)) => {
                let (name, _) = request.fields[field].clone();
                request.fields.push((name, self.tail.clone().into_bytes()));
            }
            (Twist::RepeatFieldBefore, Some(field)) => {
                let (name, _) = request.fields[field].clone();
                request.fields.insert(0, (name, self.tail.clone().into_bytes()));
            }
            (Twist::OddByte, Some(field)) => {
                let odd = *self.at.get(&[b"\xe9".as_slice(), b"\xff", b"\x80a", b"\xc3", b"\ta", b"  "]);
                request.fields[field].1.extend(odd);
            }
            (Twist::Latin1, Some(field)) => {
                let value = String::from_utf8_lossy(&request.fields[field].1).into_owned();
                request.fields[field].1 = value.chars().filter_map(|c| u8::try_from(c).ok()).collect();
            }
            (Twist::UpperCaseNames, Some(field)) => request.fields[field].0.make_ascii_uppercase(),
            (Twist::OtherCase, _) => {
                let flip =
                    |c: char| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() };
                request.target = request.target.chars().map(flip).collect();
            }
            (Twist::LongerPath, _) => {
                let more: &&str = self.at.get(&["a", "/", "/b", "//", "/../a", "%20"]);
                request.target.insert_str(query_at, more);
            }
            (Twist::ShorterPath, _) if query_at > 1 && request.target.is_char_boundary(query_at - 1) => {
                request.target.remove(query_at - 1);
            }
            (Twist::PlainPath, _) => request.target.replace_range(..query_at, &self.path),
            (Twist::NoFields, _) => request.fields.clear(),
            (Twist::Fragment, _) => request.target.push_str("#a"),
            (Twist::AbsoluteForm, _) => request.target.insert_str(0, "http://{host}:80"),
            (Twist::Asterisk, _) => {
                request.method = "OPTIONS".to_owned();
                request.target = "*".to_owned();
            }
            _ => {}
        }
        request
    }
}

/// A method that Envoy's parser knows: others never get as far as the routes.
fn known_method(text: &str) -> String {
    if ["GET", "POST", "PUT", "OPTIONS", "HEAD"].contains(&text) { text.to_owned() } else { "GET".to_owned() }
}

/// An authority of the policy's host: no other is the policy's business.
fn of_the_host(text: String) -> String {
    let host = text.get(..HOST.len()).is_some_and(|start| start.eq_ignore_ascii_case(HOST));
    let rest = text.get(HOST.len()..).unwrap_or_default();
    let port =
        rest.strip_prefix(':').is_some_and(|port| !port.is_empty() && port.bytes().all(|it| it.is_ascii_digit()));
    if host && (rest.is_empty() || port) { text } else { HOST.to_owned() }
}
