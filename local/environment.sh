#!/bin/sh
# Installs the packages of the locks into the virtual environment in a folder, unless it has them. It keeps a
# copy of each installed lock to compare with, so that modification times don't matter.
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

# Run a command, and print a line every 10 s. The loop that prints ends with this shell, also after Ctrl-C:
# background processes ignore SIGINT.
alive() {
    doing=$1
    shift
    began=$(date +%s)
    # sleep must not hold the output open: a program that reads it through a pipe would wait for its end.
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

# Print one sentence about a failure of pip; $said has pip's own messages.
explain() {
    both=$(echo "$locks" | sed 's/ / and /')
    got=$(sed -nE 's/^ *([A-Za-z0-9._-]+==[^ ]+) from .*/\1/p' "$said" | head -n 1)
    missing=$(sed -nE 's/^ERROR: No matching distribution found for ([^ ]+).*/\1/p' "$said")
    if grep -q 'DO NOT MATCH THE HASHES' "$said"; then
        echo "No package was installed, for what pip got as $got has none of its hashes in $both: if \`git diff\`" \
            "shows no change there, do not trust that file, and ask another package index (\`pip config list\`)."
    elif grep -qE 'Hashes are required|versions pinned with ==|conflicting dependencies' "$said"; then
        echo "No package was installed, for a hash or a package is missing in $both, or two pins exclude each other:" \
            "\`git checkout $locks\` brings back what was committed, and \`make lock\` writes it anew."
    elif [ -n "$missing" ] && ! grep -q 'Retrying' "$said"; then
        echo "No package was installed, for the package index (\`pip config list\`) has no wheel of $missing" \
            "($both) for $("$venv/bin/python" --version) on $(uname -sm), and nothing but wheels is taken: use" \
            "what CONTRIBUTING.md says that all wheels are there for, or an index that has it."
    else
        echo "pip could not install $both: mend what it says, its package index for example" \
            "(\`pip config list\`), and give the same command again."
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
    echo "error: Python 3.11 to 3.14 is needed, and $(python3 --version 2>&1 || echo 'no python3') was found." >&2
    exit 1
fi
if ! "$python" -c 'import ensurepip' 2>/dev/null; then
    echo "• Debian packages for virtual environments: python3-venv"
    if [ "$(id -u)" = 0 ]; then root=; else root=sudo; fi
    if [ -n "$root" ]; then echo "    as root: sudo apt-get update, sudo apt-get install python3-venv"; fi
    alive "reading Debian's package lists" $root apt-get update -qq
    alive "installing python3-venv" $root apt-get install -qq -y --no-install-recommends python3-venv
fi

# Install the locks, with further options of pip; exit if that fails.
pip_install() {
    # shellcheck disable=SC2046,SC2086 # names of locks, without blanks
    if ! alive "pip installs" "$venv/bin/python" -m pip install --quiet --disable-pip-version-check \
        --require-hashes --only-binary :all: "$@" $(printf ' --requirement %s' $locks) 2>"$said"; then
        echo "error: $(explain)" >&2
        cat "$said" >&2
        exit 1
    fi
}

clear=
if [ -e "$venv/ready" ] && [ -e "$venv/pyvenv.cfg" ]; then
    echo "• Python environment $venv: made anew, for nothing in it was compared with a hash"
    # Try it first: if the index does not answer, the installed packages stay.
    if [ -x "$venv/bin/python" ]; then
        pip_install --dry-run --ignore-installed
    fi
    clear=--clear
fi
echo "• Python environment $venv ($("$python" --version)): installing $locks"
if [ -n "$clear" ] || ! "$venv/bin/python" -m pip --version >/dev/null 2>&1; then
    # $venv may be a link to a folder, but venv accepts none.
    folder=$(cd "$venv" 2>/dev/null && pwd -P) || folder=$venv
    alive "making the folder" "$python" -m venv $clear "$folder"
fi
rm -f "$venv"/requirements*.txt
pip_install
# shellcheck disable=SC2086
cp $locks "$venv"
