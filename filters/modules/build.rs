//! Builds the modules for wasm32 with `filters/build.sh` and says where they are.

use std::path::Path;
use std::process::Command;

/// What the modules are made of, beside this crate's folder.
const SOURCES: [&str; 9] = [
    "build.sh",
    "wasm-toolchain.sh",
    "re2",
    "traffic",
    "shell",
    "header-router",
    "subset-picker",
    "shadow-mirror",
    "canary",
];

fn main() {
    let filters = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("this crate stands in filters/");
    let root = filters.parent().expect("filters/ stands in the repository");
    for source in SOURCES {
        let source = filters.join(source);
        if source.is_dir() {
            println!("cargo::rerun-if-changed={}", source.join("src").display());
            println!("cargo::rerun-if-changed={}", source.join("Cargo.toml").display());
        } else {
            println!("cargo::rerun-if-changed={}", source.display());
        }
    }
    println!("cargo::rerun-if-changed={}", root.join("Cargo.toml").display());
    println!("cargo::rerun-if-changed={}", root.join("Cargo.lock").display());

    let built = root.join("target/filters");
    println!("cargo::rerun-if-changed={}", built.display());
    let script = filters.join("build.sh");
    let status = Command::new("bash").arg(&script).status();
    let status = status.unwrap_or_else(|error| panic!("{} does not start: {error}", script.display()));
    assert!(status.success(), "the modules do not build: run {} to see why", script.display());
    println!("cargo::rustc-env=SERIN_FILTERS={}", built.display());
}
