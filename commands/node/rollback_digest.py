"""Digest for a node's rollback: the last healthy one or a given one, if the image is available."""

from typing import Any

import click
from docker.errors import DockerException, NotFound
from requests.exceptions import RequestException

from catalogue.naming import is_pinned, split_pinned
from catalogue.node_container import LAST_HEALTHY, NODE
from clients.engine import connect
from clients.errors import FormError, ServiceError, message_of
from clients.pull import HostInputs, known_as, source_of
from clients.registry import Repository
from display.errors import UserError


def digest_for(name: str, inputs: HostInputs, container: str, image: str, remembered: str, given: str) -> str:
    """Digest that a node rolls back to.

    `image` is the one in its state, `remembered` the last healthy one there. If the node has a container of
    this program, its label decides: a killed run may have recorded the last healthy one only there, or that
    there is none. Otherwise `remembered` is used, and a line says so. Raises UserError if there is no such
    digest, or if its image is not available.
    """
    host = inputs["host"]
    try:
        api = connect(inputs).api
        last = "" if given else _last_healthy(api, container, remembered, f"{name}: host {host}")
        if not given and not last:
            raise UserError(
                f"{name}: no earlier healthy image with another digest is recorded. {_allowed(host, image)}"
            )
        digest = given or split_pinned(last)[1]
        wanted = f"{split_pinned(image)[0]}@{digest}"
        if known_as(api, wanted) is None and not _is_published(source_of(wanted, inputs), digest):
            raise UserError(
                f"{name}: neither host {host} nor {split_pinned(image)[0]} has {digest}. "
                f"{_allowed(host, image)}"
            )
    except (DockerException, RequestException, OSError, FormError) as error:
        raise ServiceError(f"{name}: host {host}: {message_of(error)}") from error
    return digest


def _last_healthy(api: Any, container: str, remembered: str, where: str) -> str:
    """Last healthy image, as `repo@sha256:…`, or empty: from the label of the node's container.

    Without a container of this program, which has the label NODE, it is `remembered`.
    """
    try:
        labels = api.inspect_container(container)["Config"].get("Labels") or {}
    except NotFound:
        labels = {}
    if NODE in labels:
        last = str(labels.get(LAST_HEALTHY) or "")
        return last if is_pinned(last) else ""
    if remembered:
        click.echo(
            f"{where} has no container {container} that this program created, so the last healthy image is "
            "the one in the stack's state."
        )
    return remembered


def _is_published(source: str, digest: str) -> bool:
    return Repository(split_pinned(source)[0]).digest_of(digest) is not None


def _allowed(host: str, image: str) -> str:
    return (
        f"`--to` takes a digest, sha256: and 64 hexadecimal digits, that is in {split_pinned(image)[0]} "
        f"or on host {host} (`docker images --digests`)"
    )
