//! The `#[test]` that this crate's tests stand under: Rust's own, and on wasm32 the one that Node runs.

#[cfg(not(target_arch = "wasm32"))]
pub(crate) use core::prelude::v1::test;
#[cfg(target_arch = "wasm32")]
pub(crate) use wasm_bindgen_test::wasm_bindgen_test as test;
