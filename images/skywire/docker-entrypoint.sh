#!/bin/sh
# The image acts as the executable: flags go to the visor, any other command runs as it is.
# Arguments are never joined or split, and the shell is replaced: signals reach the visor.
set -eu

# busybox's [ -w ] looks at the mode bits alone: of the mount that is nearest, proc_pid_mountinfo(5).
is_read_only() {
    awk -v folder="$1/" 'index(folder, $5 == "/" ? "/" : $5 "/") == 1 && length($5) >= nearest {
        nearest = length($5); options = $6 "," $NF
    } END { exit options !~ /(^|,)ro(,|$)/ }' /proc/self/mountinfo
}

if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
    set -- skywire-visor -c "$SKYWIRE_CONFIG" "$@"
fi

if [ "$1" = skywire-visor ]; then
    for folder in /config /data; do
        if is_read_only "$folder"; then
            echo "docker-entrypoint: $folder is on a read-only file system, and a visor writes there: add -v NAME:$folder, without :ro." >&2
            exit 73
        fi
        if ! [ -w "$folder" ]; then
            echo "docker-entrypoint: $folder is not writable for user $(id -u):$(id -g), and a visor needs it." >&2
            echo "docker-entrypoint: give the volume to that user, e.g." >&2
            echo "docker-entrypoint:   docker run --rm --user 0 --entrypoint chown -v VOLUME:$folder IMAGE -R $(id -u):$(id -g) $folder" >&2
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
