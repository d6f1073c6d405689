"""Which docker plugin a set-up uses, the official one or the stand-in: decided once, and kept.

A state of one is not a state of the other: under another plugin, containers and networks that both
would describe alike are replaced (ADR 15).
"""

from enum import StrEnum

from clients.pulumi import CONTAINER
from local.layout import Layout, Mode
from local.pulumi_cli import plugin_folder, write_aside
from local.stack import NETWORK, all_stacks, resources
from local.steps import SetupError


class DockerPlugin(StrEnum):
    """Origin of the docker plugin."""

    OFFICIAL = "official"
    STAND_IN = "stand-in"


def chosen(layout: Layout) -> DockerPlugin | None:
    """The plugin that this set-up must use; None where that is still open.

    Raises SetupError where SKYCOIN_MODE asks for another one than that which has made what runs.
    """
    made, asked = kept(layout), _ASKED[layout.mode]
    if made is None or asked in (None, made):
        return made or asked
    if not (lost := _replaced(layout)):
        return asked
    raise SetupError(
        f"SKYCOIN_MODE={layout.mode} asks for the {asked} docker plugin, but this set-up was made with the "
        f"{made} one. The change would replace: {'; '.join(lost)}. Nothing was changed. Unset SKYCOIN_MODE "
        "to go on as before. To change: `make destroy STACK=…` of each of these stacks, which keeps wallet "
        f"and data volumes, then `SKYCOIN_MODE={layout.mode} make up`."
    )


_ASKED = {Mode.AUTO: None, Mode.OFFICIAL: DockerPlugin.OFFICIAL, Mode.EMBEDDED: DockerPlugin.STAND_IN}


def keep(layout: Layout, plugin: DockerPlugin) -> None:
    """Remember the choice beside the state that it has made."""
    write_aside(layout.state / "docker-plugin", f"{plugin}\n")


def kept(layout: Layout) -> DockerPlugin | None:
    """The plugin that the set-up remembers; where it remembers none, the one that is installed."""
    path = layout.state / "docker-plugin"
    if path.exists():
        return DockerPlugin(path.read_text().strip())
    folder = plugin_folder(layout, "docker")
    if not folder.is_dir():
        return None
    return DockerPlugin.STAND_IN if (folder / "ORIGIN").exists() else DockerPlugin.OFFICIAL


def _replaced(layout: Layout) -> list[str]:
    """Containers and networks in the set-up's states, as text: `container NAME (stack STACK)`."""
    kinds = {CONTAINER: "container", NETWORK: "network"}
    return [
        f"{kinds[one['type']]} {one.get('inputs', {}).get('name')} (stack {stack})"
        for stack in all_stacks(layout)
        for one in resources(layout, stack)
        if one["type"] in kinds
    ]
