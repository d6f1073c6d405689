#!/bin/sh
# skycoin-cli beside a node: its wallets are in /wallet. The program has no setting for that: it lists those
# of $DATA_DIR/wallets, and looks for a wallet's file in the folder in which it runs.
set -eu
if [ "$*" = listWallets ] && [ "${DATA_DIR:-}" = /data/.skycoin ]; then
    set -- listWallets /wallet
fi
# No folder is the working directory of `docker exec` and `docker run` unless they are given one.
if [ "$PWD" = / ]; then
    cd /wallet 2> /dev/null || :
fi
# A new wallet elsewhere is in no copy or backup, and perhaps in no volume.
if [ "${1:-}" = walletCreate ]; then
    for file in "$@"; do
        case $file in *.wlt) ;; *) continue ;; esac
        folder=$(cd -- "$(dirname -- "$file")" 2> /dev/null && pwd -P) || continue
        if [ "${folder#/wallet/}" != "$folder" ]; then
            echo "skycoin-cli: WARNING: $file is in a folder of /wallet: the node does not read it, and no check includes it." \
                "Give a name without a folder." >&2
        elif [ "$folder" != /wallet ]; then
            echo "skycoin-cli: WARNING: $file is not in /wallet, the node's wallet volume: the node does not read it, no" \
                "check, copy or backup includes it, and it may be deleted with this container. Give a name without a folder." >&2
        elif ! awk '$5 == "/wallet" { found = 1 } END { exit !found }' /proc/self/mountinfo; then
            echo "skycoin-cli: WARNING: /wallet is no volume: $file is lost with this container; add -v skycoin-wallet:/wallet." >&2
        fi
    done
fi
exec /usr/bin/skycoin-cli "$@"
