//! Filters in Lua that do what Serin does for a request, as somebody would write them who needs nothing else.
//!
//! They set the headers that Serin sets, for the routes that Serin renders, and remove what a client may have put there. They
//! leave out what Serin does beside: counters, a text for access logs and later filters, checks of what they are told, and
//! rules that can be changed without a program.

use crate::shop::{SUBSETS, cluster};
use serde_json::{Value, json};

/// The filter that runs this code. Envoy looks for the route anew after the code has changed a header.
pub fn filter(code: &str) -> Value {
    json!({
        "name": "lua",
        "typed_config": {
            "@type": "type.googleapis.com/envoy.extensions.filters.http.lua.v3.Lua",
            "default_source_code": {"inline_string": code},
        },
    })
}

/// The code of a split, 90 to 10 by the header `x-user`, if it `splits`, and of copies of a tenth, if it `copies`.
///
/// The hash is Bob Jenkins's "one at a time": Lua's numbers do not multiply 64 bits, and this one needs no product. A request
/// without the header goes by chance. One threshold is enough for two destinations.
pub fn split(splits: bool, copies: bool) -> String {
    let [first, second, third] = SUBSETS.map(cluster);
    let choice = if splits {
        format!(
            r#"
    local key = headers:get("x-user")
    local ticket = key and hash(key) / 4294967296 or math.random()
    headers:replace("x-serin-cluster", ticket < 0.9 and "{first}" or "{second}")"#
        )
    } else {
        format!(r#"headers:replace("x-serin-cluster", "{first}")"#)
    };
    let copy = format!(
        r#"
    if math.random() < 0.1 then
        headers:replace("x-serin-shadow-1", "{third}")
    else
        headers:remove("x-serin-shadow-1")
    end"#
    );
    let copy = if copies { copy } else { String::new() };
    format!(
        r#"
local byte, tobit, bxor, lshift, rshift = string.byte, bit.tobit, bit.bxor, bit.lshift, bit.rshift
local function hash(key)
    local h = 0
    for place = 1, #key do
        h = tobit(h + byte(key, place))
        h = tobit(h + lshift(h, 10))
        h = bxor(h, rshift(h, 6))
    end
    h = tobit(h + lshift(h, 3))
    h = bxor(h, rshift(h, 11))
    return tobit(h + lshift(h, 15)) % 4294967296
end
function envoy_on_request(handle)
    local headers = handle:headers()
    {choice}
    {copy}
end
"#
    )
}
