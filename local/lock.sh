#!/bin/sh
# Writes the locks from requirements*.in: every package, with the hashes of its files for every platform.
set -eu
uv=$1/bin/uv
cd "$(dirname "$0")/.."

# A version that a lock has stays, as long as it fits.
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
        --only-binary :all: --emit-build-options --custom-compile-command "make lock" "$@"
}

# Each lock holds the one before it, package by package.
compile requirements.in --output-file requirements.txt
compile requirements-ecr.in --constraints requirements.txt --output-file requirements-ecr.txt
compile requirements-dev.in --constraints requirements-ecr.txt --output-file requirements-dev.txt

# Installed next to them, and only if there is no Go.
compile requirements-go.in --output-file requirements-go.txt
