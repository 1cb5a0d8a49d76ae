//! The four Wasm modules, built from this source tree, as bytes.
//!
//! Whoever depends on this crate never meets yesterday's module: its build script builds them.
//!
//! ```
//! use serin_modules::Module;
//!
//! assert!(Module::ALL.iter().all(|module| module.bytes().starts_with(b"\0asm")));
//! assert_eq!(Module::named("canary"), Some(Module::Canary));
//! ```

/// Which rule applies.
pub const HEADER_ROUTER: &[u8] = include_bytes!(concat!(env!("SERIN_FILTERS"), "/header-router.wasm"));

/// Which destination of the rule.
pub const SUBSET_PICKER: &[u8] = include_bytes!(concat!(env!("SERIN_FILTERS"), "/subset-picker.wasm"));

/// Which copies.
pub const SHADOW_MIRROR: &[u8] = include_bytes!(concat!(env!("SERIN_FILTERS"), "/shadow-mirror.wasm"));

/// All three in one.
pub const CANARY: &[u8] = include_bytes!(concat!(env!("SERIN_FILTERS"), "/canary.wasm"));

/// One of Serin's modules.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Module {
    /// Which rule applies.
    HeaderRouter,
    /// Which destination of the rule.
    SubsetPicker,
    /// Which copies.
    ShadowMirror,
    /// All three in one.
    Canary,
}

impl Module {
    /// All modules.
    pub const ALL: [Module; 4] = [Module::HeaderRouter, Module::SubsetPicker, Module::ShadowMirror, Module::Canary];

    /// The modules that do together what [`Module::Canary`] does alone, in the order in which a chain has them.
    pub const CHAIN: [Module; 3] = [Module::HeaderRouter, Module::SubsetPicker, Module::ShadowMirror];

    /// The module called `name`.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|module| module.name() == name)
    }

    /// What the module is called; its file is called so too, with `.wasm` behind it.
    pub fn name(self) -> &'static str {
        match self {
            Module::HeaderRouter => "header-router",
            Module::SubsetPicker => "subset-picker",
            Module::ShadowMirror => "shadow-mirror",
            Module::Canary => "canary",
        }
    }

    /// The module's bytes.
    pub fn bytes(self) -> &'static [u8] {
        match self {
            Module::HeaderRouter => HEADER_ROUTER,
            Module::SubsetPicker => SUBSET_PICKER,
            Module::ShadowMirror => SHADOW_MIRROR,
            Module::Canary => CANARY,
        }
    }
}

/// The examples of the README of host-test, which run as tests.
#[cfg(doctest)]
#[doc = include_str!("../../../host-test/README.md")]
struct Readme;
