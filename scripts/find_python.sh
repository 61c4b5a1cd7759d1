#!/usr/bin/env bash
# find_python.sh [3.12]   Prints the path of a Python of that minor version, or else of the first one >= 3.11:
# `python3` on PATH before `python3.13` ... `python3.11`. Looks at pyenv's versions as well. Exit 1 when there is none.
set -euo pipefail

usable() { # <command>: prints its real path if it runs and is >= 3.11
    "$1" -c 'import sys; print(sys.executable) if sys.version_info >= (3, 11) else sys.exit(1)' \
        2>/dev/null
}

from_pyenv() { # <minor>: pyenv's shim of a version that is not the active one refuses to run unless it is named
    command -v pyenv >/dev/null || return 1
    local version
    version=$(pyenv versions --bare 2>/dev/null | grep -E "^${1//./\\.}\.[0-9]+$" | sort -V | tail -1)
    [[ -n $version ]] && PYENV_VERSION=$version usable "python$1"
}

if [[ $# -gt 0 ]]; then
    usable "python$1" || from_pyenv "$1"
    exit
fi
for command in python3 python3.13 python3.12 python3.11; do
    usable "$command" && exit
done
for minor in 3.13 3.12 3.11; do
    from_pyenv "$minor" && exit
done
exit 1
