"""Conversion of an inspected container to Pulumi's state, as the official plugin's Read does it. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from providers.container.container_schema import CONTAINER
from providers.container.creation import MEBIBYTE
from providers.container.schema import nanoseconds
from providers.kind import UNKNOWN, Values

DURATIONS: Mapping[str, str] = MappingProxyType(
    {
        "interval": "Interval",
        "timeout": "Timeout",
        "startPeriod": "StartPeriod",
        "startInterval": "StartInterval",
    }
)
"""Durations of a health check: name of the input → the engine's name."""
_UNITS = (("h", 3600 * 10**9), ("m", 60 * 10**9))


def outputs_of(known: Values, container: Values) -> Values:
    """All outputs of a container: the engine's values, and the known values for the rest.

    `known` is a plan or a state. Its environment variables and labels are kept, because the engine mixes the
    image's into them.
    """
    state = {key: None if known.get(key) == UNKNOWN else known.get(key) for key in CONTAINER}
    state |= {"envs": state["envs"] or [], "labels": state["labels"] or []}
    config, host = container["Config"], container["HostConfig"]
    return {
        **state,
        **_identity_outputs(container),
        **_config_outputs(config),
        **_host_outputs(state, host),
        **_runtime_outputs(state, container),
    }


def as_read_back(state: Values) -> Values:
    """Convert a state to what a refresh would write: capabilities with `CAP_`, all durations in Go's form.

    Version 0.1.0 stored them as the program gave them.
    """
    result = dict(state)
    if capabilities := state.get("capabilities"):
        known = {key: capabilities.get(key) or [] for key in ("adds", "drops")}
        result["capabilities"] = {key: [_capability(name) for name in names] for key, names in known.items()}
    if check := state.get("healthcheck"):
        durations = {key: duration(nanoseconds(check.get(key) or "")) for key in DURATIONS}
        result["healthcheck"] = {"retries": 0} | check | durations
    return result


def _capability(name: str) -> str:
    return name if name == "ALL" or name.startswith("CAP_") else f"CAP_{name}"


def _identity_outputs(container: Values) -> Values:
    config = container["Config"]
    return {
        "id": container["Id"],
        "name": container["Name"].lstrip("/"),
        "image": config["Image"],
        "platform": container.get("Platform", ""),
    }


def _config_outputs(config: Values) -> Values:
    values = {
        "hostname": config.get("Hostname", ""),
        "domainname": config.get("Domainname", ""),
        "command": config.get("Cmd") or [],
        "entrypoints": config.get("Entrypoint") or [],
        "user": config.get("User", ""),
        "workingDir": config.get("WorkingDir", ""),
        "tty": config.get("Tty", False),
        "stdinOpen": config.get("OpenStdin", False),
        "stopSignal": config.get("StopSignal", ""),
        "stopTimeout": config.get("StopTimeout") or 0,
    }
    check = config.get("Healthcheck")
    return values | ({"healthcheck": _healthcheck(check)} if check else {})


def _healthcheck(check: Values) -> Values:
    texts = {key: duration(check.get(name) or 0) for key, name in DURATIONS.items()}
    return {"tests": check.get("Test") or [], "retries": check.get("Retries", 0), **texts}


def duration(nanoseconds: int) -> str:
    """Format a duration as Go does: 1m0s, 1h0m0s, 1.5s, 500ms, 0s."""
    if nanoseconds < 10**9:
        for unit, size in (("ms", 10**6), ("µs", 10**3), ("ns", 1)):
            if nanoseconds >= size:
                return f"{_decimal(nanoseconds, size)}{unit}"
        return "0s"
    text, rest = "", nanoseconds
    for unit, size in _UNITS:
        if text or rest >= size:
            text, rest = f"{text}{rest // size}{unit}", rest % size
    return f"{text}{_decimal(rest, 10**9)}s"


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    fraction = str(rest).rjust(len(str(size)) - 1, "0").rstrip("0")
    return f"{whole}.{fraction}" if fraction else str(whole)


