#!/usr/bin/env bash
# Makes sure that something here can build for wasm32-unknown-unknown, and prints what as lines of shell.
#
# The standard library for that target comes with `rustup target add`. Where rustup cannot fetch it, Debian's
# rustc-web, cargo-web, rust-web-src and lld build it from source, which takes a minute more once. For callers:
#
#     toolchain="$(filters/wasm-toolchain.sh)"; eval "$toolchain"
#     "${wasm_cargo[@]}" build --target wasm32-unknown-unknown "${wasm_std[@]}" …       # or "${wasm_test_std[@]}" for tests
#
# The lines also unset what an outer cargo, running us from a build script, has set for itself. RUSTUP_TOOLCHAIN stays:
# the modules are built with the toolchain that the caller chose.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

target=wasm32-unknown-unknown
chosen=target/wasm-toolchain # remembers that rustup was tried in vain; `make clean` forgets it

say() { echo "serin: $*" >&2; }

disturbing=()
for name in $(compgen -e); do
    case $name in
    CARGO_HOME | CARGO_BUILD_JOBS | CARGO_HTTP_* | CARGO_NET_* | CARGO_REGISTRY_* | CARGO_REGISTRIES_* | CARGO_SOURCE_* | \
        CARGO_TERM_* | CARGO_TARGET_*_LINKER) ;;
    CARGO | CARGO_* | RUSTC | RUSTC_* | RUSTDOC | RUSTFLAGS | RUSTDOCFLAGS | __CARGO_* | MAKEFLAGS | MFLAGS | CLIPPY_ARGS)
        disturbing+=("$name")
        ;;
    esac
done
[[ ${#disturbing[@]} -eq 0 ]] || unset "${disturbing[@]}"

print_and_exit() {
    [[ ${#disturbing[@]} -eq 0 ]] || echo "unset ${disturbing[*]}"
    declare -p wasm_cargo wasm_std wasm_test_std
    exit 0
}

has_target() {
    local lib
    lib="$(rustc --print target-libdir --target "$target" 2>/dev/null)" && compgen -G "$lib/libcore-*.rlib" >/dev/null
}

use_rustup() {
    # shellcheck disable=SC2034 # declare -p prints them
    wasm_cargo=(cargo) wasm_std=() wasm_test_std=()
    print_and_exit
}

newest() { sort --version-sort | tail -n 1; }

# Debian's compiler, its sources and a linker of at least version 14: all there?
has_debian() {
    [[ -x /usr/bin/cargo && -x /usr/bin/rustc ]] || return 1
    [[ -f "$(/usr/bin/rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ]] || return 1
    linker="$(compgen -G '/usr/bin/wasm-ld-*' | newest)"
    [[ -n $linker && ${linker##*-} -ge 14 ]]
}

use_debian() {
    # shellcheck disable=SC2034 # declare -p prints them
    wasm_cargo=(env -u LD_LIBRARY_PATH RUSTC_BOOTSTRAP=1 RUSTC=/usr/bin/rustc RUSTDOC=/usr/bin/rustdoc
        "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_LINKER=$linker" /usr/bin/cargo)
    # shellcheck disable=SC2034
    wasm_std=("-Zbuild-std=std,panic_abort") wasm_test_std=("-Zbuild-std=std,panic_abort,test")
    print_and_exit
}

if has_target; then use_rustup; fi
if [[ -f $chosen ]] && has_debian; then use_debian; fi

if ! command -v rustup >/dev/null; then
    why="there is no rustup"
else
    status=0
    added="$(timeout 300 rustup target add "$target" 2>&1)" || status=$?
    if [[ $status -eq 0 ]] && has_target; then use_rustup; fi
    case $status in
    0) reason="the rustc on the PATH does not have it afterwards" ;;
    124) reason="no answer in 300 s" ;;
    *) reason="$(grep -m 1 '^error' <<<"$added" || tail -n 1 <<<"$added")" ;;
    esac
    why="'rustup target add $target' did not help ($reason)"
fi

give_up() {
    say "cannot build for $target: $why, and $1"
    say "make 'rustup target add $target' work, or install Debian's rustc-web, cargo-web, rust-web-src and lld-22, and run this again"
    exit 1
}

if ! has_debian; then
    command -v apt-get >/dev/null || give_up "this is no Debian with packages to fall back to"
    as_root=()
    if [[ $EUID -ne 0 ]]; then
        sudo -n true 2>/dev/null || give_up "installing Debian's packages needs root"
        as_root=(sudo -n)
    fi
    say "$why; installing Debian's Rust instead"
    log="$(mktemp)"
    trap 'rm -f "$log"' EXIT
    "${as_root[@]}" apt-get update >"$log" 2>&1 || true # a broken third list must not stop us; the install tells
    lld="$(apt-cache search --names-only '^lld-[0-9]+$' | cut -d' ' -f1 | newest)"
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
        -o DPkg::Lock::Timeout=120 rustc-web cargo-web rust-web-src "${lld:-lld}" >>"$log" 2>&1 || {
        tail -n 5 "$log" >&2
        give_up "apt-get could not install Debian's"
    }
    has_debian || give_up "Debian's packages here hold no sources of the standard library or no wasm-ld of version 14 or later"
fi
mkdir -p "${chosen%/*}"
touch "$chosen"
say "modules and wasm32 tests are built with $(/usr/bin/rustc --version | cut -d' ' -f1-2) of Debian, the standard library from source, because $why"
use_debian
