#!/bin/sh
# lock.sh VENV: writes the locks from requirements*.in, with every package and the hashes of its files for all platforms.
set -eu
uv=$1/bin/uv
cd "$(dirname "$0")/.."

# Compile one lock. Versions that are already in it stay, as long as the requirements allow them.
compile() {
    "$uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
        --only-binary :all: --emit-build-options --custom-compile-command "make lock" "$@"
}

# Each lock includes the previous one, package by package.
compile requirements.in --output-file requirements.txt
compile requirements-ecr.in --constraints requirements.txt --output-file requirements-ecr.txt
compile requirements-dev.in --constraints requirements-ecr.txt --output-file requirements-dev.txt

# Independent of the locks above: installed only if there is no Go.
compile requirements-go.in --output-file requirements-go.txt
