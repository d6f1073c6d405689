"""A container's inputs as the engine wants them, and an inspection as the state wants it. Pure."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from plugins.base import ProviderError, Values

MEBIBYTE = 1024 * 1024
NANOSECONDS = MappingProxyType({"ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9})

REPLACING = (
    "image name command entrypoints envs labels user workingDir hostname readOnly privileged capabilities "
    "securityOpts mounts tmpfs ports networkMode logDriver logOpts stopSignal stopTimeout ulimits init "
    "healthcheck shmSize groupAdds"
).split()
"""Inputs whose change makes a new container (ForceNew in the official plugin)."""

IN_PLACE = (
    "restart maxRetryCount memory memorySwap cpuShares cpuSet mustRun start wait waitTimeout "
    "destroyGraceSeconds removeVolumes attach logs rm containerReadRefreshTimeoutMilliseconds"
).split()

INPUTS = (*REPLACING, *IN_PLACE)

DEFAULTS: Mapping[str, Any] = MappingProxyType(
    {
        "attach": False,
        "logs": False,
        "mustRun": True,
        "start": True,
        "wait": False,
        "waitTimeout": 60,
        "restart": "no",
        "removeVolumes": True,
        "networkMode": "bridge",
        "readOnly": False,
        "rm": False,
        "containerReadRefreshTimeoutMilliseconds": 15000,
    }
)
"""Of resource_docker_container.go."""


def nanoseconds(duration: str) -> int:
    """A Go duration such as `1m30s` in nanoseconds. Raises ProviderError."""
    total, number = 0, ""
    rest = duration
    while rest:
        for unit in ("ms", "s", "m", "h"):
            if number and rest.startswith(unit):
                total += int(number) * NANOSECONDS[unit]
                number, rest = "", rest[len(unit) :]
                break
        else:
            if not rest[0].isdigit():
                break
            number, rest = number + rest[0], rest[1:]
    if rest or number:
        raise ProviderError(f"{duration!r} is no duration: write 500ms, 10s, 1m30s or 1h")
    return total


def restart_policy(inputs: Values) -> Values:
    """The engine's restart policy."""
    return {"Name": inputs.get("restart") or "no", "MaximumRetryCount": inputs.get("maxRetryCount") or 0}


def creation(inputs: Values) -> Values:
    """Body of POST /containers/create."""
    body: Values = {
        "Image": inputs["image"],
        "Cmd": inputs.get("command"),
        "Entrypoint": inputs.get("entrypoints"),
        "Env": inputs.get("envs"),
        "User": inputs.get("user"),
        "WorkingDir": inputs.get("workingDir"),
        "Hostname": inputs.get("hostname"),
        "Labels": {entry["label"]: entry["value"] for entry in inputs.get("labels", [])},
        "StopSignal": inputs.get("stopSignal"),
        "StopTimeout": inputs.get("stopTimeout"),
        "ExposedPorts": {_port_key(port): {} for port in inputs.get("ports", [])},
        "Healthcheck": _healthcheck(inputs.get("healthcheck")),
        "HostConfig": _host_config(inputs),
    }
    return {key: value for key, value in body.items() if value is not None}


def _port_key(port: Values) -> str:
    return f"{port['internal']}/{port.get('protocol') or 'tcp'}"


def _healthcheck(check: Values | None) -> Values | None:
    if check is None:
        return None
    return {
        "Test": check["tests"],
        "Interval": nanoseconds(check.get("interval", "")),
        "Timeout": nanoseconds(check.get("timeout", "")),
        "StartPeriod": nanoseconds(check.get("startPeriod", "")),
        "Retries": check.get("retries", 0),
    }


def _host_config(inputs: Values) -> Values:
    capabilities = inputs.get("capabilities") or {}
    config: Values = {
        "NetworkMode": inputs["networkMode"],
        "RestartPolicy": restart_policy(inputs),
        "AutoRemove": inputs["rm"],
        "ReadonlyRootfs": inputs["readOnly"],
        "Privileged": bool(inputs.get("privileged")),
        "CapAdd": capabilities.get("adds"),
        "CapDrop": capabilities.get("drops"),
        "SecurityOpt": inputs.get("securityOpts"),
        "Tmpfs": inputs.get("tmpfs"),
        "Mounts": [_mount(mount) for mount in inputs.get("mounts", [])],
        "Memory": (inputs.get("memory") or 0) * MEBIBYTE,
        "MemorySwap": (inputs.get("memorySwap") or 0) * MEBIBYTE,
        "CpuShares": inputs.get("cpuShares") or 0,
        "CpusetCpus": inputs.get("cpuSet") or "",
        "ShmSize": (inputs.get("shmSize") or 0) * MEBIBYTE,
        "GroupAdd": inputs.get("groupAdds"),
        "Init": bool(inputs.get("init")),
        "LogConfig": {"Type": inputs.get("logDriver") or "", "Config": inputs.get("logOpts") or {}},
        "Ulimits": [
            {"Name": limit["name"], "Soft": limit["soft"], "Hard": limit["hard"]}
            for limit in inputs.get("ulimits", [])
        ],
    }
    if bindings := _bindings(inputs.get("ports", [])):
        config["PortBindings"] = bindings
    return {key: value for key, value in config.items() if value is not None}


def _bindings(ports: list[Values]) -> Values:
    bindings: Values = {}
    for port in ports:
        bindings.setdefault(_port_key(port), []).append(
            {"HostIp": port.get("ip") or "0.0.0.0", "HostPort": str(port.get("external") or "")}
        )
    return bindings


def _mount(mount: Values) -> Values:
    return {
        "Type": mount["type"],
        "Source": mount.get("source"),
        "Target": mount["target"],
        "ReadOnly": bool(mount.get("readOnly")),
    }


def state_of(inputs: Values, found: Values) -> Values:
    """State: the inputs, corrected by what the engine says, and the computed outputs."""
    config, host, network = found["Config"], found["HostConfig"], found["NetworkSettings"]
    state = {
        **inputs,
        "name": found["Name"].lstrip("/"),
        "image": config["Image"],
        "networkMode": host["NetworkMode"],
        "readOnly": host["ReadonlyRootfs"],
        "restart": host["RestartPolicy"]["Name"] or "no",
        "rm": host["AutoRemove"],
        "mustRun": bool(inputs.get("mustRun", True)) and found["State"]["Running"],
        # Computed.
        "bridge": network.get("Bridge", ""),
        "command": config.get("Cmd") or [],
        "entrypoints": config.get("Entrypoint") or [],
        "hostname": config.get("Hostname", ""),
        "exitCode": found["State"]["ExitCode"],
        "runtime": host.get("Runtime", ""),
        "platform": found.get("Platform", ""),
        "ipcMode": host.get("IpcMode", ""),
        "networkDatas": [
            {
                "networkName": name,
                "ipAddress": entry.get("IPAddress", ""),
                "ipPrefixLength": entry.get("IPPrefixLen", 0),
                "gateway": entry.get("Gateway", ""),
                "macAddress": entry.get("MacAddress", ""),
            }
            for name, entry in sorted((network.get("Networks") or {}).items())
        ],
    }
    for key, value in (
        ("user", config.get("User")),
        ("stopSignal", config.get("StopSignal")),
        ("stopTimeout", config.get("StopTimeout")),
        ("logDriver", host["LogConfig"]["Type"]),
        ("memory", host["Memory"] // MEBIBYTE),
    ):
        # Only what was asked for is compared with the world: the rest is the image's or the engine's.
        if key in inputs:
            state[key] = value
    return state
