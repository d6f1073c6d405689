#!/bin/sh
# The image acts as the executable: flags go to json_exporter, any other command runs as it is.
set -eu
[ "${1:-}" != -- ] || shift
if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
    set -- json_exporter --config.file=/etc/exporter/node.yml "$@"
fi
exec "$@"
