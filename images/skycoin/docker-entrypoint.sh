#!/bin/sh
# The image acts as the executable: flags go to the node, any other command runs as it is.
# Arguments are never joined or split, and the shell is replaced: signals reach the node.
set -eu

# busybox's [ -w ] looks at the mode bits alone: of the mount that is nearest, proc_pid_mountinfo(5).
is_read_only() {
    awk -v folder="$1/" 'index(folder, $5 == "/" ? "/" : $5 "/") == 1 && length($5) >= nearest {
        nearest = length($5); options = $6 "," $NF
    } END { exit options !~ /(^|,)ro(,|$)/ }' /proc/self/mountinfo
}

if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
    set -- skycoin \
        -data-dir="$DATA_DIR" \
        -wallet-dir=/wallet \
        -gui-dir=/usr/local/skycoin/src/gui/static \
        -color-log=false \
        "$@"
fi

if [ "$1" = skycoin ]; then
    for folder in "$DATA_DIR" /wallet; do
        mkdir -p "$folder" 2>/dev/null || true
        if is_read_only "$folder"; then
            echo "docker-entrypoint: $folder is on a read-only file system, and a node writes there: add -v NAME:$folder, without :ro." >&2
            exit 73
        fi
        if ! [ -w "$folder" ]; then
            echo "docker-entrypoint: $folder is not writable for user $(id -u):$(id -g), and a node needs it." >&2
            echo "docker-entrypoint: give the volume to that user, e.g." >&2
            echo "docker-entrypoint:   docker run --rm --user 0 --entrypoint chown -v VOLUME:$folder IMAGE -R $(id -u):$(id -g) $folder" >&2
            exit 73
        fi
    done
    if ! grep -q ' /wallet ' /proc/self/mountinfo; then
        echo "docker-entrypoint: /wallet is no volume: a wallet made here is lost with the container; add -v NAME:/wallet." >&2
    fi
fi

exec "$@"
