"""devcontainer.json and devfile.yaml of a workspace, as text.

Both describe the same container as components/workspace.py. devcontainer.json follows the Development
Containers Specification (containers.dev), devfile.yaml follows Devfile 2.2 (devfile.io). Neither has a
person's user id: a dev container gives its user the ids of the person who opens it (`updateRemoteUserUID`),
and clusters that read devfiles choose their own.
"""

import json
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import yaml

from catalogue.confinement import DROPPED_CAPABILITIES, SECURITY_OPTIONS
from catalogue.workspaces import (
    DIND_CAPABILITIES,
    DIND_SECURITY,
    DOCKER_DATA,
    HOME,
    MEMORY,
    PROCESSES,
    STAY,
    USER,
    WORK,
)
from workspaces.model import Model

SCHEMA = "2.2.0"
"""Version of devfiles: the first of 2.2, which tools for later versions read too."""

COMMANDS: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {
        "cli": {"build": "go build ./...", "test": "go test ./..."},
        "vscode": {"build": "go build ./...", "test": "go test ./..."},
        "python": {
            "build": "python -m venv ~/env && ~/env/bin/pip install --editable .",
            "test": "~/env/bin/python -m unittest",
        },
        "dotnet": {"build": "xbuild", "test": "xbuild /t:Test"},
    }
)
"""Commands that a devfile offers in a workspace, by kind."""


def devcontainer(model: Model) -> str:
    """Text of devcontainer.json."""
    home = {"type": "volume", "source": f"skycoin-workspace-{model.name}-home", "target": HOME}
    content: dict[str, Any] = {
        "name": model.title,
        "image": model.image,
        "workspaceMount": f"type=bind,source=${{localWorkspaceFolder}},target={WORK}",
        "workspaceFolder": WORK,
        "remoteUser": USER,
        "updateRemoteUserUID": True,
        "init": True,
        "mounts": [home],
        "runArgs": [f"--memory={MEMORY}m", f"--pids-limit={PROCESSES}"],
    }
    if model.dind:
        # An engine needs a separate data folder; another container must not share it.
        data = f"skycoin-workspace-{model.name}-docker-${{devcontainerId}}"
        content["mounts"].append({"type": "volume", "source": data, "target": DOCKER_DATA})
        if model.ide_port is None:
            # The image's default command is a shell, which ends at once without a terminal.
            content["runArgs"].append("--tty")
        content["capAdd"] = list(DIND_CAPABILITIES)
        content["securityOpt"] = list(DIND_SECURITY)
    else:
        content["runArgs"] += [f"--cap-drop={name}" for name in DROPPED_CAPABILITIES]
        content["securityOpt"] = list(SECURITY_OPTIONS)
    if model.ide_port is not None:
        content["forwardPorts"] = [model.ide_port]
        content["portsAttributes"] = {str(model.ide_port): {"label": "VS Code", "onAutoForward": "notify"}}
    # The image's command starts the engine and the page; without either, the tool's own one runs.
    content["overrideCommand"] = not (model.dind or model.ide_port is not None)
    return json.dumps(content, indent=2, ensure_ascii=False) + "\n"


def devfile(model: Model) -> str:
    """Text of devfile.yaml."""
    mounts = [{"name": "home", "path": HOME}, *([{"name": "docker", "path": DOCKER_DATA}] * model.dind)]
    container: dict[str, Any] = {
        "image": model.image,
        "mountSources": True,
        "sourceMapping": WORK,
        "memoryLimit": f"{MEMORY}Mi",
        "volumeMounts": mounts,
    }
    component: dict[str, Any] = {"name": model.name, "container": container}
    if model.dind:
        # Devfiles have no field for privileges; this attribute is the DevWorkspace operator's.
        rights = {
            "runAsUser": 0,
            "capabilities": {"add": list(DIND_CAPABILITIES)},
            "seccompProfile": {"type": "Unconfined"},
        }
        component["attributes"] = {"container-overrides": {"securityContext": rights}}
    if model.ide_port is None:
        # Not `command`, which would replace the image's entry point.
        container["args"] = list(STAY)
    else:
        # The cluster's own login comes first; the page also has its own password.
        endpoint = {"name": "page", "targetPort": model.ide_port, "protocol": "http", "secure": True}
        container["endpoints"] = [endpoint]
    content = {
        "schemaVersion": SCHEMA,
        "metadata": {"name": f"skycoin-{model.name}", "displayName": model.title},
        "components": [component, *({"name": mount["name"], "volume": {"size": "10Gi"}} for mount in mounts)],
        "commands": [_command(model.name, kind, line) for kind, line in COMMANDS[model.name].items()],
    }
    return yaml.safe_dump(content, sort_keys=False, allow_unicode=True)


def _command(component: str, kind: str, line: str) -> dict[str, Any]:
    group = {"kind": kind, "isDefault": True}
    run = {
        "component": component,
        "commandLine": line,
        "workingDir": "${PROJECT_SOURCE}",
        "group": group,
    }
    return {"id": kind, "exec": run}
