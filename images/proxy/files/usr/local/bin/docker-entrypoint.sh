#!/bin/sh
# `proxy NODE PORT` serves, `gui-login` shows the login; any other command runs as it is.
set -eu
[ "${1:-}" != -- ] || shift
exec "$@"
