#!/usr/bin/env bash
# Runs the tests of serin-re2 and serin-traffic as WebAssembly, in Node: what decides in a module decides there as it does natively.
#
# The runner must be of exactly the wasm-bindgen in Cargo.lock. It is built once per version, in about two minutes
# (unoptimised: it has little to do), and kept outside the checkout; without TLS, which only browsers elsewhere need.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

say() { echo "serin: $*" >&2; }
fail() {
    say "$@"
    exit 1
}

command -v node >/dev/null || fail "the wasm32 tests run in Node, and there is no 'node' on the PATH: install Node 18 or later"
version="$(awk '$0 == "name = \"wasm-bindgen\"" { getline; gsub(/"/, "", $3); print $3; exit }' Cargo.lock)"
[[ -n $version ]] || fail "Cargo.lock names no wasm-bindgen, so there is no wasm32 test to run"

toolchain="$(filters/wasm-toolchain.sh)"
declare -a wasm_cargo wasm_test_std
eval "$toolchain"

scratch="$(mktemp -d)"
trap 'rm -rf "$scratch"' EXIT

home="${XDG_CACHE_HOME:-$HOME/.cache}/serin/wasm-bindgen-$version"
runner="$home/bin/wasm-bindgen-test-runner"

install_runner() { # $@: how to choose the versions of what it is made of
    CARGO_TARGET_DIR="$scratch/build" CARGO_PROFILE_RELEASE_OPT_LEVEL=0 CARGO_PROFILE_RELEASE_LTO=off \
        CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 cargo install wasm-bindgen-cli --version "=$version" "$@" \
        --no-default-features --bin wasm-bindgen-test-runner --root "$home" --force
}

if ! "$runner" --version >/dev/null 2>&1; then
    say "building wasm-bindgen-test-runner $version, once, into $home"
    # Its lock file can name a version that a registry's mirror does not have yet: then what suits it is taken.
    if ! install_runner --locked 2> >(tee "$scratch/locked" >&2); then
        grep -q 'failed to select a version' "$scratch/locked" || fail "wasm-bindgen-test-runner $version could not be built"
        say "not every version in its lock file is to be had here: building it with those that are"
        install_runner || fail "wasm-bindgen-test-runner $version could not be built"
    fi
    rm -rf "$scratch/build"
fi

# `--tests` leaves out what is in the documentation, which the native run has. Nothing run is a failure, not a success.
CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="$runner" WASM_BINDGEN_TEST_ONLY_NODE=1 \
    "${wasm_cargo[@]}" test --locked --package serin-re2 --package serin-traffic --tests --target wasm32-unknown-unknown \
    --target-dir "${SERIN_WASM_TARGET_DIR:-$PWD/target/wasm}" "${wasm_test_std[@]}" | tee "$scratch/tests"
grep -qE '(^|[^0-9])[1-9][0-9]* passed' "$scratch/tests" || fail "the wasm32 build of serin-re2 and serin-traffic holds no test that ran"
