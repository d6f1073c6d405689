#!/bin/sh
# Run on a host behind ssh while a node's container is handed over: brings the old container back where nobody
# has confirmed the new one in time, for whoever started this may be cut off.
# Arguments: container's name, id of the old container, its StartedAt, attempt of the handover, seconds, grace,
# the wallet's volume, the chain's volume, the script that puts its database back (chain-database.sh), id of the
# proxy that made way for the new one, or nothing.
name=$1 old=$2 started=$3 attempt=$4 seconds=$5 grace=$6 wallet=$7 chain=$8 script=$9 proxy=${10}

# Time passes while nothing is copied: a slow disk is no reason to go back. A copy that hangs is one, for whoever ends
# it is cut off: 18 GB, more than a chain has, take an hour on a card that writes 5 MB/s.
patience=3600
while [ "$seconds" -gt 0 ]; do
    sleep 10
    if [ "$patience" -gt 0 ] && [ -n "$(docker ps -q --filter "label=skycoin.copy=$wallet")" ]; then
        patience=$((patience - 10))
    else
        seconds=$((seconds - 10))
    fi
done
# A command that writes to the wallet, such as a restore, comes first: it has stopped the node itself.
written() { [ -n "$(docker ps -aq --filter "label=skycoin.wallet-helper=$wallet" --filter label=skycoin.wallet-writer)" ]; }
while written; do
    [ "$patience" -gt 0 ] || exit 1
    sleep 10
    patience=$((patience - 10))
done
# One that is gone was given up on purpose; one that has started since was brought back by somebody else.
[ "$(docker inspect -f '{{.State.StartedAt}} {{.State.Running}}' "$old")" = "$started false" ] || exit 0
new=$(docker ps -aq --no-trunc --filter "label=skycoin.attempt=$attempt")
if [ -n "$new" ]; then
    [ "$(docker inspect -f '{{.HostConfig.RestartPolicy.Name}}' "$new")" = no ] || exit 0
    docker stop -t "$grace" "$new" && docker rm "$new" || exit 1
fi
# A person may have helped themselves meanwhile: a wallet has one writer.
if [ -n "$(docker ps -q --filter "volume=$wallet")" ] || written; then exit 1; fi
# The copy is of the time before the new one: what that one has written, the old one may refuse.
[ -z "$chain" ] || docker run --rm --network none --read-only --cap-drop ALL --entrypoint sh -v "$chain:/data" \
    --user "$(docker inspect -f '{{.Config.User}}' "$old")" \
    "$(docker inspect -f '{{.Image}}' "$old")" -c "$script" chain-database put-back
[ "$(docker inspect -f '{{.Name}}' "$old")" = "/$name" ] || docker rename "$old" "$name" || exit 1
if written; then exit 1; fi
docker start "$old" || exit 1
docker update --restart unless-stopped "$old"
[ -z "$proxy" ] || docker start "$proxy"
