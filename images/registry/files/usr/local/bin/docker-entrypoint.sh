#!/bin/sh
# The image acts as the executable: a settings file replaces the default one, any other command runs as it is.
set -eu
case "${1:-}" in
'') set -- registry serve /etc/distribution/config.yml ;;
*.yml | *.yaml) set -- registry serve "$@" ;;
esac
exec "$@"
