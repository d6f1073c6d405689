#!/bin/sh
# Makes the virtual environment of requirements-dev.txt in the folder given.
set -eu
venv=$1
here=$(dirname "$0")/..

python=
for candidate in python3 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "error: Python 3.11 or newer is needed, and $(python3 --version 2>&1 || echo 'no python3') was found." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "• Debian packages for virtual environments: python3-venv"
    if [ "$(id -u)" = 0 ]; then root=; else root=sudo; fi
    $root apt-get update -q >/dev/null
    $root apt-get install -q -y --no-install-recommends python3-venv >/dev/null
fi

echo "• Python environment $venv ($("$python" --version)): installing requirements-dev.txt"
"$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$here/requirements-dev.txt"
touch "$venv/ready"
