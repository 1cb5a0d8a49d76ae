//! A share of keys.

use crate::key::{Found, KeyChain, keyed_ticket};
use crate::refusal::{Place, Refusal};
use crate::request::Request;
use crate::share::Share;
use crate::written::KeyedPercentage;

/// A share of keys: with one salt a larger share has all that a smaller one has.
#[derive(Clone, Debug)]
pub(super) struct KeyedShare {
    share: Share,
    key: KeyChain,
    salt: Vec<u8>,
}

impl KeyedShare {
    pub(super) fn compile(place: &Place<'_>, written: &KeyedPercentage, default_salt: &str) -> Result<Self, Refusal> {
        let KeyedPercentage { value, key, salt } = written;
        Ok(Self {
            share: Share::compile(&place.field("value"), *value)?,
            key: KeyChain::compile(&place.field("key"), key, false)?,
            salt: salt.as_deref().unwrap_or(default_salt).as_bytes().to_vec(),
        })
    }

    /// Whether the request's key is among the share; without a key it is not.
    pub(super) fn takes(&self, request: &impl Request) -> bool {
        match self.key.read(request) {
            Found::Key { key, .. } => self.share.takes(keyed_ticket(&self.salt, &key)),
            Found::Issue(_) | Found::None => false,
        }
    }
}
