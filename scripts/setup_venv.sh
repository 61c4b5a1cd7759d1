#!/usr/bin/env bash
# setup_venv.sh <extra>[,<extra>...]
# Brings .venv to what pyproject.toml asks for with these extras, and installs the package itself in editable form: its
# files stay where they are and `_core` is the one that CMake puts beside them. Repeats nothing that is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

extras=$1
stamp=.venv/stamps/${extras//,/-}
if [[ -f $stamp && ! pyproject.toml -nt $stamp && ! scripts/setup_venv.sh -nt $stamp ]]; then
    exit 0
fi

pip_install() {
    .venv/bin/python -m pip --disable-pip-version-check install -qq "$@"
}

if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
    python=$(scripts/find_python.sh) || {
        echo "setup: no Python >= 3.11 on PATH" >&2
        exit 1
    }
    echo "setup: creating .venv with $("$python" --version)"
    "$python" -m venv --clear .venv
fi

mkdir -p .venv/stamps
if [[ ! -f .venv/stamps/build-system || pyproject.toml -nt .venv/stamps/build-system ]]; then
    echo "setup: installing the build tools (scikit-build-core, pybind11)"
    mapfile -t requires < <(.venv/bin/python -c \
        'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")')
    pip_install "${requires[@]}"
    touch .venv/stamps/build-system
fi

echo "setup: installing khala_jobs[$extras] and its dependencies, about half a minute"
pip_install --no-build-isolation --config-settings=wheel.cmake=false --config-settings=editable.mode=inplace \
    --editable ".[$extras]"
touch "$stamp"
