//! Keys: what a request is known by, so that it is decided today as it was yesterday.

mod baggage;
mod chain;
mod cookies;
mod issued;
mod jwt;
mod names;
mod source;
mod ticket;

pub use chain::{Found, KeyChain};
pub use issued::IssuedCookie;
pub use source::KeySource;
pub use ticket::keyed_ticket;

pub(crate) use baggage::{decoded, member, members};
pub(crate) use cookies::{cookie, cookies};
pub(crate) use jwt::Payload;
pub(crate) use names::{baggage_key, claim_name, cookie_name, header_name};
