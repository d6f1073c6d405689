#!/bin/sh
# environment.sh VENV LOCK…: installs the packages of the locks into the virtual environment VENV, unless they are
# already installed. The environment keeps a copy of each installed lock; the copies are compared with the locks, so
# modification times don't matter.
set -eu
venv=$1
shift
locks=$*
said=$venv/pip.log
cd "$(dirname "$0")/.."

holds_them() {
    [ -x "$venv/bin/python" ] || return 1
    for lock in $locks; do
        cmp -s "$lock" "$venv/$lock" || return 1
    done
}

if holds_them; then
    exit
fi

# Run a command, and print a line every 10 s. The loop that prints ends with this shell, also after Ctrl-C, although
# background processes ignore SIGINT.
alive() {
    doing=$1
    shift
    began=$(date +%s)
    # sleep must not keep the output open: a program that reads the output through a pipe would wait for sleep.
    while sleep 10 >/dev/null 2>&1 && kill -0 $$ 2>/dev/null; do
        echo "    … $doing: $(($(date +%s) - began)) s"
    done &
    heart=$!
    trap 'kill "$heart" 2>/dev/null || true' EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM HUP
    code=0
    "$@" || code=$?
    kill "$heart"
    trap - EXIT INT TERM HUP
    return "$code"
}

# Print what a failure of pip means and what to do about it; $said has pip's own messages.
explain() {
    both=$(echo "$locks" | sed 's/ / and /')
    got=$(sed -nE 's/^ *([A-Za-z0-9._-]+==[^ ]+) from .*/\1/p' "$said" | head -n 1)
    missing=$(sed -nE 's/^ERROR: No matching distribution found for ([^ ]+).*/\1/p' "$said")
    if grep -q 'DO NOT MATCH THE HASHES' "$said"; then
        echo "No package was installed: the file that pip got for $got matches none of the pinned hashes in $both." \
            "If \`git diff\` shows no change there, do not trust that file, and use another package index" \
            "(\`pip config list\` shows the configured one)."
    elif grep -qE 'Hashes are required|versions pinned with ==|conflicting dependencies' "$said"; then
        echo "No package was installed: a hash or a package is missing in $both, or two pins conflict." \
            "\`git checkout $locks\` restores the committed version, and \`make lock\` writes new locks."
    elif [ -n "$missing" ] && ! grep -q 'Retrying' "$said"; then
        echo "No package was installed: the package index (\`pip config list\` shows it) has no wheel of $missing" \
            "($both) for $("$venv/bin/python" --version) on $(uname -sm), and only wheels are installed. Use an index" \
            "that has one, or a Python version and a platform for which, according to CONTRIBUTING.md, all wheels exist."
    else
        echo "pip could not install $both: fix what it reports, such as an unreachable package index" \
            "(\`pip config list\` shows the configured one), and run the same command again."
    fi
}

python=
fits='import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 15))'
for candidate in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$candidate" >/dev/null && "$candidate" -c "$fits"; then
        python=$candidate
        break
    fi
done
if [ -z "$python" ]; then
    echo "error: Python 3.11 to 3.14 is required, but $(python3 --version 2>&1 || echo 'no python3') was found." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "• Debian packages for virtual environments: python3-venv"
    if [ "$(id -u)" = 0 ]; then root=; else root=sudo; fi
    if [ -n "$root" ]; then echo "    as root: sudo apt-get update, sudo apt-get install python3-venv"; fi
    alive "reading Debian's package lists" $root apt-get update -qq
    alive "installing python3-venv" $root apt-get install -qq -y --no-install-recommends python3-venv
fi

# Install the packages of the locks. Arguments are further options of pip. Exits if pip fails.
pip_install() {
    # shellcheck disable=SC2046,SC2086 # names of locks, without blanks
    if ! alive "installing packages" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: "$@" $(printf ' --requirement %s' $locks) 2>"$said"; then
        echo "error: $(explain)" >&2
        cat "$said" >&2
        exit 1
    fi
}

clear=
if [ -e "$venv/ready" ] && [ -e "$venv/pyvenv.cfg" ]; then
    echo "• Python environment $venv: recreated, because its packages were installed without hashes"
    # A dry run first: if the package index does not answer, the installed packages stay.
    if [ -x "$venv/bin/python" ]; then
        pip_install --dry-run --ignore-installed
    fi
    clear=--clear
fi
echo "• Python environment $venv ($("$python" --version)): installing $locks"
if [ -n "$clear" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    # $venv may be a link to a folder, which the module venv does not accept.
    folder=$(cd "$venv" 2>/dev/null && pwd -P) || folder=$venv
    alive "creating the environment" "$python" -m venv $clear "$folder"
fi
rm -f "$venv"/requirements*.txt
pip_install
# shellcheck disable=SC2086
cp $locks "$venv"
