#!/bin/sh
# Copies /wallet into a folder of /data, the volume of copies. wallet_copy.py runs it in the node's image. The last line
# that it prints is the name of the newest copy. Arguments:
#   $1  name of the folder: the time
#   $2  `new-wallet` if a wallet that has lost all of its files is accepted; `compare` to write nothing, and print the name
#       of the newest copy only if it equals the wallet
#   $3  the script clients/wallet-fingerprint.sh
#   $4  how many of the newest copies stay
# An empty volume takes over the owner that /data has in the image.
set -u
umask 077

# Names of wallet files that are not whole, by the script that reads every one of them ($3).
damaged() {
    read=$(cd /wallet && sh -c "$1" fingerprint "") || return 1
    case $read in *end) ;; *) return 1 ;; esac
    printf '%s\n' "$read" | awk -F '\t' '
        $1 == "damaged" { print $2 }
        $1 == "file" && $3 ~ /wlt$/ { name[$2] = $3 }
        $1 == "type" { delete name[$2] }
        END { for (number in name) print name[number] }' | sort
}

# A volume that is a file system of its own has a folder that only root can read. Its id is no wallet's.
names() {
    find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name '.skyinfra-id*' | sed 's|.*/||' | sort
}

wallets() { find "$1" -maxdepth 1 -name '*wlt' -type f | wc -l; }

# Folders of other names are somebody's own.
copies() {
    time='[0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]-[0-9][0-9]-[0-9][0-9]Z'
    find /data -mindepth 1 -maxdepth 1 -type d \( -name "$time" -o -name "$time-new-wallet" \) |
        sed 's|.*/||' | sort -r
}

# Addresses, seed and keys of a wallet, one a line, and a line if it is encrypted.
held() {
    tr ',{}' '\n' < "$1" | awk -F '"' '
        $1 ~ /[^ \t\r]/ || $4 == "" { next }
        $2 == "secrets" { print "encrypted" }
        $2 ~ /^(address|seed|secret_key|secret|private_key)$/ { print $2, $4 }'
}

# True if another copy has each wallet of this one, by its file name, with all that it holds. What is readable counts as
# more than what is encrypted, because the password may be lost.
is_held_by() {
    for file in "/data/$1"/*wlt "/data/$1"/.*wlt; do
        [ -f "$file" ] || continue
        heir=/data/$2/${file##*/}
        [ -f "$heir" ] || return 1
        { held "$heir" && echo && held "$file"; } |
            awk '
                $0 == "" { is_old = 1; next }
                is_old && $0 == "encrypted" && is_readable { next }
                is_old && !($0 in heir) { exit 1 }
                { heir[$0] }
                !is_old && $1 ~ /^(seed|secret_key|secret|private_key)$/ { is_readable = 1 }' || return 1
    done
}

has_heir() {
    for heir_of in $2; do
        if is_held_by "$1" "$heir_of"; then return; fi
    done
    return 1
}

is_same() {
    [ "$(names "$1")" = "$(names "$2")" ] || return 1
    names "$1" | while IFS= read -r name; do
        if [ -L "$1/$name" ]; then
            [ "$(readlink "$1/$name")" = "$(readlink "$2/$name")" ] || exit 1
        else
            diff -r "$1/$name" "$2/$name" > /dev/null || exit 1
        fi
    done
}

copy() {
    rm -rf /data/.partial && mkdir /data/.partial || return 1
    names /wallet | while IFS= read -r name; do
        cp -a "/wallet/$name" /data/.partial/ || exit 1
    done
}

# Besides the newest, these stay: the first copy, the last one before each start with an empty wallet, and each with a
# wallet, an address, a readable seed or a key that no newer one has. A copy is renamed before it is removed, so that no
# name leads to a part of one.
prune() {
    rm -rf /data/.removed
    kept=0 newer='' heirs='' first=$(copies | tail -n 1)
    for copy in $(copies); do
        case $copy/$newer in
            */*-new-wallet | *-new-wallet/*) newer=$copy && continue ;;
        esac
        newer=$copy kept=$((kept + 1))
        if [ "$kept" -le "$1" ] || [ "$copy" = "$first" ] || ! has_heir "$copy" "$heirs"; then
            heirs="$heirs $copy"
            continue
        fi
        mv "/data/$copy" /data/.removed && rm -rf /data/.removed || return 1
    done
}

# Copies are ordered by their names: one with an earlier time than the newest would never be the newest.
is_later() {
    if [ "$(printf '%s\n' "$newest" "$1" | sort | tail -n 1)" != "$newest" ]; then return; fi
    case $newest in "$1" | "$1-new-wallet") exit 75 ;; esac
    echo "it is $1, and the newest copy is of $newest: set the clock where pulumi runs, or rename that copy to an earlier time"
    return 1
}

ls -A /wallet > /dev/null || exit 1
if [ -e /wallet/.restoring ]; then
    echo "a restore of this wallet was interrupted: run it again, which finishes it"
    exit 1
fi
# A pipe is read without end.
odd=$(find /wallet -name lost+found -prune -o ! -type f ! -type d ! -type l -print | head -n 1)
[ -z "$odd" ] || { echo "${odd#/wallet/} is neither a file nor a folder: move it out of the volume"; exit 1; }
for file in /wallet/*wlt /wallet/.*wlt; do
    [ -f "$file" ] || continue
    [ -r "$file" ] || { echo "${file#/wallet/} can't be read by the node's user"; exit 1; }
done
# The node may be saving a wallet at this moment, in place and not in one piece.
for _ in 1 2 3 4 5; do
    torn=$(damaged "$3") || { echo "the wallets can't be read"; exit 1; }
    [ -n "$torn" ] || break
    sleep 1
done
[ -z "$torn" ] || { echo "$torn" | head -n 1; exit 65; }

newest=$(copies | head -n 1) marked=''
if [ "$2" = compare ]; then
    if [ -z "$newest" ] || ! is_same /wallet "/data/$newest"; then exit 0; fi
    echo "$newest"
    exit
fi
if [ "$(wallets /wallet)" -eq 0 ]; then
    for copy in $(copies); do
        case $copy in *-new-wallet) break ;; esac
        [ "$(wallets "/data/$copy")" -gt 0 ] || continue
        [ "$2" = new-wallet ] || { echo "$copy"; exit 66; }
        # An empty copy marks that older ones are no longer what this wallet must hold.
        is_later "$1-new-wallet" && mkdir "/data/$1-new-wallet" && sync || exit 1
        newest=$1-new-wallet marked=1
        break
    done
fi
[ -n "$(names /wallet)" ] || exit 0

if [ -n "$newest" ] && is_same /wallet "/data/$newest"; then echo "$newest"; exit 0; fi
[ -z "$marked" ] || { echo; exit 0; }
is_later "$1" || exit 1
trap 'rm -rf /data/.partial' EXIT
# The node may save a wallet in the meantime, in place and not in one piece: if the copy differs from the volume
# afterwards, it is made again.
for _ in 1 2 3 4 5; do
    copy || exit 1
    if is_same /wallet /data/.partial; then
        sync && mv /data/.partial "/data/$1" && sync && prune "$4" && echo "$1"
        exit
    fi
    sleep 1
done
echo "the wallet changes all the time"
exit 1
