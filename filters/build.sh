#!/usr/bin/env bash
# Builds the modules for wasm32 into target/filters.
set -euo pipefail
cd "$(dirname "$0")/.."
unset CARGO_ENCODED_RUSTFLAGS RUSTFLAGS CARGO RUSTC RUSTC_WRAPPER RUSTC_WORKSPACE_WRAPPER CARGO_MAKEFLAGS MAKEFLAGS
target=${SERIN_WASM_TARGET_DIR:-target/wasm}
cargo build --locked -q --target-dir "$target" --target wasm32-unknown-unknown --profile filter -p header-router -p subset-picker -p shadow-mirror -p canary
mkdir -p target/filters
for m in header-router subset-picker shadow-mirror canary; do
  from="$target/wasm32-unknown-unknown/filter/${m//-/_}.wasm"
  cmp -s "$from" "target/filters/$m.wasm" || { cp "$from" "target/filters/.$m.new"; mv "target/filters/.$m.new" "target/filters/$m.wasm"; }
done
