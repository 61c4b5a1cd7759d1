#!/usr/bin/env bash
# setup_venv.sh [<extra>,...]
# Without an argument: creates .venv with the build system in it (scikit-build-core, pybind11), which is all that CMake
# needs. With extras: brings .venv to what pyproject.toml asks for with them, and installs the package itself in editable
# form: its files stay where they are, and `_core` is the one that CMake puts beside them.
# Repeats nothing that is up to date.
set -euo pipefail
cd "$(dirname "$0")/.."

# Two commands started at the same time take turns.
mkdir -p build
exec 9>build/setup.lock
flock 9

up_to_date() { # <stamp>
    [[ -f $1 && ! pyproject.toml -nt $1 && ! scripts/setup_venv.sh -nt $1 ]]
}

pip_install() {
    .venv/bin/python -m pip --disable-pip-version-check install -qq "$@"
}

stamps=.venv/stamps
extras=${1:-}
if [[ -z $extras ]]; then
    up_to_date $stamps/build-system && exit 0
    if ! .venv/bin/python -c 'import pip' 2>/dev/null; then
        python=$(scripts/find_python.sh) || {
            echo "setup: no Python >= 3.11 on PATH" >&2
            exit 1
        }
        echo "setup: creating .venv with $("$python" --version)"
        "$python" -m venv --clear .venv
    fi
    mkdir -p $stamps
    mapfile -t requires < <(.venv/bin/python -c \
        'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"], sep="\n")')
    echo "setup: installing the build system: ${requires[*]}"
    pip_install "${requires[@]}"
    touch $stamps/build-system
    exit 0
fi

stamp=$stamps/${extras//,/-}
up_to_date "$stamp" && exit 0
echo "setup: installing khala_jobs[$extras] and what it needs, up to half a minute"
pip_install --no-build-isolation --config-settings=wheel.cmake=false --config-settings=editable.mode=inplace \
    --editable ".[$extras]"
# The import hook that comes with it looks into this tree even when PYTHONPATH names another one, as it does for the
# release, coverage and sanitizer builds of `_core`. The plain path that stands beside it is all that is needed.
sed -i '/^import /d' .venv/lib/python3*/site-packages/_editable_skbc_khala_jobs.pth
touch "$stamp"
