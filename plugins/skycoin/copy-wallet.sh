#!/bin/sh
# Copies /wallet into a folder of /data that is named by the time, $1; run by wallet_backup.py in the
# node's image, whose busybox has no JSON parser. The last line printed is the newest copy's name.
# $2 is new-wallet where a wallet that lost all of its files is accepted. The volume of copies is
# mounted at /data, whose owner in the image an empty volume takes over.
set -u
umask 077

# A wallet is a JSON object. Without its strings, a whole one has as many closing brackets as opening
# ones, and no part of its beginning has; a block of zeros is what a power cut leaves of a file.
is_whole() {
    [ "$(tr -d '\000' < "$1" | wc -c)" -eq "$(wc -c < "$1")" ] || return 1
    awk '{ text = text $0 } END {
        gsub(/\\./, "", text); gsub(/"[^"]*"/, "", text); gsub(/[ \t\r]/, "", text)
        shape = text ~ /^[{].*[}]$/; opened = gsub(/[{[]/, "", text); closed = gsub(/[]}]/, "", text)
        exit !(shape && opened == closed && text !~ /"/)
    }' "$1"
}

wallets() { find "$1" -name '*.wlt' -type f | wc -l; }

copies() { find /data -mindepth 1 -maxdepth 1 -type d -name '[0-9]*Z*' | sed 's|.*/||' | sort -r; }

found=$(ls -A /wallet) || exit 1
for file in /wallet/*.wlt; do
    [ -e "$file" ] || continue
    is_whole "$file" || { echo "${file#/wallet/}"; exit 65; }
done

if [ "$(wallets /wallet)" -eq 0 ]; then
    for copy in $(copies); do
        case $copy in *-new-wallet) break ;; esac
        [ "$(wallets "/data/$copy")" -gt 0 ] || continue
        [ "$2" = new-wallet ] || { echo "$copy"; exit 66; }
        # An empty copy: older ones are no longer what this wallet must hold.
        mkdir "/data/$1-new-wallet" && sync || exit 1
        break
    done
fi
[ -n "$found" ] || exit 0

newest=$(copies | head -n 1)
if [ -n "$newest" ] && diff -r /wallet "/data/$newest" > /dev/null; then echo "$newest"; exit 0; fi
trap 'rm -rf /data/.partial' EXIT
# The node may save a wallet meanwhile, in place and not in one piece: what is copied must still be
# there afterwards, or it is copied again.
for _ in 1 2 3 4 5; do
    rm -rf /data/.partial && mkdir /data/.partial && cp -a /wallet/. /data/.partial/ || exit 1
    if diff -r /wallet /data/.partial > /dev/null; then
        sync && mv /data/.partial "/data/$1" && sync && echo "$1"
        exit
    fi
    sleep 1
done
echo "the wallet changes all the time"
exit 1
