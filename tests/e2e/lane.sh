#!/bin/sh
# lane.sh N COMMAND...: run a command of the tests in a lane, N from 2 to 9: namespaces of processes, mounts and network,
# and a home of its own, so that another session can run next to it with the same ports, names and addresses. It reaches
# what this machine reaches, by NAT. Processes that still run in it when the command ends are stopped.
set -eu
number=$1
shift
lane=skylane$number
link=10.207.$number
home=${SKYCOIN_TEST_HOME:-${XDG_CACHE_HOME:-$HOME/.cache}/skycoin-infrastructure/test}
export SKYCOIN_TEST_HOME="$home-lane-$number"
mkdir -p "$SKYCOIN_TEST_HOME" /etc/docker

install() {
    cache=${SKYCOIN_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/skycoin-infrastructure}
    mkdir -p "$cache/locks"
    # Standard input and output are pytest's, which speaks with its worker by them.
    DEBIAN_FRONTEND=noninteractive flock "$cache/locks/debian-packages" \
        sh -c "apt-get update -q && apt-get install -q -y iptables iproute2" </dev/null >&2
}

rules() {
    iptables -w -t nat "-$1" POSTROUTING -s "$link.0/24" ! -o "$lane" -j MASQUERADE
    iptables -w "-$1" FORWARD -i "$lane" -j ACCEPT
    iptables -w "-$1" FORWARD -o "$lane" -j ACCEPT
}

leave() {
    ip link delete "$lane" 2>/dev/null || true
    ip netns delete "$lane" 2>/dev/null || true
    while rules D 2>/dev/null; do :; done
}

# The tier is skipped there with a message (conftest.py).
if [ "$(id -u)" != 0 ] || ! command -v dpkg-query >/dev/null; then exec "$@"; fi
if ! command -v iptables || ! command -v ip; then install; fi >/dev/null
leave
trap leave EXIT
trap : INT TERM
ip netns add "$lane"
ip link add "$lane" type veth peer name eth0 netns "$lane"
ip addr add "$link.1/24" dev "$lane"
ip link set "$lane" up
for command in "addr add $link.2/24 dev eth0" "link set eth0 up" "link set lo up" "route add default via $link.1"; do
    # shellcheck disable=SC2086
    ip -n "$lane" $command
done
echo 1 >/proc/sys/net/ipv4/ip_forward
rules A

# /sys shows the links of the namespace that it was mounted in; with it comes no cgroup of version 1. A resolver on
# this machine's loopback is not the lane's.
# shellcheck disable=SC2016
nsenter --net="/run/netns/$lane" unshare --mount --pid --fork --mount-proc --kill-child sh -c '
    set -eu
    mount --make-rprivate /
    cgroups=$SKYCOIN_TEST_HOME/cgroups
    mkdir -p "$cgroups"
    mount --rbind /sys/fs/cgroup "$cgroups"
    mount -t sysfs sysfs /sys
    mount --rbind "$cgroups" /sys/fs/cgroup
    if grep -q "^nameserver 127\." /etc/resolv.conf && test -e /run/systemd/resolve/resolv.conf; then
        mount --bind /run/systemd/resolve/resolv.conf "$(readlink -f /etc/resolv.conf)"
    fi
    mkdir -p /run/netns
    mount -t tmpfs tmpfs /run/netns
    mount -t tmpfs tmpfs /etc/docker
    # The first process stays this shell, which collects what daemons leave behind: a worker would not.
    "$@" || exit $?
' sh "$@"
