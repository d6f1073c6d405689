#!/bin/sh
# Writes the locks from requirements*.in: every package, with the hashes of its files for every platform.
set -eu
uv=$1/bin/uv
cd "$(dirname "$0")/.."

# Compile one lock. A version that it already has stays, as long as the requirements allow it.
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
        --only-binary :all: --emit-build-options --custom-compile-command "make lock" "$@"
}

# Each lock includes the previous one, package by package.
compile requirements.in --output-file requirements.txt
compile requirements-ecr.in --constraints requirements.txt --output-file requirements-ecr.txt
compile requirements-dev.in --constraints requirements-ecr.txt --output-file requirements-dev.txt

# Separate from the series above: installed only if there is no Go.
compile requirements-go.in --output-file requirements-go.txt
