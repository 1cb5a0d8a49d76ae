#!/usr/bin/env bash
# Builds the four modules into target/filters/{header-router,subset-picker,shadow-mirror,canary}.wasm.
#
# Cargo's own files go to target/wasm ($SERIN_WASM_TARGET_DIR overrides it), because an outer cargo, whose build script
# calls this, holds the lock of target/. A module whose bytes are as before keeps its file and time.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

modules=(header-router subset-picker shadow-mirror canary)
built="${SERIN_WASM_TARGET_DIR:-$PWD/target/wasm}"
out=target/filters

toolchain="$(filters/wasm-toolchain.sh)"
declare -a wasm_cargo wasm_std
eval "$toolchain"

# What a panic would say of its place is the same wherever a module is built, and short.
RUSTFLAGS="--remap-path-prefix=${CARGO_HOME:-$HOME/.cargo}/registry/src= --remap-path-prefix=$PWD="
# The linker leaves five bytes for each number that it fills in, unless it is told to take as few as the number needs.
RUSTFLAGS+=" -Clink-arg=--compress-relocations"
export RUSTFLAGS

"${wasm_cargo[@]}" build --locked --profile filter --target wasm32-unknown-unknown --target-dir "$built" \
    "${wasm_std[@]}" "${modules[@]/#/--package=}"

mkdir -p "$out"
for module in "${modules[@]}"; do
    new="$built/wasm32-unknown-unknown/filter/${module//-/_}.wasm"
    if ! cmp -s "$new" "$out/$module.wasm"; then
        cp "$new" "$out/.$module.wasm.$$"
        mv "$out/.$module.wasm.$$" "$out/$module.wasm"
    fi
done
