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

# need FOLDER VOLUME: VOLUME is what `docker run -v` is given for it.
need() {
    mkdir -p "$1" 2>/dev/null || true
    if is_read_only "$1"; then
        echo "docker-entrypoint: $1 is on a read-only file system, and a node writes there: add -v $2, without :ro." >&2
        exit 73
    fi
    if ! [ -w "$1" ]; then
        echo "docker-entrypoint: $1 is not writable for user $(id -u):$(id -g), and a node needs it." >&2
        echo "docker-entrypoint: give the volume to that user, e.g." >&2
        echo "docker-entrypoint:   docker run --rm --user 0 --entrypoint chown -v $2 IMAGE -R $(id -u):$(id -g) ${2#*:}" >&2
        exit 73
    fi
}

[ "${1:-}" != -- ] || shift
if [ "$#" -eq 0 ] || [ "${1#-}" != "$1" ]; then
    for argument in "$@"; do
        case $argument in
        -h | --h | -help | --help | -version | --version)
            # Ends by itself, and needs no volume: only a folder that is there.
            exec skycoin -data-dir=/tmp "$@"
            ;;
        esac
    done
    set -- skycoin \
        -data-dir="$DATA_DIR" \
        -wallet-dir=/wallet \
        -gui-dir=/usr/local/skycoin/src/gui/static \
        -color-log=false \
        "$@"
fi

if [ "$1" = skycoin ]; then
    case $DATA_DIR/ in
    /data/*) need "$DATA_DIR" skycoin-data:/data ;;
    *) need "$DATA_DIR" "skycoin-data:$DATA_DIR" ;;
    esac
    need /wallet skycoin-wallet:/wallet
    if ! awk '$5 == "/wallet" { found = 1 } END { exit !found }' /proc/self/mountinfo; then
        echo "docker-entrypoint: /wallet is no volume: a wallet made here is lost with the container; add -v skycoin-wallet:/wallet." >&2
    fi
fi

exec "$@"
