"""Unneeded images of this program on a stack's hosts, and their removal (docs/adr/0032)."""

import json
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from docker.errors import APIError

from catalogue.naming import engine_name
from clients.engine import Engine
from clients.errors import ServiceError, message_of
from clients.foreign import line
from clients.ssh import LOGINS
from clients.stored_images import StoredImage, remove_image, repositories_of, surplus_images
from display.columns import columns
from display.units import count_of, size

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageHost:
    """An engine that a stack deploys images to."""

    name: str
    """Name of the host in the stack; the first one if several names have the same engine."""
    engine: str | None
    """`unix://…` or `ssh://…`; None means the engine of the environment."""
    ssh_options: tuple[str, ...]
    repositories: frozenset[str]
    """Repositories that its images are published in or pulled from."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Surplus:
    """Images of a host that may be removed, or have been."""

    host: ImageHost
    images: Sequence[StoredImage] = ()
    faults: Sequence[str] = ()
    """Reasons why the host, or one of its images, was skipped."""


def image_hosts(resources: Sequence[Mapping[str, Any]]) -> list[ImageHost]:
    """Engines that a state deploys images to, sorted by host name; each once, even under several names."""
    parts: dict[str, list[Mapping[str, Any]]] = {}
    for resource in resources:
        inputs = resource.get("inputs") or {}
        if "host" in inputs and "image" in inputs:
            parts.setdefault(engine_name(inputs.get("engine") or ""), []).append(resource)
    return sorted((_host(members) for members in parts.values()), key=lambda host: host.name)


def _host(resources: Sequence[Mapping[str, Any]]) -> ImageHost:
    inputs = [resource["inputs"] for resource in resources]
    refs = [(resource.get("outputs") or {}).get("ref") for resource in resources]
    pulled = {values["pullFrom"] for values in inputs if values.get("pullFrom")}
    return ImageHost(
        name=inputs[0]["host"],
        engine=inputs[0].get("engine"),
        ssh_options=tuple(inputs[0].get("sshOptions") or ()),
        repositories=repositories_of([*(values["image"] for values in inputs), *refs]) | pulled,
    )


def named_images(resources: Sequence[Mapping[str, Any]], more: Collection[str] = ()) -> list[str]:
    """References for the digests that a state names (running, previous or published), and for `more`."""
    return [f"named@{digest}" for digest in sorted({*_DIGEST.findall(json.dumps(resources)), *more})]


def look(hosts: Sequence[ImageHost], kept: Sequence[str]) -> list[Surplus]:
    """Ask hosts, ten at a time, which images may be removed; a silent host is skipped, with the reason."""

    def ask(host: ImageHost) -> Surplus:
        with _api(host) as api:
            return Surplus(host=host, images=surplus_images(api, host.repositories, kept))

    return _of_all(ask, [Surplus(host=host) for host in hosts])


def clean(shown: Sequence[Surplus], kept: Sequence[str]) -> list[Surplus]:
    """Remove the listed images that may still be removed, on ten hosts at a time."""

    def remove(host: ImageHost, images: Sequence[StoredImage]) -> Surplus:
        with _api(host) as api:
            still = [image for image in surplus_images(api, host.repositories, kept) if image in images]
            refusals = [(image, _remove_one(api, image)) for image in still]
        return Surplus(
            host=host,
            images=[image for image, refusal in refusals if not refusal],
            faults=[refusal for _, refusal in refusals if refusal],
        )

    by_host = {surplus.host: surplus.images for surplus in shown}
    return _of_all(lambda host: remove(host, by_host[host]), [surplus for surplus in shown if surplus.images])


def _remove_one(api: Any, image: StoredImage) -> str:
    """Remove an image; return why the engine refused, or an empty string."""
    try:
        remove_image(api, image)
    except APIError as error:
        return f"{image.short} was not removed: {line(message_of(error))}"
    return ""


def _of_all(ask: Callable[[ImageHost], Surplus], hosts: Sequence[Surplus]) -> list[Surplus]:
    def asked(surplus: Surplus) -> Surplus:
        try:
            return ask(surplus.host)
        except ServiceError as error:
            return Surplus(host=surplus.host, faults=[line(error)])

    with ThreadPoolExecutor(LOGINS) as pool:
        return list(pool.map(asked, hosts))


@contextmanager
def _api(host: ImageHost) -> Iterator[Any]:
    engine = Engine()
    engine.configure({"host": host.engine, "sshOpts": list(host.ssh_options)})
    with engine.asking(f"host {host.name}") as api:
        try:
            yield api
        finally:
            api.close()


def table(surpluses: Sequence[Surplus]) -> str:
    """Table with one row per image, hosts in order; empty if there are none."""
    rows = [
        [surplus.host.name, image.short, image.version or "–", size(image.size)]
        for surplus in surpluses
        for image in surplus.images
    ]
    return columns([["HOST", "IMAGE", "VERSION", "SIZE"], *rows]) if rows else ""


def counted(surpluses: Sequence[Surplus]) -> str:
    """Count such as `3 images on 2 hosts, 81.0 MB at most` (at most, because images share layers)."""
    images = [image for surplus in surpluses for image in surplus.images]
    hosts = sum(bool(surplus.images) for surplus in surpluses)
    total = size(sum(image.size for image in images))
    return f"{count_of(len(images), 'image')} on {count_of(hosts, 'host')}, {total} at most"
