"""Conversion of a container's inputs to the engine's create request. Pure."""

from typing import Any

from providers.container.marks import MARK, mark
from providers.container.schema import nanoseconds
from providers.kind import Values

MEBIBYTE = 1024 * 1024


def memory_swap(inputs: Values) -> int:
    """Memory and swap together, in bytes; -1 means no limit, 0 leaves it to the engine."""
    swap: int = inputs.get("memorySwap") or 0
    return swap * MEBIBYTE if swap > 0 else swap


def restart_policy(inputs: Values) -> Values:
    """Restart policy in the form of the engine's API."""
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
        "Tty": bool(inputs.get("tty")),
        "OpenStdin": bool(inputs.get("stdinOpen")),
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
        "StartInterval": nanoseconds(check.get("startInterval", "")),
        "Retries": check.get("retries", 0),
    }


def _host_config(inputs: Values) -> Values:
    capabilities = inputs.get("capabilities") or {}
    config: Values = {
        "NetworkMode": inputs.get("networkMode") or "bridge",
        "RestartPolicy": restart_policy(inputs),
        "AutoRemove": bool(inputs.get("rm")),
        "ReadonlyRootfs": bool(inputs.get("readOnly")),
        "Privileged": bool(inputs.get("privileged")),
        "CapAdd": capabilities.get("adds"),
        "CapDrop": capabilities.get("drops"),
        "SecurityOpt": inputs.get("securityOpts"),
        "Tmpfs": inputs.get("tmpfs"),
        "Mounts": [_mount(mount) for mount in inputs.get("mounts", [])],
        "ExtraHosts": [f"{entry['host']}:{entry['ip']}" for entry in inputs.get("hosts", [])],
        "Sysctls": inputs.get("sysctls"),
        "ShmSize": (inputs.get("shmSize") or 0) * MEBIBYTE,
        "GroupAdd": inputs.get("groupAdds"),
        "Init": bool(inputs.get("init")),
        "LogConfig": {"Type": inputs.get("logDriver") or "", "Config": inputs.get("logOpts") or {}},
        "Ulimits": [
            {"Name": limit["name"], "Soft": limit["soft"], "Hard": limit["hard"]}
            for limit in inputs.get("ulimits", [])
        ],
        **_resources(inputs),
    }
    if bindings := _bindings(inputs.get("ports", [])):
        config["PortBindings"] = bindings
    return {key: value for key, value in config.items() if value is not None}


def _resources(inputs: Values) -> Values:
    return {
        "Memory": (inputs.get("memory") or 0) * MEBIBYTE,
        "MemoryReservation": (inputs.get("memoryReservation") or 0) * MEBIBYTE,
        "MemorySwap": memory_swap(inputs),
        "CpuShares": inputs.get("cpuShares") or 0,
        "CpusetCpus": inputs.get("cpuSet") or "",
    }


def _bindings(ports: list[Values]) -> Values:
    bindings: dict[str, Any] = {}
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
