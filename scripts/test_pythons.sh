#!/usr/bin/env bash
# test_pythons.sh 3.11 3.12 ...   Runs the Python suite on each of these versions that this machine has, on a package
# built and installed for it, with the failpoints that the crash tests need.
set -euo pipefail
cd "$(dirname "$0")/.."

ran=()
for minor in "$@"; do
    if ! python=$(scripts/find_python.sh "$minor"); then
        echo "test-pythons: $minor is not on this machine: skipped"
        continue
    fi
    venv=build/pythons/$minor
    echo "test-pythons: $minor ($python): building and installing into $venv"
    [[ -x $venv/bin/python ]] || "$python" -m venv "$venv"
    pip=("$venv/bin/python" -m pip --disable-pip-version-check install -qq)
    "${pip[@]}" "scikit-build-core>=1.0" "pybind11>=3"
    "${pip[@]}" --no-build-isolation --config-settings=build-dir="build/pythons/$minor-build" \
        --config-settings=cmake.define.KHALA_FAILPOINTS=ON --config-settings=cmake.define.KHALA_PLANTS=ON \
        ".[embed,parquet,test]"
    "$venv/bin/python" -m pytest -n "${JOBS:-$(nproc)}" --dist worksteal
    ran+=("$minor")
done
[[ ${#ran[@]} -gt 0 ]] || {
    echo "test-pythons: none of $* is on this machine" >&2
    exit 1
}
echo "test-pythons: passed on ${ran[*]}"
