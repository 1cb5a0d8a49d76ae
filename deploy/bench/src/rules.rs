//! Rules by the hundred: each as a rule of Istio's, as a route of Envoy's, and as an entry of a table in Lua.

use crate::shop::{CHOSEN, HOST, cluster, request};
use serde_json::{Value, json};

/// How many rules there are in the largest of the subjects.
pub const SIZES: [usize; 4] = [10, 100, 1_000, 10_000];

/// What rules look at, and which of them applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum By {
    /// A header's value.
    Header,
    /// The same, and the request meets the last rule only, as most requests do where the first rules are for few.
    HeaderLast,
    /// What a path begins with.
    Prefix,
    /// A cookie, by the regular expression with which Istio's documentation finds it.
    Cookie,
}

impl By {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Header, Self::HeaderLast, Self::Prefix, Self::Cookie];

    /// What tables call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Header => "exact header, the middle rule",
            Self::HeaderLast => "exact header, the last rule",
            Self::Prefix => "path prefix, the middle rule",
            Self::Cookie => "cookie by regex, the middle rule",
        }
    }

    /// The name of a subject's listener: those for the same rules are the same.
    pub fn listener_of(self, subject: &str) -> String {
        let rules = match self {
            Self::Header | Self::HeaderLast => "header",
            Self::Prefix => "prefix",
            Self::Cookie => "cookie",
        };
        format!("{subject}/{rules}")
    }

    /// The number of the rule that applies.
    fn applies(self, rules: usize) -> usize {
        match self {
            Self::Header | Self::Prefix | Self::Cookie => rules / 2,
            Self::HeaderLast => rules - 1,
        }
    }

    /// The rules as routes of Envoy's with this action.
    pub fn routes(self, rules: usize, action: &Value) -> Vec<Value> {
        let route = |number| {
            let header =
                |name: &str, is: Value| json!({"prefix": "/", "headers": [{"name": name, "string_match": is}]});
            let route_match = match self {
                Self::Header | Self::HeaderLast => header("x-user", json!({"exact": user(number)})),
                Self::Prefix => json!({"prefix": path(number)}),
                Self::Cookie => header("cookie", json!({"safe_regex": {"regex": cookie(number)}})),
            };
            json!({"match": route_match, "route": action})
        };
        (0..rules).map(route).collect()
    }

    /// The rules as a VirtualService's, which send to this subset.
    pub fn virtual_service(self, rules: usize, subset: &str) -> Value {
        let rule = |number| {
            let one_match = match self {
                Self::Header | Self::HeaderLast => json!({"headers": {"x-user": {"exact": user(number)}}}),
                Self::Prefix => json!({"uri": {"prefix": path(number)}}),
                Self::Cookie => json!({"headers": {"cookie": {"regex": cookie(number)}}}),
            };
            json!({"match": [one_match], "route": [{"destination": {"host": HOST, "subset": subset}}]})
        };
        virtual_service((0..rules).map(rule).collect())
    }

    /// The rules as a filter in Lua, written for just these. It does what Serin does for a request: it finds the rule, and
    /// sets the header that the route follows; where no rule applies it removes what a client may have put there. It does not
    /// count, it tells later filters nothing, and it can neither be told other rules nor say what is wrong with these.
    pub fn lua(self, rules: usize) -> String {
        let (word, lookup): (fn(usize) -> String, &str) = match self {
            Self::Header | Self::HeaderLast => (user, r#"headers:get("x-user")"#),
            Self::Prefix => (path, r#"string.match(headers:get(":path"), "^/[^/]*/")"#),
            Self::Cookie => (user, r#"string.match(";" .. (headers:get("cookie") or ""), ";user=([^;]*)")"#),
        };
        let chosen = cluster(CHOSEN);
        let entries: String = (0..rules).map(|number| format!("[\"{}\"] = \"{chosen}\",\n", word(number))).collect();
        format!(
            r#"
local clusters = {{
{entries}}}
function envoy_on_request(handle)
    local headers = handle:headers()
    local cluster = clusters[{lookup} or ""]
    if cluster then
        headers:replace("x-serin-cluster", cluster)
    else
        headers:remove("x-serin-cluster")
    end
end
"#
        )
    }

    /// A request to which one rule applies.
    pub fn request(self, rules: usize) -> Vec<u8> {
        let number = self.applies(rules);
        match self {
            Self::Header | Self::HeaderLast => request("/cart", &[("x-user", &user(number))]),
            Self::Prefix => request(&format!("{}items", path(number)), &[]),
            Self::Cookie => {
                let cookies = format!("session=0123456789abcdef0123456789abcdef;user={};theme=dark", user(number));
                request("/cart", &[("cookie", &cookies)])
            }
        }
    }
}

/// A VirtualService of the shop with these rules.
pub fn virtual_service(http: Vec<Value>) -> Value {
    json!({
        "apiVersion": "networking.istio.io/v1", "kind": "VirtualService", "metadata": {"name": HOST},
        "spec": {"hosts": [HOST], "http": http},
    })
}

/// A user's name.
pub fn user(number: usize) -> String {
    format!("user-{number:05}")
}

fn path(number: usize) -> String {
    format!("/team-{number:05}/")
}

fn cookie(number: usize) -> String {
    format!("^(.*?;)?(user={})(;.*)?$", user(number))
}
