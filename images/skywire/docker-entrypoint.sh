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

# need FOLDER VOLUME: VOLUME is its name in the README.
need() {
    if is_read_only "$1"; then
        echo "docker-entrypoint: $1 is on a read-only file system, and a visor writes there: add -v $2:$1, without :ro." >&2
        exit 73
    fi
    if ! [ -w "$1" ]; then
        echo "docker-entrypoint: $1 is not writable for user $(id -u):$(id -g), and a visor needs it." >&2
        echo "docker-entrypoint: give the volume to that user, e.g." >&2
        echo "docker-entrypoint:   docker run --rm --user 0 --entrypoint chown -v $2:$1 IMAGE -R $(id -u):$(id -g) $1" >&2
        exit 73
    fi
}

[ "${1:-}" != -- ] || shift
if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
    for argument in "$@"; do
        case $argument in
        # Ends by itself, and needs neither volume nor configuration.
        -h | --help | -v | --version) exec skywire-visor "$@" ;;
        esac
    done
    set -- skywire-visor -c "$SKYWIRE_CONFIG" "$@"
fi

if [ "$1" = skywire-visor ]; then
    need /config skywire-config
    need /data skywire-data
    if [ "${2:-}" = -c ] && ! [ -e "${3:-}" ]; then
        # Never made by itself: it holds the visor's keys, and with new ones it is another visor.
        echo "docker-entrypoint: there is no configuration ${3:-}. To make one, with new keys:" >&2
        echo "docker-entrypoint:   docker run --rm -v skywire-config:/config IMAGE skywire-cli config gen -o ${3:-$SKYWIRE_CONFIG}" >&2
        exit 78
    fi
    if ! grep -q ' /config ' /proc/self/mountinfo; then
        echo "docker-entrypoint: /config is no volume: keys made here are lost with the container; add -v skywire-config:/config." >&2
    fi
    # Paths in the configuration are relative to where it runs.
    cd /data
fi

exec "$@"
