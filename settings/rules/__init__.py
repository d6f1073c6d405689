"""Rules over several settings, and files that they name, by part of the YAML. Each error is one line."""

from collections.abc import Callable, Iterator, Sequence

from settings.fields import NAME
from settings.rules.engines import container_faults, port_faults, volume_faults
from settings.rules.hosted import hosted_faults
from settings.rules.hosts import pull_faults, rollout_faults
from settings.rules.images import (
    base_faults,
    base_repository_faults,
    image_faults,
    repository_faults,
    token_faults,
)
from settings.rules.limits import limit_faults
from settings.rules.nodes import gui_faults, metrics_faults, node_faults
from settings.rules.opening import opening_faults
from settings.rules.published import published_faults
from settings.rules.workspaces import workspace_faults, workspace_registry_faults
from settings.stack import StackSettings


def _name_faults(settings: StackSettings) -> Iterator[str]:
    for section in ("registries", "images", "hosts", "nodes"):
        for name in getattr(settings, section):
            if not NAME.fullmatch(name):
                yield (
                    f"skycoin:{section}: {name!r} is not a valid name: up to 40 lower-case letters, "
                    "digits and '-', starting and ending with a letter or digit"
                )


RULES: Sequence[Callable[[StackSettings], Iterator[str]]] = (
    base_faults,
    _name_faults,
    image_faults,
    repository_faults,
    base_repository_faults,
    token_faults,
    workspace_faults,
    workspace_registry_faults,
    published_faults,
    node_faults,
    metrics_faults,
    gui_faults,
    limit_faults,
    opening_faults,
    container_faults,
    port_faults,
    volume_faults,
    hosted_faults,
    pull_faults,
    rollout_faults,
)
"""All rules, in the order of their errors."""


def cross_faults(settings: StackSettings) -> list[str]:
    """Errors of all rules: those that no single entry shows."""
    return [fault for rule in RULES for fault in rule(settings)]
