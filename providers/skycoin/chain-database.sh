#!/bin/sh
# Looks after the chain database of a node, in its volume at /data; run by chain_database.py in a node's image.
# $1:
#   look        print VERSION KIBIBYTES FREE: the version that a node has written into the database (- for none),
#               its size, and what is free beside it; nothing where there is no database
#   begin       the same, after the copy of an earlier handover is removed
#   keep        copy the database: to its own name only when it is whole; print how far it is, again and again
#   put-back    let the copy, where there is one, take the database's place
#   forget      remove the copy
# `look` and `begin` exit with 77 (EX_NOPERM of sysexits.h) if a node could not read or write the database;
# `put-back` does if it can't see whether there is a copy.
# The file has Bolt's format (github.com/boltdb/bolt v1.3.1, db.go, page.go, bucket.go): pages, two of which are metas
# that take turns. The version is the value of "version" in the bucket "db_meta" (src/visor/meta.go of v0.27.1).
set -u
umask 077

# A node creates what is missing. `look` can't judge who owns an empty volume: Docker may give it to the image's user
# only when it is mounted for writing.
usable() {
    [ -x /data/. ] || return 1
    if [ ! -e /data/.skycoin ]; then [ "$1" = look ] || [ -w /data/. ] || return 1; fi
    for path in /data/.skycoin /data/.skycoin/data.db /data/.skycoin/peers.json; do
        [ -e "$path" ] || continue
        { [ -r "$path" ] && [ -w "$path" ]; } || return 1
        [ ! -d "$path" ] || [ -x "$path" ] || return 1
    done
}

case $1 in
look | begin) usable "$1" || exit 77 ;;
put-back) [ -x /data/. ] && { [ ! -e /data/.skycoin ] || [ -x /data/.skycoin/. ]; } || exit 77 ;;
esac
cd /data/.skycoin 2> /dev/null || exit 0
copy=data.db.before-upgrade

# shellcheck disable=SC2016 # awk's words, not the shell's
parser='
{ for (i = 1; i <= NF; i++) byte[count++] = $i }
function number(at, width,    sum) {
    sum = 0
    while (width--) sum = sum * 256 + byte[at + width]
    return sum
}
function text(at, width,    string) {
    string = ""
    while (width-- > 0) string = string sprintf("%c", byte[at++] + 0)
    return string
}
# A page or the same inside of a bucket: the value of a key, or the page where to go on.
function find(page, key,    kind, elements, at, name, next_page) {
    kind = number(page + 8, 2)
    elements = number(page + 10, 2)
    for (i = 0; i < elements; i++) {
        at = page + 16 + 16 * i
        if (kind == 2) {
            name = text(at + number(at + 4, 4), number(at + 8, 4))
            if (name == key) return at
        } else if (kind == 1) {
            name = text(at + number(at, 4), number(at + 4, 4))
            if (i == 0 || name "" <= key "") next_page = number(at + 8, 8)
        }
    }
    if (kind == 1 && elements) print "page", next_page, key
    return -1
}
function value(at) { return at + number(at + 4, 4) + number(at + 8, 4) }
END {
    # Magic, page size, root page and transaction of a meta.
    if (mode == "meta") {
        if (number(16, 4) == 3977042669) print number(24, 4), number(32, 8), number(64, 8)
        exit
    }
    at = find(0, wanted)
    if (at >= 0 && wanted == "db_meta") {
        if (number(value(at), 8)) { print "page", number(value(at), 8), "version"; exit }
        at = find(value(at) + 16, "version")
    }
    if (at >= 0) print "version", text(value(at), number(at + 12, 4))
}
'

# pages SIZE NUMBER COUNT: their bytes as numbers.
pages() { dd if=data.db bs="$1" skip="$2" count="$3" 2> /dev/null | od -An -v -tu1; }

meta() { pages "$1" "$2" 1 | head -n 5 | LC_ALL=C awk -v mode=meta "$parser"; }

version() {
    first=$(meta 4096 0)
    size=${first%% *}
    second=$(meta "${size:-4096}" 1)
    # shellcheck disable=SC2086 # three words each, or none
    set -- $first $second
    [ "$#" -ge 3 ] || return
    if [ "$#" -eq 6 ] && [ "$6" -gt "$3" ]; then shift 3; fi
    size=$1 page=$2 wanted=db_meta
    for _ in 1 2 3 4 5 6 7 8; do # pages deep
        # More than one page: what is in it may go on behind it.
        found=$(pages "$size" "$page" 4 | LC_ALL=C awk -v wanted="$wanted" "$parser")
        case $found in
        page*) found=${found#page } && page=${found% *} wanted=${found#* } ;;
        *) echo "${found#version }" && return ;;
        esac
    done
}

# Size of a file: busybox's `wc -c` reads all of it, which takes minutes on a card.
# shellcheck disable=SC2012 # the names are known, and `stat` is not everywhere the same
bytes() { ls -lnL "$1" 2> /dev/null | awk '{ print $5 }'; }

look() {
    [ -f data.db ] || return 0
    # A node that runs may write into the page of buckets between its address and itself.
    for _ in 1 2 3 4 5; do
        found=$(version)
        [ -z "$found" ] || break
    done
    echo "${found:--}" "$(($(bytes data.db) / 1024))" "$(df -Pk . | awk 'END { print $(NF - 2) }')"
}

keep() {
    copied=0 said=8+0
    # Into what is opened here: a partial copy that somebody removes meanwhile does not begin anew in the middle.
    exec 3> "$copy.partial"
    while [ "${said%% *}" = 8+0 ]; do
        said=$(dd if=data.db bs=1M skip="$copied" count=8 conv=fsync 2>&1 >&3) || { echo "$said" && return 1; }
        copied=$((copied + 8))
        echo "$copied MiB"
    done
    # A piece that was read in part ends it too.
    whole=$(bytes data.db) size=$(bytes "$copy.partial")
    if [ "$size" != "$whole" ]; then
        echo "the copy has ${size:-none} of the database's $whole bytes, and is removed"
        return 1
    fi
    mv "$copy.partial" "$copy" && sync
}

case $1 in
look) look ;;
begin) rm -f "$copy" "$copy.partial" && look ;;
keep) keep || { rm -f "$copy.partial" && exit 1; } ;;
put-back)
    rm -f "$copy.partial"
    [ ! -f "$copy" ] || { mv "$copy" data.db && sync; }
    ;;
forget) rm -f "$copy" "$copy.partial" ;;
esac
