"""Registries for which the docker plugin reads logins when an engine pulls."""

import os
from collections.abc import Mapping
from pathlib import Path

import pulumi
import pulumi_docker as docker

from catalogue.stack_outputs import Tags
from settings.stack import StackSettings

Logins = pulumi.Input[list[docker.ProviderRegistryAuthArgs]]


def docker_logins(settings: StackSettings, published: pulumi.Output[Mapping[str, Tags]]) -> Logins | None:
    """Registries that images are pulled from: those of the published images, or the stack's own.

    `published` is {image: {tag: {ref, …}}}. The official docker plugin reads the docker config
    (DOCKER_CONFIG) for these registries only. It fails if there is no such file, so it then gets None.
    """
    if not _docker_config().is_file():
        return None
    if settings.images_from is not None:
        return published.apply(
            lambda images: _named({entry["ref"] for tags in images.values() for entry in tags.values()})
        )
    return _named({registry.root for registry in settings.registries.values()}) or None


def _docker_config() -> Path:
    """File in which the official docker plugin looks for logins: only at DOCKER_CONFIG, if that is set."""
    given = os.environ.get("DOCKER_CONFIG")
    place = Path(given) if given else Path.home() / ".docker"
    return place / "config.json" if place.is_dir() else place


def _named(references: set[str]) -> list[docker.ProviderRegistryAuthArgs]:
    addresses = {reference.partition("/")[0] for reference in references}
    return [docker.ProviderRegistryAuthArgs(address=address) for address in sorted(addresses)]