def _host_outputs(state: Values, host: Values) -> Values:
    return {
        "rm": host["AutoRemove"],
        "readOnly": host["ReadonlyRootfs"],
        "dns": host.get("Dns") or [],
        "dnsOpts": host.get("DnsOptions") or [],
        "dnsSearches": host.get("DnsSearch") or [],
        "securityOpts": host.get("SecurityOpt") or [],
        "publishAllPorts": host.get("PublishAllPorts", False),
        "restart": host["RestartPolicy"]["Name"] or "no",
        "maxRetryCount": host["RestartPolicy"].get("MaximumRetryCount", 0),
        "init": bool(host.get("Init")),
        "runtime": host.get("Runtime", ""),
        "mounts": [_mount(mount) for mount in host.get("Mounts") or []],
        "tmpfs": host.get("Tmpfs") or {},
        "hosts": [
            dict(zip(("host", "ip"), entry.split(":", 1), strict=True))
            for entry in host.get("ExtraHosts") or []
        ],
        "privileged": host.get("Privileged", False),
        "memory": host["Memory"] // MEBIBYTE,
        "memoryReservation": (host.get("MemoryReservation") or 0) // MEBIBYTE,
        "memorySwap": _swap(host.get("MemorySwap") or 0),
        "shmSize": (host.get("ShmSize") or 0) // MEBIBYTE,
        "cpuShares": host.get("CpuShares", 0),
        "cpuSet": host.get("CpusetCpus", ""),
        "logDriver": host["LogConfig"]["Type"],
        "logOpts": (host["LogConfig"].get("Config") or {}) if state.get("logOpts") else {},
        "storageOpts": host.get("StorageOpt") or {},
        "networkMode": host["NetworkMode"],
        "usernsMode": host.get("UsernsMode", ""),
        "sysctls": host.get("Sysctls") or {},
        "ipcMode": host.get("IpcMode", ""),
        "groupAdds": host.get("GroupAdd") or [],
        **_outputs_if_given(state, host),
    }


def _outputs_if_given(state: Values, host: Values) -> Values:
    """Values that are in the state only if they were given."""
    values: Values = {}
    adds, drops = host.get("CapAdd") or [], host.get("CapDrop") or []
    if adds or drops:
        values["capabilities"] = {"adds": adds, "drops": drops}
    if state.get("ulimits"):
        limits = host.get("Ulimits") or []
        values["ulimits"] = [
            {"name": limit["Name"], "soft": limit["Soft"], "hard": limit["Hard"]} for limit in limits
        ]
    return values


def _swap(swap: int) -> int:
    return swap // MEBIBYTE if swap > 0 else swap


def _mount(mount: Values) -> Values:
    options = dict.fromkeys(("bindOptions", "volumeOptions", "tmpfsOptions"))
    return {
        "type": mount["Type"],
        "source": mount.get("Source", ""),
        "target": mount["Target"],
        "readOnly": mount.get("ReadOnly", False),
        **options,
    }


def _runtime_outputs(state: Values, container: Values) -> Values:
    network, runs = container["NetworkSettings"], container["State"]["Running"]
    values: Values = {
        "bridge": network.get("Bridge", ""),
        "networkDatas": [
            _network(name, entry) for name, entry in sorted((network.get("Networks") or {}).items())
        ],
    }
    if not runs:
        return {**values, "mustRun": False, "exitCode": container["State"]["ExitCode"]}
    # The engine reports no ports of a stopped container. The state keeps them, because they return when the
    # container starts.
    return {**values, "ports": _ports(network.get("Ports") or {})} if state.get("ports") else values


def _network(name: str, entry: Values) -> Values:
    return {
        "networkName": name,
        "ipAddress": entry.get("IPAddress", ""),
        "ipPrefixLength": entry.get("IPPrefixLen", 0),
        "gateway": entry.get("Gateway", ""),
        "globalIpv6Address": entry.get("GlobalIPv6Address", ""),
        "globalIpv6PrefixLength": entry.get("GlobalIPv6PrefixLen", 0),
        "ipv6Gateway": entry.get("IPv6Gateway", ""),
        "macAddress": entry.get("MacAddress", ""),
    }


def _ports(ports: dict[str, Any]) -> list[Values]:
    keys = ((int(key.partition("/")[0]), key.partition("/")[2], bindings) for key, bindings in ports.items())
    return [
        {
            "internal": internal,
            "external": int(binding["HostPort"]),
            "ip": binding["HostIp"],
            "protocol": protocol,
        }
        for internal, protocol, bindings in sorted(keys, key=lambda key: key[:2])
        for binding in bindings or []
    ]
