#!/bin/sh
# The image acts as the executable: flags go to the visor, any other command runs as it is.
# Arguments are never joined or split, and the shell is replaced: signals reach the visor.
set -eu

if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
    set -- skywire-visor -c "$SKYWIRE_CONFIG" "$@"
fi

if [ "$1" = skywire-visor ]; then
    for folder in /config /data; do
        # Asked of the kernel: busybox's [ -w ] looks at the mode bits alone.
        if ! said=$([ -d "$folder" ] && touch -c "$folder" 2>&1); then
            echo "docker-entrypoint: $folder is not writable for user $(id -u):$(id -g), and a visor needs it. ${said#touch: }" >&2
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
    if [ "$2" = -c ] && ! [ -e "$3" ]; then
        # Never made by itself: it holds the visor's keys, and with new ones it is another visor.
        echo "docker-entrypoint: there is no configuration $3. To make one, with new keys:" >&2
        echo "docker-entrypoint:   docker run --rm -v VOLUME:/config IMAGE skywire-cli config gen -o $3" >&2
        exit 78
    fi
    if ! grep -q ' /config ' /proc/self/mountinfo; then
        echo "docker-entrypoint: /config is no volume: keys made here are lost with the container; add -v NAME:/config." >&2
    fi
    # Paths in the configuration are relative to where it runs.
    cd /data
fi

exec "$@"
