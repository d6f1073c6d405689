"""A container's inputs: what they change, their defaults, and how the engine wants them. Pure."""

import re
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from typing import Any

from providers.base import UNKNOWN, ProviderError, Values
from providers.docker.rules import MARK, mark

MEBIBYTE = 1024 * 1024
NANOSECONDS = MappingProxyType(
    {"ns": 1, "us": 10**3, "µs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
)
_PART = re.compile(r"(\d+(?:\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h)", re.ASCII)
DURATIONS = ("interval", "timeout", "startPeriod")
"""Those of a health check."""

REPLACING = [
    "image",
    "name",
    "command",
    "entrypoints",
    "envs",
    "labels",
    "user",
    "workingDir",
    "hostname",
    "readOnly",
    "privileged",
    "capabilities",
    "securityOpts",
    "mounts",
    "ports",
    "networkMode",
    "logDriver",
    "logOpts",
    "stopSignal",
    "stopTimeout",
    "ulimits",
    "shmSize",
    "groupAdds",
]
"""Inputs whose change makes a new container (ForceNew in the official plugin)."""

IN_PLACE = [
    "restart",
    "maxRetryCount",
    "memory",
    "memorySwap",
    "cpuShares",
    "cpuSet",
    "mustRun",
    "start",
    "wait",
    "waitTimeout",
    "destroyGraceSeconds",
    "removeVolumes",
    "attach",
    "logs",
    "rm",
    "containerReadRefreshTimeoutMilliseconds",
    # Of these the official plugin only writes down a change: a running container can't get it. A
    # program that wants it applied says so by `replace_on_changes`.
    "healthcheck",
    "init",
    "tmpfs",
]
"""Inputs whose change keeps the container."""

INPUTS = (*REPLACING, *IN_PLACE)

LIMITS = ("restart", "maxRetryCount", "memory", "memorySwap", "cpuShares", "cpuSet")
"""Inputs that a running container can be given: the others of IN_PLACE are used later, or never."""

COMPUTED = (
    "command",
    "entrypoints",
    "envs",
    "healthcheck",
    "hostname",
    "init",
    "labels",
    "logDriver",
    "securityOpts",
    "shmSize",
    "stopSignal",
    "stopTimeout",
)
"""Inputs that the image or the engine fills in: to drop one from the program changes nothing."""

FIELDS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "capabilities": ("adds", "drops"),
        "healthcheck": ("tests", *DURATIONS, "retries"),
        "labels": ("label", "value"),
        "mounts": ("type", "source", "target", "readOnly"),
        "ports": ("internal", "external", "ip", "protocol"),
        "ulimits": ("name", "soft", "hard"),
    }
)
"""What is served inside an input that has parts."""

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
    parts = _PART.findall(duration)
    if "".join(number + unit for number, unit in parts) != duration:
        raise ProviderError(f"{duration!r} is no duration: write 500ms, 10s, 1m30s or 1h")
    return sum(int(Decimal(number) * NANOSECONDS[unit]) for number, unit in parts)


def duration_faults(check: Any) -> list[tuple[str, str]]:
    """A failure for every duration of a health check that isn't one; unknown values are passed."""
    faults = []
    for name in DURATIONS if isinstance(check, dict) else ():
        value = check.get(name, "")
        try:
            nanoseconds("" if value == UNKNOWN else value)
        except ProviderError as error:
            faults.append((f"healthcheck.{name}", str(error)))
    return faults


def memory_swap(inputs: Values) -> int:
    """Memory and swap together, in bytes; -1 is no limit, 0 leaves it to the engine."""
    swap: int = inputs.get("memorySwap") or 0
    return swap * MEBIBYTE if swap > 0 else swap


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
        "Labels": {
            **{entry["label"]: entry["value"] for entry in inputs.get("labels", [])},
            MARK: mark(inputs),
        },
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
        "Test": check.get("tests") or [],
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
        "MemorySwap": memory_swap(inputs),
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
