//! subset-picker: decides which of a rule's weighted destinations a request gets.
//!
//! This file is the shell. It moves bytes between the proxy and `serin_traffic`, which decides.

#![allow(missing_docs, reason = "the only public item is the entry point that `main!` writes")]

use serin_shell::Filter;
use serin_traffic::Part;

proxy_wasm::main! {{
    serin_shell::start::<SubsetPicker>();
}}

struct SubsetPicker;

impl Filter for SubsetPicker {
    const NAME: &'static str = "subset-picker";
    const PART: Part = Part::Pick;
}
