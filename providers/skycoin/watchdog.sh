#!/bin/sh
# Run on a host behind ssh while a node's container is handed over: brings the old container back where nobody
# has confirmed the new one in time, for whoever started this may be cut off.
# Arguments: container's name, id of the old container, its StartedAt, attempt of the handover, seconds, grace,
# the old container's wallet volume, its chain's volume, the script that puts its database back
# (chain-database.sh), id of the proxy that made way for the new one, or nothing, and the new container's wallet
# volume, whose name copies have.
name=$1 old=$2 started=$3 attempt=$4 seconds=$5 grace=$6 wallet=$7 chain=$8 script=$9 proxy=${10} copied=${11}
stopped=

# Time passes while nothing is copied: a slow disk is no reason to go back. A copy that hangs is one, for whoever ends
# it is cut off: 18 GB, more than a chain has, take an hour on a card that writes 5 MB/s.
patience=3600
while [ "$seconds" -gt 0 ]; do
    sleep 10
    if [ "$patience" -gt 0 ] && [ -n "$(docker ps -q --filter "label=skycoin.copy=$copied")" ]; then
        patience=$((patience - 10))
    else
        seconds=$((seconds - 10))
    fi
done

# Succeeds if a command, such as a restore, writes to the wallet, and where that can't be asked.
written() {
    writers=$(docker ps -aq --filter "label=skycoin.wallet-helper=$wallet" --filter label=skycoin.wallet-writer) || return 0
    [ -n "$writers" ]
}

# Succeeds if a running container may write to the wallet's folder, as this volume or another way; fails with 2
# where that can't be asked.
used() {
    folder=$(docker volume inspect -f '{{.Mountpoint}}' "$wallet") && running=$(docker ps -q) || return 2
    [ -n "$running" ] || return 1
    # shellcheck disable=SC2086
    sources=$(docker inspect -f '{{range .Mounts}}{{if .RW}}{{println .Source}}{{end}}{{end}}' $running) || return 2
    printf '%s\n' "$sources" | grep -qF "$folder" # the folder, or one in it
}

# Ends this script when it is decided which container runs; fails where the engine gave no answer.
decide() {
    # A restore has stopped the node itself, and starts it again.
    if written; then return 1; fi
    # One that is gone was given up on purpose; one that has started since was brought back by somebody else.
    there=$(docker ps -aq --filter "id=$old") || return 1
    [ -n "$there" ] || exit 0
    state=$(docker inspect -f '{{.State.StartedAt}} {{.State.Running}}' "$old") || return 1
    [ "$state" = "$started false" ] || exit 0
    new=$(docker ps -aq --no-trunc --filter "label=skycoin.attempt=$attempt") || return 1
    if [ -n "$new" ]; then
        unconfirmed || return 1
        stopped=$new
        docker stop -t "$grace" "$new" || return 1
        # A stop takes up to a minute, in which the new one may have been confirmed.
        unconfirmed && docker rm "$new" || return 1
    fi
    # A person may have helped themselves meanwhile: a wallet has one writer.
    used && exit 1
    [ $? = 1 ] || return 1
    # The copy is of the time before the new one: what that one has written, the old one may refuse.
    user=$(docker inspect -f '{{.Config.User}}' "$old") && image=$(docker inspect -f '{{.Image}}' "$old") || return 1
    [ -z "$chain" ] || docker run --rm --network none --read-only --cap-drop ALL --entrypoint sh -v "$chain:/data" \
        --user "$user" "$image" -c "$script" chain-database put-back
    now=$(docker inspect -f '{{.Name}}' "$old") || return 1
    [ "$now" = "/$name" ] || docker rename "$old" "$name" || return 1
    if written; then return 1; fi
    docker start "$old" || return 1
    docker update --restart unless-stopped "$old"
    [ -z "$proxy" ] || docker start "$proxy"
    exit 0
}

# Fails where the engine gave no answer. Ends this script if the new container is confirmed, which runs then.
unconfirmed() {
    policy=$(docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' "$new") || return 1
    [ "$policy" != no ] || return 0
    [ -z "$stopped" ] || docker start "$stopped" || return 1
    exit 0
}

# A board without memory, which may be why the new one fails, ends single commands of docker.
tries=120
while [ "$tries" -gt 0 ]; do
    decide
    tries=$((tries - 1))
    sleep 30
done
exit 1
