"""`skyinfra setup adopt`: a new state for a stack whose state is lost while its nodes run (docs/adr/0029)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from clients.deployed_nodes import DeployedNode, nodes_of
from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.pulumi.command import pulumi
from local.pulumi.docker_plugin_choice import DockerPlugin, recorded
from local.setup import claim_state, set_up
from local.stacks.files import is_own, stack_config, stack_file
from local.stacks.lock import exclusive
from local.stacks.missing_nodes import listed_nodes
from local.stacks.stack import init_aside, with_stack_file
from local.stacks.states import require_unlocked, resources, state_file
from providers.adopting import ADOPTING

LOST = (
    "Lost with the old set-up, and created again: its passphrase, the authority and the login of the local "
    "registry. Lost, and only you can create them again: logins of other registries (`docker login` in a "
    "shell of `make -s env`)."
)


def adopt(layout: Layout, stack: str, *, publishes: bool = False) -> int:
    """Adopt a stack's running nodes; return pulumi's exit code, which is not 0 if something is missing.

    Raises SetupError, before any host is asked, if there is no file, if the state has every node, if the file
    has secrets that can't be decrypted, if the docker plugin is the official one, or if the stack publishes
    images outside this machine and `publishes` is False.
    """
    file = stack_file(stack)
    if not file.exists():
        raise SetupError(
            f"There is no stacks/{file.name}, which lists the nodes and their hosts: write it again, with "
            "the same content."
        )
    if not publishes:
        _refuse_publishing(stack)
    claim_state(layout, adopts=True)
    with exclusive(layout, "skyinfra setup adopt"):
        _refuse_known(layout, stack)
        require_unlocked(layout, stack)
        lost = lost_secrets(layout, stack)
        env = set_up(layout, stack) if is_own(stack) else set_up(layout)
        if recorded(layout) is DockerPlugin.OFFICIAL:
            raise SetupError(
                "The official docker plugin creates resources, and can't adopt any. Run this with "
                "SKYCOIN_MODE=embedded; afterwards, `SKYCOIN_MODE=official make up` changes to the official "
                "one, and replaces nothing. No host was asked."
            )
        if lost:
            _refuse_lost(layout, stack, env, lost)
        code = with_stack_file(layout, stack, env, lambda options: _up(layout, env, options))
    for line in report(stack, nodes_of(stack, resources(layout, stack))):
        print(line)
    return code


def _refuse_publishing(stack: str) -> None:
    """Raise SetupError if the stack publishes images in a registry other than this machine's."""
    config = stack_config(stack)
    registries = config.get("skycoin:registries")
    elsewhere = [
        name
        for name, registry in (registries.items() if isinstance(registries, dict) else ())
        if not (isinstance(registry, dict) and registry.get("kind") == "local")
    ]
    if config.get("skycoin:images") and elsewhere:
        raise SetupError(
            f"The stack {stack} publishes its images in {' and '.join(elsewhere)}: an adoption builds them "
            "and writes their tags, moving ones too, without a preview. Either add `--publish`, or move the "
            "nodes into a stack of their own, with `skycoin:images-from`, and adopt that one. Nothing was "
            "changed."
        )


def _up(layout: Layout, env: Mapping[str, str], options: Sequence[str]) -> int:
    command = ["up", "--yes", "--suppress-outputs", "--continue-on-error", *options]
    return pulumi(command, {**env, ADOPTING: "1"}, layout.update_log)


def _refuse_known(layout: Layout, stack: str) -> None:
    """Raise SetupError if the state has every node; nodes of a host that did not answer may be missing."""
    known = resources(layout, stack)
    if known and not _missing(stack, nodes_of(stack, known)):
        raise SetupError(
            f"The state of the stack {stack}, {state_file(layout, stack)}, has every node of its file: there "
            "is nothing to adopt. `make preview` shows the differences. Nothing was changed."
        )


def _missing(stack: str, adopted: Mapping[str, DeployedNode]) -> list[str]:
    """Nodes of a stack's file that are not in its state."""
    present = {name for name, node in adopted.items() if node.container is not None}
    return [name for name in listed_nodes(stack) if name not in present]


def lost_secrets(layout: Layout, stack: str) -> list[str]:
    """Paths of a stack's encrypted settings whose passphrase was lost with its state.

    Empty if the stack has a state.
    """
    config = stack_config(stack)
    return [] if state_file(layout, stack).exists() else list(_secrets("", config))


def _refuse_lost(layout: Layout, stack: str, env: Mapping[str, str], lost: Sequence[str]) -> None:
    """Raise SetupError that lists the lost secrets. The state is created first, so they can be set again."""
    if not state_file(layout, stack).exists():
        init_aside(layout, stack, env)
    raise SetupError(
        f"Lost with the old passphrase, which can't be recovered: {', '.join(lost)} in "
        f"stacks/{stack_file(stack).name}. Remove these lines and `encryptionsalt:` from it, and set each "
        'again in a shell of `eval "$(make -s env)"`: '
        f"`pulumi config set --secret --path KEY --stack {stack}`. Then run this again. No host was asked."
    )


def _secrets(path: str, value: Any) -> Iterator[str]:
    """Paths of the encrypted values, in the form of `pulumi config set --path`."""
    if isinstance(value, dict):
        if set(value) == {"secure"}:
            yield path
            return
        for key, inner in value.items():
            yield from _secrets(f"{path}.{key}" if path else str(key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from _secrets(f"{path}[{index}]", inner)


def report(stack: str, adopted: Mapping[str, DeployedNode]) -> Iterator[str]:
    """Lines of the report: adopted nodes, missing nodes, lost secrets."""
    yield ""
    missing = _missing(stack, adopted)
    for name in listed_nodes(stack):
        if name in missing:
            yield (
                f"{name}: not adopted, see above. If its host did not answer, run this again when it does; "
                "otherwise the next `up` creates the missing resources"
            )
        else:
            yield f"{name}: adopted as it runs on host {adopted[name].host}; {adopted[name].kept}"
    yield LOST
