#!/bin/sh
# Makes the virtual environment of requirements-dev.txt in the folder given.
set -eu
venv=$1
here=$(dirname "$0")/..

# Run a command with a sign of life now and then. Its shell's death ends that too, Ctrl-C included:
# what runs in the background ignores SIGINT.
alive() {
    doing=$1
    shift
    began=$(date +%s)
    # The pause holds no output open: who reads it through a pipe would wait for its end.
    while sleep 10 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
        echo "    … $doing: $(($(date +%s) - began)) s"
    done &
    heart=$!
    trap 'kill "$heart" 2>/dev/null || true' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    "$@"
    kill "$heart"
    trap - EXIT INT TERM HUP
}

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
    alive "reading Debian's package lists" $root apt-get update -qq
    alive "installing python3-venv" $root apt-get install -qq -y --no-install-recommends python3-venv
fi

echo "• Python environment $venv ($("$python" --version)): installing requirements-dev.txt"
alive "making the folder" "$python" -m venv "$venv"
alive "pip installs" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    -r "$here/requirements-dev.txt"
touch "$venv/ready"
