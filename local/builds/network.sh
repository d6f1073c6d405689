#!/bin/sh
# Root's part of network.py. `up BRIDGE GATEWAY OWNER NAMESERVER...` creates or repairs the bridge of
# build steps and its rules; `down BRIDGE` removes both. The rules that deny are in the table mangle, because
# no other program writes there, and because it comes before filter, where engines insert rules that accept.
set -eu
command=$1
bridge=$2

add() {
    table=$1 chain=$2
    shift 2
    iptables -w -t "$table" -C "$chain" "$@" 2>/dev/null || iptables -w -t "$table" -I "$chain" "$@"
}

remove() {
    table=$1 chain=$2
    shift 2
    while iptables -w -t "$table" -D "$chain" "$@" 2>/dev/null; do :; done
}

each_jump() {
    "$1" mangle INPUT -i "$bridge" -j "$bridge-input"
    "$1" mangle FORWARD -i "$bridge" -j "$bridge-from"
    "$1" mangle FORWARD -o "$bridge" -j "$bridge-to"
    "$1" nat PREROUTING -i "$bridge" -j "$bridge-dns"
    "$1" nat POSTROUTING -j "$bridge-out"
    # For firewalls that deny by default: accept everything that mangle has not dropped.
    "$1" filter FORWARD -i "$bridge" -j ACCEPT
    "$1" filter FORWARD -o "$bridge" -j ACCEPT
    "$1" filter INPUT -i "$bridge" -p udp --dport 53 -j ACCEPT
    "$1" filter INPUT -i "$bridge" -p tcp --dport 53 -j ACCEPT
}

mangle_rules() {
    echo "*mangle"
    printf ':%s - [0:0]\n' "$bridge-input" "$bridge-from" "$bridge-to"
    for nameserver; do
        echo "-A $bridge-input -d $nameserver -p udp --dport 53 -j RETURN"
        echo "-A $bridge-input -d $nameserver -p tcp --dport 53 -j RETURN"
    done
    echo "-A $bridge-input -j DROP"
    echo "-A $bridge-from ! -s $subnet -j DROP"
    # Some paths have a smaller MTU than Ethernet, and not every server gets the ICMP messages that say so.
    echo "-A $bridge-from -p tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu"
    # No access to ports that this machine publishes for containers.
    echo "-A $bridge-from -m conntrack --ctstate DNAT -j DROP"
    # A cloud's metadata service hands out credentials. If it is the resolver too, only DNS is allowed.
    for nameserver; do
        case $nameserver in
            169.254.*)
                echo "-A $bridge-from -d $nameserver -p udp --dport 53 -j RETURN"
                echo "-A $bridge-from -d $nameserver -p tcp --dport 53 -j RETURN"
                ;;
        esac
    done
    echo "-A $bridge-from -d 169.254.0.0/16 -j DROP"
    for uplink in $(ip -4 route show default | sed -n 's/.* dev \([^ ]*\).*/\1/p' | sort -u); do
        echo "-A $bridge-from -o $uplink -j RETURN"
    done
    # No access to networks of containers: of the machine's engine, of set-ups' engines, of other builders.
    for containers in docker0 br-+ skycoin+ skybuild+; do
        echo "-A $bridge-from -o $containers -j DROP"
    done
    echo "-A $bridge-to -m conntrack --ctstate RELATED,ESTABLISHED -j RETURN"
    echo "-A $bridge-to -j DROP"
    echo COMMIT
}

nat_rules() {
    echo "*nat"
    printf ':%s - [0:0]\n' "$bridge-dns" "$bridge-out"
    for nameserver; do
        case $nameserver in
            127.*)
                echo "-A $bridge-dns -d $gateway -p udp --dport 53 -j DNAT --to-destination $nameserver"
                echo "-A $bridge-dns -d $gateway -p tcp --dport 53 -j DNAT --to-destination $nameserver"
                ;;
        esac
    done
    echo "-A $bridge-out -s $subnet ! -o $bridge -j MASQUERADE"
    echo COMMIT
}

# IPv6 is disabled on the bridge (below). If another program enables it again, these rules drop everything;
# kernels that don't support them rely on the first measure alone.
each_ipv6_rule() {
    [ -e /proc/net/if_inet6 ] && command -v ip6tables >/dev/null || return 0
    for chain in INPUT FORWARD; do
        ip6tables -w -t mangle "$1" "$chain" -i "$bridge" -j DROP 2>/dev/null || true
    done
}

set_to_1() {
    if [ -e "$1" ] && [ "$(cat "$1")" != 1 ]; then echo 1 >"$1"; fi
}

up() {
    gateway=$1 owner=$2 subnet=${1%.*}.0/24
    shift 2
    if ! ip link show dev "$bridge" >/dev/null 2>&1; then
        ip link add name "$bridge" type bridge
        ip link set dev "$bridge" alias "$owner"
    fi
    if [ "$(ip -o link show dev "$bridge" | sed -n 's/.*alias //p')" != "$owner" ]; then
        echo "Another set-up has just made $bridge: run the same command again, which takes another number."
        exit 1
    fi
    { mangle_rules "$@" && nat_rules "$@"; } | iptables-restore -w --noflush
    each_jump add
    each_ipv6_rule -D
    each_ipv6_rule -I
    # Without IPv6, build steps can't reach this machine's IPv6 addresses, which the rules do not cover.
    set_to_1 "/proc/sys/net/ipv6/conf/$bridge/disable_ipv6"
    set_to_1 /proc/sys/net/ipv4/ip_forward
    case " $*" in *" 127."*) set_to_1 "/proc/sys/net/ipv4/conf/$bridge/route_localnet" ;; esac
    ip addr replace "$gateway/24" dev "$bridge"
    ip link set dev "$bridge" up
}

down() {
    each_jump remove
    each_ipv6_rule -D
    for chain in mangle:input mangle:from mangle:to nat:dns nat:out; do
        iptables -w -t "${chain%:*}" -F "$bridge-${chain#*:}"
        iptables -w -t "${chain%:*}" -X "$bridge-${chain#*:}"
    done 2>/dev/null || true
    # Removed last, because leftovers are found by its alias.
    ip link delete dev "$bridge"
    # Folders where the CNI plugins record what is attached.
    rmdir /var/lib/cni/results /var/lib/cni 2>/dev/null || true
}

shift 2
"$command" "$@"
