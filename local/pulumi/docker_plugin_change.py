"""Changes a set-up's docker plugin: `SKYCOIN_MODE=official make up`, or `embedded` (docs/adr/0020).

Each plugin accepts a state that the other has refreshed. So every stack is refreshed by the old plugin and
previewed by the new one before the new one is kept. If the new one would replace a resource that the old
one would not, the change is stopped.
"""

import json
import shutil
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from catalogue.urns import name_of
from clients.engine import start_container
from clients.pulumi import CONTAINER, NODE_CONTAINER, containers
from local.machine.layout import PROJECT, Layout
from local.machine.steps import SetupError, output, run, step
from local.pulumi.docker_plugin_choice import origin, recorded
from local.pulumi.plugins import plugin_folder, unfinished
from local.stacks.files import stack_file
from local.stacks.stack import with_stack_file
from local.stacks.states import all_stacks, resources

NETWORK = "docker:index/network:Network"
REPLACING = frozenset({"create-replacement", "delete-replaced", "delete", "replace"})
"""Operations of a preview's steps that replace or delete (pulumi/pulumi `pkg/resource/deploy/step.go`)."""


def holding(layout: Layout) -> list[str]:
    """Stacks of this set-up with containers or networks of the docker plugin."""
    kinds = {CONTAINER, NETWORK}
    types_by_stack = {
        stack: {resource["type"] for resource in resources(layout, stack)} for stack in all_stacks(layout)
    }
    return [stack for stack, types in types_by_stack.items() if kinds & types]


def settle(layout: Layout) -> None:
    """Undo a change of the plugin that was killed before `keep`; remove what any other change has left."""
    aside = _aside(layout)
    if not aside.exists():
        for left in (_copying(layout), _removed(layout)):
            shutil.rmtree(left, ignore_errors=True)
    elif origin(aside) is recorded(layout):
        _put_back(layout)
    else:
        _remove(layout, aside)


def change(
    layout: Layout,
    env: Mapping[str, str],
    stacks: Sequence[str],
    install: Callable[[], object],
    keep: Callable[[], object],
) -> None:
    """Let another docker plugin take over the resources of stacks.

    `install` replaces the installed plugin, and `keep` records the new choice.

    If a refresh or a preview fails, or only the new plugin would replace a resource, the old plugin is
    installed again and SetupError is raised. It is also raised if a stack has no settings file.
    """
    if nowhere := [stack for stack in stacks if not stack_file(stack).exists()]:
        raise SetupError(
            f"The docker plugin was not changed: {', '.join(nowhere)} can't be checked, "
            "because there is a state but no stacks/Pulumi.NAME.yaml. Restore that file (a "
            "workspace's by `make workspace`), then run this again."
        )
    before = {stack: _replaced(layout, stack, env, "by the present plugin") for stack in stacks}
    folder = plugin_folder(layout, "docker")
    if folder.exists():
        # Renamed, so it is complete or missing; if the next set-up finds it, this run was killed.
        shutil.copytree(folder, _copying(layout)).rename(_aside(layout))
    try:
        install()
        after = {stack: _replaced(layout, stack, env, "by the other plugin") for stack in stacks}
        _refuse_replaced({stack: after[stack] - before[stack] for stack in stacks})
        keep()
    except BaseException:
        settle(layout)
        raise
    settle(layout)


def _refuse_replaced(names: Mapping[str, Collection[str]]) -> None:
    """Raise SetupError if there are names of resources, by stack, that only the other plugin would replace.

    Stopping containers first would not help, because all are started again before they are compared.
    """
    replaced = [f"{name} (stack {stack})" for stack in names for name in sorted(names[stack])]
    if replaced:
        destroys = " && ".join(f"make destroy STACK={stack}" for stack in names if names[stack])
        raise SetupError(
            f"The docker plugin was not changed: the other one would replace {'; '.join(replaced)}. Destroy "
            f"what runs there first, and run this again: `{destroys}`. Volumes stay, with wallets and homes."
        )


def _aside(layout: Layout) -> Path:
    return layout.state / "docker-plugin-before"


def _copying(layout: Layout) -> Path:
    return layout.state / "docker-plugin-copying"


def _removed(layout: Layout) -> Path:
    return layout.state / "docker-plugin-removed"


def _put_back(layout: Layout) -> None:
    folder = plugin_folder(layout, "docker")
    if folder.exists():
        _remove(layout, folder)
    _aside(layout).rename(folder)
    for mark in unfinished(folder):
        mark.unlink(missing_ok=True)


def _remove(layout: Layout, folder: Path) -> None:
    """Remove a folder; a kill leaves no partial folder in its place."""
    shutil.rmtree(_removed(layout), ignore_errors=True)
    folder.rename(_removed(layout))
    shutil.rmtree(_removed(layout))


def start_stopped(
    layout: Layout, stack: str, env: Mapping[str, str], dead: Collection[str] = frozenset()
) -> None:
    """Start a stack's stopped containers of the docker plugin.

    The official plugin reads a stopped container as one without ports, and would replace it. Engines known to
    be `dead` are not asked.
    """
    others = [resource for resource in resources(layout, stack) if resource["type"] != NODE_CONTAINER]
    # By id, because somebody else's container may have that name now.
    ids = {
        resource["inputs"]["name"]: resource.get("id", "")
        for resource in others
        if resource["type"] == CONTAINER
    }
    for name, provider in containers(others):
        engine = provider.get("host") or env["DOCKER_HOST"]
        if engine not in dead:
            start_container(ids[name], {**provider, "host": engine})


def _replaced(layout: Layout, stack: str, env: Mapping[str, str], doing: str) -> set[str]:
    """Names of resources that the installed plugin would replace or delete, after a refresh.

    Raises SetupError.
    """
    with step(f"refresh and preview of the stack {stack}, {doing}") as this:
        start_stopped(layout, stack, env)
        replaced = {name_of(each["urn"]) for each in _previewed(layout, stack, env) if _is_replaced(each)}
        this.found = f"would replace {', '.join(sorted(replaced))}" if replaced else "would replace nothing"
    return replaced


def _is_replaced(each: Mapping[str, Any]) -> bool:
    return each["op"] in REPLACING and "docker:index/" in each["urn"].split("::")[2]


def _previewed(layout: Layout, stack: str, env: Mapping[str, str]) -> list[dict[str, Any]]:
    """Steps of `pulumi preview --json`, after a refresh. Raises SetupError."""
    log, printed = layout.logs / "docker-plugin.log", ""

    def ask(options: Sequence[str]) -> int:
        nonlocal printed
        refresh = ["pulumi", "refresh", "--yes", "--non-interactive", *options]
        run(refresh, log=log, env=env, cwd=PROJECT, doing=f"refresh of {stack}")
        command = ["pulumi", "-C", str(PROJECT), "preview", "--json", "--non-interactive", *options]
        printed = output(command, env=env, timeout=600, doing=f"preview of {stack}") or ""
        return 0

    with_stack_file(layout, stack, env, ask)
    try:
        steps: list[dict[str, Any]] = json.loads(printed).get("steps", [])
    except ValueError:
        raise SetupError(
            f"The docker plugin was not changed: `pulumi preview` of the stack {stack} fails. `make preview "
            f"STACK={stack}` shows why."
        ) from None
    return steps
