"""Pulumi's command line: stacks, their states, outputs and updates.

The backend is the environment's (PULUMI_BACKEND_URL, or that of `pulumi login`). Only `drop_dependencies`
changes a state.
"""

import contextlib
import json
import os
import subprocess
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

from catalogue.stack_outputs import StackOutputs
from clients.errors import ServiceError

PROJECT = Path(__file__).resolve().parent.parent
CONTAINER = "docker:index/container:Container"
NODE_CONTAINER = "skycoin:index:NodeContainer"
_NO_VARIABLES: Mapping[str, str] = MappingProxyType({})
_UPDATES = 100
"""Number of past updates of a stack that are searched."""


def stack_outputs(stack: str, env: Mapping[str, str] = _NO_VARIABLES) -> StackOutputs:
    """Outputs of a stack. Raises ServiceError with Pulumi's own message."""
    outputs = _ask(["stack", "output", "--json", "--stack", stack], env)
    if not isinstance(outputs, dict):
        raise ServiceError("these are not the outputs of a stack of this program")
    return cast("StackOutputs", outputs)


def stack_resources(stack: str) -> list[dict[str, Any]]:
    """Resources of a stack's state, a parent before its children. Raises ServiceError."""
    resources: list[dict[str, Any]] = deployment(stack).get("resources") or []
    return resources


def deployment(stack: str, env: Mapping[str, str] = _NO_VARIABLES) -> dict[str, Any]:
    """State of a stack, with the ciphertexts of its secrets. Raises ServiceError."""
    exported = _ask(["stack", "export", "--stack", stack], env)
    result = exported.get("deployment") if isinstance(exported, dict) else None
    if not isinstance(result, dict):
        raise ServiceError(f"pulumi exported no state of the stack {stack}")
    return result


def updates(stack: str, env: Mapping[str, str] = _NO_VARIABLES) -> list[dict[str, Any]]:
    """Updates of a stack that its backend keeps, newest first and at most _UPDATES. Raises ServiceError."""
    return list(
        _ask(["stack", "history", "--json", "--stack", stack, "--page-size", str(_UPDATES)], env) or []
    )


def version(env: Mapping[str, str] = _NO_VARIABLES) -> str:
    """Version of the CLI; empty for one built from its Go module. Raises ServiceError."""
    return _run(["version"], env).stdout.strip()


def stack_names() -> list[str]:
    """Names of the project's stacks on this backend. Raises ServiceError with Pulumi's own message."""
    return [str(stack["name"]) for stack in _ask(["stack", "ls", "--json"])]


def drop_dependencies(stack: str, urns: Collection[str]) -> None:
    """Remove from a state the dependencies on the containers `urns` that rollout waves gave to other nodes.

    Pulumi deletes nothing that another resource depends on. The next `up` records the program's dependencies
    again. Raises ServiceError.
    """
    exported = _ask(["stack", "export", "--stack", stack])
    for resource in waiting_nodes(exported["deployment"].get("resources") or [], urns):
        resource["dependencies"] = [urn for urn in resource["dependencies"] if urn not in urns]
    result = _run(["stack", "import", "--stack", stack], text=json.dumps(exported))
    if result.returncode:
        raise ServiceError(f"the state of {stack} is unchanged: {_last_line(result.stderr)}")


def waiting_nodes(resources: Sequence[dict[str, Any]], urns: Collection[str]) -> list[dict[str, Any]]:
    """Containers of nodes, other than those in `urns`, that depend on one of `urns`."""
    return [
        resource
        for resource in resources
        if resource["type"] == NODE_CONTAINER
        and resource["urn"] not in urns
        and {*(resource.get("dependencies") or ())} & {*urns}
    ]


def selected_stack() -> str:
    """Name of the stack selected with `pulumi stack select`. Raises ServiceError if there is none."""
    result = _run(["stack", "--show-name"])
    if result.returncode or not (name := result.stdout.strip()):
        raise ServiceError(f"no stack is selected: give one with --stack NAME ({_last_line(result.stderr)})")
    return name


def containers(resources: Sequence[Mapping[str, Any]]) -> list[tuple[str, Mapping[str, Any]]]:
    """(name, inputs of a docker provider for its engine) of each container in a state, newest first.

    Unlike the settings, a state also has the containers of a failed `up` and their hosts.
    """
    providers = {
        f"{resource['urn']}::{resource.get('id')}": resource.get("inputs", {}) for resource in resources
    }
    selected = [resource for resource in resources if resource["type"] in (CONTAINER, NODE_CONTAINER)]
    return [(resource["inputs"]["name"], _engine_of(resource, providers)) for resource in reversed(selected)]


def _engine_of(container: Mapping[str, Any], providers: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """`host` and `sshOpts` of a container's engine; a node's container has them among its own inputs."""
    if container["type"] == CONTAINER:
        return providers.get(container.get("provider", ""), {})
    inputs = container["inputs"]
    address = {"host": inputs.get("engine"), "sshOpts": inputs.get("sshOptions")}
    return {key: value for key, value in address.items() if value}


def _ask(arguments: Sequence[str], env: Mapping[str, str] = _NO_VARIABLES) -> Any:
    result = _run(arguments, env)
    with contextlib.suppress(ValueError):
        if result.returncode == 0:
            return json.loads(result.stdout)
    reason = result.stderr.strip() or f"it ended with exit code {result.returncode} and printed no JSON"
    raise ServiceError(f"`pulumi {' '.join(arguments)}` failed: {reason}")


def _run(
    arguments: Sequence[str], env: Mapping[str, str] = _NO_VARIABLES, text: str = ""
) -> "subprocess.CompletedProcess[str]":
    command = ["pulumi", "-C", str(PROJECT), "--non-interactive", *arguments]
    try:
        return subprocess.run(
            command,
            env={**os.environ, **env},
            text=True,
            capture_output=True,
            input=text,
            check=False,
        )
    except FileNotFoundError:
        raise ServiceError("pulumi is not on PATH: install it, or run `make up`, which installs it") from None


def _last_line(text: str) -> str:
    return text.strip().rpartition("\n")[2] or "pulumi printed no error"
