#!/bin/sh
# Prints what clients/host_facts.py wants to know of a host, and changes nothing. It is the standard input of
# `sh -s` on the host, whose docker command is asked for its engine; with an argument, the folder of an engine's
# data, that engine was asked over its socket. Each part begins with a line `=skyinfra NAME`, the last is `end`.
# What a host lacks leaves its part empty. Of a container its name, state, restart policy, ports, mounts, rights and its
# image's title leave the host: its variables stay.
set -u
LC_ALL=C
export LC_ALL

part() { printf '\n=skyinfra %s\n' "$1"; }

root=${1-}
if [ -z "$root" ]; then
    part docker
    command -v docker
    part info
    info=$(docker info --format '{{json .}}')
    printf '%s\n' "$info"
    root=$(printf '%s\n' "$info" | sed -n 's/.*"DockerRootDir":"\([^"]*\)".*/\1/p')
    part containers
    ids=
    [ -z "$root" ] || ids=$(docker ps -aq --no-trunc)
    # shellcheck disable=SC2086 # ids, a word each
    [ -z "$ids" ] || docker container inspect $ids --format '{"Name":{{json .Name}},"Status":{{json .State.Status}},"Restart":{{json .HostConfig.RestartPolicy.Name}},"Ports":{{json .HostConfig.PortBindings}},"Mounts":{{json .Mounts}},"Title":{{json (index .Config.Labels "org.opencontainers.image.title")}},"Capabilities":{{json .HostConfig.CapAdd}},"Privileged":{{json .HostConfig.Privileged}}}'
fi
part kernel
uname -r
part user
id -un
part bits
# Where there is no getconf, the class of the shell's own ELF file: 1 or 2.
getconf LONG_BIT 2> /dev/null || od -A n -t u1 -j 4 -N 1 /bin/sh
part date
date +%s
part swap
grep '^SwapTotal:' /proc/meminfo
part listeners
# State 0A is LISTEN (proc(5)).
grep -h ' 0A ' /proc/net/tcp /proc/net/tcp6 2> /dev/null
part disk
# Some of the way there may be closed to this user.
while [ -n "$root" ] && ! df -P -k "$root" 2> /dev/null; do root=${root%/*}; done
part end
