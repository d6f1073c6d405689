#!/bin/sh
# Formatting, lint and types of everything that is written here. Fails at the first finding.
set -eu
venv=$1
cd "$(dirname "$0")/.."
echo "• ruff"
"$venv/bin/ruff" format --check --quiet .
"$venv/bin/ruff" check --quiet .
echo "• mypy --strict"
"$venv/bin/mypy" --no-error-summary
echo "• import-linter"
findings=$("$venv/bin/lint-imports" --no-cache --no-logo) || { echo "$findings"; exit 1; }
echo "• hadolint"
git ls-files '*Dockerfile' | xargs "$venv/bin/hadolint" --config tests/hadolint.yaml
echo "• zizmor"
"$venv/bin/zizmor" --quiet --offline --persona auditor .github/workflows
PATH=$venv/bin:$PATH "$venv/bin/python" -m tests.actionlint .github/workflows/*.yml
echo "• shellcheck"
{
    git ls-files '*.sh'
    git grep -lE '^#!(/bin/sh|/usr/bin/env bash)$' -- ':!*.py' ':!*.md'
} | sort -u | PATH=$venv/bin:$PATH xargs shellcheck
