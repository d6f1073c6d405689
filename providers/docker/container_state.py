"""An inspected container as Pulumi's state wants it. Pure."""

from providers.base import Values
from providers.docker.container_config import DEFAULTS, MEBIBYTE


def imported_inputs(found: Values) -> Values:
    """Inputs of a container that is imported: what the engine says, the defaults for the rest."""
    config, host = found["Config"], found["HostConfig"]
    own = {
        "user": config.get("User"),
        "stopSignal": config.get("StopSignal"),
        "stopTimeout": config.get("StopTimeout"),
        "memory": host["Memory"] // MEBIBYTE,
    }
    return {
        **DEFAULTS,
        "name": found["Name"].lstrip("/"),
        "image": config["Image"],
        "networkMode": host["NetworkMode"],
        "readOnly": host["ReadonlyRootfs"],
        "restart": host["RestartPolicy"]["Name"] or "no",
        "rm": host["AutoRemove"],
        **{key: value for key, value in own.items() if value},
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
