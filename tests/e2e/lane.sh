#!/bin/sh
# lane.sh N COMMAND...: run a test command in lane N (2 to 9). A lane has its own home, and its own namespaces of
# processes, mounts and network, so that several can run at once with the same ports, names and addresses. It reaches
# by NAT whatever this machine reaches. When the command ends, everything that still runs in the lane is stopped.
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
    # Standard input and output are for pytest and its worker, which communicate over them.
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

# Without root or Debian, no lane is needed: the tests skip themselves with a message (conftest.py).
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

# A new sysfs is mounted because /sys shows the links of the network namespace in which it was mounted; it has no
# cgroup v1, so the cgroup mounts are carried over. A resolver on this machine's loopback can't be reached from a lane.
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
    # This shell remains the first process and reaps orphaned children of daemons, which a worker would not do.
    "$@" || exit $?
' sh "$@"
