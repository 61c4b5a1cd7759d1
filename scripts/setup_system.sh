#!/usr/bin/env bash
# setup_system.sh [extra package]...
# Makes sure that what the build needs from the system is there: on Debian as root it installs what is missing, anywhere
# else it names what is missing, in one line, and ends with 1. Quick when there is nothing to do.
set -euo pipefail
cd "$(dirname "$0")/.."

packages=(
    ccache cmake g++ libeigen3-dev libgmock-dev libgtest-dev libhiredis-dev libsimdjson-dev libsqlite3-dev libssl-dev
    libxxhash-dev ninja-build pkg-config redis-server "$@"
)

python=$(scripts/find_python.sh || true)
if [[ -z $python ]]; then
    packages+=(python3 python3-dev python3-venv)
elif [[ $python == /usr/bin/* ]]; then # Debian splits Python; one built from source has these
    packages+=(python3-dev python3-venv)
fi

missing=()
for package in "${packages[@]}"; do
    state=$(dpkg-query -W -f='${db:Status-Status}' "$package" 2>/dev/null || true)
    [[ $state == installed ]] || missing+=("$package")
done
if [[ ${#missing[@]} -eq 0 ]]; then
    exit 0
fi

if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo "setup: these packages are missing; install them as root and run this again: apt-get install ${missing[*]}" >&2
    exit 1
fi

log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "setup: installing ${#missing[@]} Debian packages, one to two minutes: ${missing[*]}"
export DEBIAN_FRONTEND=noninteractive
if ! { apt-get update -qq && apt-get install -y -qq --no-install-recommends "${missing[@]}"; } >"$log" 2>&1; then
    cat "$log" >&2
    echo "setup: apt-get failed; its own words are above" >&2
    exit 1
fi
