//! Guests: small modules, written in WebAssembly's text form so that no toolchain is needed.

use host_test::{Filter, LogLine};

/// A filter of a module with these definitions behind the preamble, for ABI 0.2.1.
pub(crate) fn guest(definitions: &str) -> Filter {
    guest_of("0_2_1", definitions)
}

/// A filter for another version of the interface.
pub(crate) fn guest_of(abi: &str, definitions: &str) -> Filter {
    let preamble = include_str!("../guests/preamble.wat");
    Filter::from_bytes(format!(r#"(module {preamble} (func (export "proxy_abi_version_{abi}")) {definitions})"#))
}

/// The messages of a log.
pub(crate) fn messages(log: &[LogLine]) -> Vec<&str> {
    log.iter().map(|line| line.message.as_str()).collect()
}

/// Pairs as text for a data segment.
pub(crate) fn data(pairs: &[(&str, &str)]) -> String {
    host_test::pairs::encode(pairs).iter().map(|byte| format!("\\{byte:02x}")).collect()
}
