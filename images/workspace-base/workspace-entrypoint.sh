#!/bin/sh
# Runs a command in the workspace as the person whose folder is mounted at /work.
#
# Started with ids of a person (--user, or the image's own), it gives them a name. Started as root, it
# starts the image's engine where there is one, then goes on with the ids in WORKSPACE_USER, by default
# those of the folder's owner. Nothing in here can become root again: no file is setuid.
set -eu
start=/usr/local/lib/workspace/start
uid=$(id -u)
gid=$(id -g)

fail() {
    echo "workspace: $1" >&2
    exit 1
}

# libnss-extrausers: a second passwd file, which any id may write and no id below 500 is taken from.
give_a_name() {
    getent passwd "$uid" > /dev/null ||
        echo "developer:x:$uid:$gid:developer:$HOME:/bin/bash" >> /var/lib/extrausers/passwd || :
    getent group "$gid" > /dev/null ||
        echo "developer:x:$gid:" >> /var/lib/extrausers/group || :
}

# skycoin:build-ca comes in pieces, for a variable holds 128 KiB. Programs read one file: Debian's, then these.
join_authorities() {
    [ -n "${WORKSPACE_CA_0:-}" ] || return 0
    number=0
    {
        cat /etc/ssl/certs/ca-certificates.crt
        while eval "piece=\${WORKSPACE_CA_$number:-}" && [ -n "$piece" ]; do
            printf %s "$piece"
            unset "WORKSPACE_CA_$number"
            number=$((number + 1))
        done
    } > /var/lib/workspace/authorities.crt
}

join_authorities
if [ "$uid" != 0 ]; then
    if [ -x "$start" ]; then
        fail "its Docker engine starts as root: leave --user out, and give -e WORKSPACE_USER=$uid:$gid"
    fi
    give_a_name
    exec "$@"
fi
ids=${WORKSPACE_USER:-$(stat -c %u:%g /work)}
uid=${ids%%:*}
gid=${ids#*:}
case $ids in
*[!0-9:]* | :* | *: | *:*:*) ids='' ;;
esac
case $ids in
*:*) ;;
*) fail "WORKSPACE_USER is '${WORKSPACE_USER:-}'; it is UID:GID, such as 1000:1000" ;;
esac
if [ -x "$start" ]; then
    "$start" "$gid" || fail "its Docker engine did not start; its last words are above"
fi
[ "$uid" != 0 ] || exec "$@"
give_a_name
exec setpriv --reuid "$uid" --regid "$gid" --clear-groups --inh-caps=-all --bounding-set=-all --no-new-privs "$@"
