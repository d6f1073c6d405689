"""Rules that join several settings, a file for each part of the YAML. Pure; each fault is one line."""

from collections.abc import Iterator

from settings.fields import NAME
from settings.rules.engines import container_faults, port_faults, volume_faults
from settings.rules.hosted import hosted_faults
from settings.rules.hosts import pull_faults
from settings.rules.images import base_faults, image_faults, repository_faults, token_faults
from settings.rules.nodes import metrics_faults, node_faults
from settings.rules.opening import opening_faults
from settings.rules.published import published_faults
from settings.rules.workspaces import workspace_faults, workspace_registry_faults
from settings.stack import StackSettings


def cross_faults(settings: StackSettings) -> list[str]:
    """Every fault that no single entry shows."""
    return [
        *base_faults(settings),
        *_name_faults(settings),
        *image_faults(settings),
        *repository_faults(settings),
        *token_faults(settings),
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
        *pull_faults(settings),
    ]


def _name_faults(settings: StackSettings) -> Iterator[str]:
    for section in ("registries", "images", "hosts", "nodes"):
        for name in getattr(settings, section):
            if not NAME.fullmatch(name):
                yield (
                    f"skycoin:{section}: {name!r} is no name: up to 40 lower-case letters, digits and '-', "
                    "starting and ending with a letter or digit"
                )
