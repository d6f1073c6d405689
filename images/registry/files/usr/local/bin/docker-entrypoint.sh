#!/bin/sh
# The image acts as the executable: flags and the registry's own commands go to it, a settings file replaces
# the default one, any other command runs as it is.
set -eu
[ "${1:-}" != -- ] || shift
case "${1:-}" in
'') set -- registry serve /etc/distribution/config.yml ;;
*.yml | *.yaml) set -- registry serve "$@" ;;
serve) [ "$#" -gt 1 ] || set -- serve /etc/distribution/config.yml; set -- registry "$@" ;;
-* | garbage-collect | help) set -- registry "$@" ;;
esac
# The registry would make a password file that is missing, and print the password into its log.
case "$*" in
"registry serve /etc/distribution/hosted.yml") needed='tls.crt tls.key htpasswd' ;;
"registry serve /etc/distribution/readers.yml") needed='tls.crt tls.key readers' ;;
"registry serve /etc/distribution/anonymous.yml") needed='tls.crt tls.key' ;;
*) needed= ;;
esac
for name in $needed; do
    if [ ! -r "/secrets/$name" ]; then
        echo "No /secrets/$name that user $(id -u) may read: fill the volume of secrets, see docs/stacks.md," \
            "\"A registry of one's own\"." >&2
        exit 78
    fi
done
exec "$@"
