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
exec /usr/bin/skycoin-cli "$@"
