#!/bin/sh
# The image acts as the executable: flags go to the node, any other command runs as it is.
# Arguments are never joined or split, and the shell is replaced: signals reach the node.
set -eu

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
        # Asked of the kernel: busybox's [ -w ] looks at the mode bits alone.
        if ! said=$([ -d "$folder" ] && touch -c "$folder" 2>&1); then
            echo "docker-entrypoint: $folder is not writable for user $(id -u):$(id -g), and a node needs it. ${said#touch: }" >&2
            case $said in
                *Read-only*)
                    echo "docker-entrypoint: give it a volume, and not as read-only: -v NAME:$folder" >&2 ;;
                *)
                    echo "docker-entrypoint: give the volume to that user, e.g." >&2
                    echo "docker-entrypoint:   docker run --rm --user 0 --entrypoint chown -v VOLUME:$folder IMAGE -R $(id -u):$(id -g) $folder" >&2 ;;
            esac
            exit 73
        fi
    done
    if ! grep -q ' /wallet ' /proc/self/mountinfo; then
        echo "docker-entrypoint: /wallet is no volume: a wallet made here is lost with the container; add -v NAME:/wallet." >&2
    fi
fi

exec "$@"
