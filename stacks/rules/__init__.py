"""Rules that join several settings, a file for each part of the YAML. Pure; each fault is one line."""

from collections.abc import Iterator

from stacks.fields import NAME
from stacks.rules.hosted import hosted_faults
from stacks.rules.images import base_faults, image_faults, repository_faults
from stacks.rules.nodes import metrics_faults, node_faults
from stacks.rules.opening import opening_faults
from stacks.rules.places import container_faults, port_faults, volume_faults
from stacks.rules.published import published_faults
from stacks.rules.workspaces import workspace_faults, workspace_registry_faults
from stacks.settings import StackSettings


def cross_faults(settings: StackSettings) -> list[str]:
    """Every fault that no single entry shows."""
    return [
        *base_faults(settings),
        *_name_faults(settings),
        *image_faults(settings),
        *repository_faults(settings),
        *workspace_faults(settings),
        *workspace_registry_faults(settings),
        *published_faults(settings),
        *node_faults(settings),
        *metrics_faults(settings),
        *opening_faults(settings),
        *container_faults(settings),
        *port_faults(settings),
        *volume_faults(settings),
        *hosted_faults(settings),
    ]


def _name_faults(settings: StackSettings) -> Iterator[str]:
    for section in ("registries", "images", "hosts", "nodes"):
        for name in getattr(settings, section):
            if not NAME.fullmatch(name):
                yield (
                    f"skycoin:{section}: {name!r} is no name: up to 40 lower-case letters, digits and '-', "
                    "starting and ending with a letter or digit"
                )
