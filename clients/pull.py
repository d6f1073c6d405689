"""Provision of an image on a host: it is found there by its digest, or else pulled.

An engine knows an image by the name with which it was pulled. A registry on this machine's loopback can't be
reached from a host behind ssh, so its port is forwarded to the host's loopback during the pull, and the pull
names 127.0.0.1. Engines verify no certificate there (moby/moby `registry/config.go`, isSecureIndex); the
digest proves the content. A login travels with the pull request; the host keeps only the image
(docs/adr/0025).
"""

import contextlib
import functools
import re
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import urllib3
from docker.errors import APIError, DockerException, ImageNotFound

from catalogue.confinement import LOOPBACK
from catalogue.naming import address_port, is_pinned, split_pinned
from clients.engine import engine_address
from clients.errors import FormError, ServiceError, message_of
from clients.foreign import MALFORMED, count, word
from clients.foreign import line as one_line
from clients.registry_login import login_hint, login_of
from clients.ssh import forwarded

_NO_LOGIN = re.compile("no basic auth|unauthorized|authorization|denied")
"""Messages of engines 20.10 and 29 for a registry's 401 or 403."""
TRIES, PAUSE = 4, 3.0
"""Attempts of a pull through ssh whose connection is lost, and seconds between them."""
MOST_LAYERS = 128
"""Maximum number of counted layers, above Docker's limit of 125 (moby/moby `layer/layer_store.go`)."""
_CLOSED_WAY = re.compile(r"dial tcp 127\.0\.0\.1:\d+")
_LOCKS: Mapping[str, threading.Lock] = defaultdict(threading.Lock)
"""Lock per host behind ssh, for one pull at a time: the images of a host share most of their layers."""

Say = Callable[[str], None]
HostInputs = Mapping[str, Any]
"""Inputs of a resource on a host: `host`, `engine`, `sshOptions`, `pullFrom` and a node's `user`.

`pullFrom` is the repository to pull images from instead of their own. All but `host` may be missing.
"""


def silent(_: str) -> None:
    """Report no progress of a pull."""


def ensure_image(client: Any, image: str, inputs: HostInputs, say: Say = silent) -> str:
    """Pull an image if the engine of `client` lacks it; return its name there, `repo@sha256:…`.

    `say` receives the progress. Raises ServiceError that names host and image.
    """
    try:
        if (known := known_as(client.api, image)) is not None:
            return known
        source = source_of(image, inputs)
        if not _is_forwarded(source, inputs):
            return _pulled(client.api, source, source, inputs, say)
        with _LOCKS[engine_address(inputs.get("engine"))]:
            # Another thread may have pulled it while this one waited.
            return known_as(client.api, image) or _pulled_through_ssh(client.api, source, inputs, say)
    except (DockerException, urllib3.exceptions.HTTPError, OSError, FormError) as error:
        raise ServiceError(f"host {inputs['host']}, {image}: {message_of(error)}") from error


def known_as(api: Any, image: str) -> str | None:
    """Name by which an engine knows an image: the given one, or one with the same digest; None if missing."""
    with contextlib.suppress(ImageNotFound):
        api.inspect_image(image)
        return image
    if not is_pinned(image):
        return None
    _, digest = split_pinned(image)
    names = [name for stored in api.images() for name in digest_names(stored)]
    return next((name for name in sorted(names) if name.endswith(f"@{digest}")), None)


def digest_names(stored: Mapping[str, Any]) -> tuple[str, ...]:
    """Names by digest of an image in an engine's list.

    With containerd's image store, as in new installations of Docker 29, they are among the tags, too.
    """
    pinned = (tag for tag in stored.get("RepoTags") or () if is_pinned(tag))
    return tuple(sorted({*(stored.get("RepoDigests") or ()), *pinned}))


def expected_name(image: str, inputs: HostInputs) -> str:
    """Name that an engine without the image will give it, as far as that is known before the pull."""
    source = source_of(image, inputs)
    if not _is_forwarded(source, inputs):
        return source
    return _on_loopback(source, _address(source)[1])


def is_same(first: str, second: str) -> bool:
    """True if two names mean the same image: they are equal, or have the same digest."""
    if not is_pinned(first) or not is_pinned(second):
        return first == second
    return split_pinned(first)[1] == split_pinned(second)[1]


def source_of(image: str, inputs: HostInputs) -> str:
    """Reference to pull an image by, in its own repository or in the one of `pullFrom`."""
    repository = inputs.get("pullFrom")
    return f"{repository}@{split_pinned(image)[1]}" if repository else image


def _is_forwarded(source: str, inputs: HostInputs) -> bool:
    """True if the image's registry is on this machine's loopback and the engine is behind ssh."""
    registry = source.partition("/")[0]
    return is_on_loopback(registry) and engine_address(inputs.get("engine")).startswith("ssh://")


def is_on_loopback(registry: str) -> bool:
    """True if a registry's address (`HOST` or `HOST:PORT`) means, on every machine, that machine itself."""
    name = registry.partition(":")[0]
    return name == "localhost" or name.endswith(".localhost") or name.startswith("127.")


def _address(source: str) -> tuple[str, int]:
    """(host, port) of the registry in a reference."""
    host, _, _ = source.partition("/")
    return host.partition(":")[0], address_port(host) or 443


def _on_loopback(source: str, port: int) -> str:
    return f"{LOOPBACK}:{port}/{source.partition('/')[2]}"


def _pulled_through_ssh(api: Any, source: str, inputs: HostInputs, say: Say) -> str:
    host, port = _address(source)
    # Go and ssh ask the system's resolver for names below localhost, and not all resolvers return loopback.
    target = host if host.startswith("127.") else LOOPBACK
    say("opens an SSH tunnel for the pull")
    engine = engine_address(inputs.get("engine"))
    with forwarded(engine, inputs.get("sshOptions") or (), target, port) as host_port:
        name = _on_loopback(source, host_port)
        for _ in range(TRIES - 1):
            try:
                return _pulled(api, name, source, inputs, say)
            except ServiceError as error:
                # After a lost connection the engine continues for a while to load layers through it.
                if not _CLOSED_WAY.search(str(error)):
                    raise
                say("pulls the image again: an earlier pull was interrupted")
                time.sleep(PAUSE)
        return _pulled(api, name, source, inputs, say)


def _pulled(api: Any, name: str, source: str, inputs: HostInputs, say: Say) -> str:
    """Pull `name`, with the login for the registry of `source`."""
    # docker-py itself finds the login for the image's own name, including an identity token.
    login = login_of(source.partition("/")[0]) if name != source else None
    auth = {"username": login[0], "password": login[1]} if login else None
    refusal = functools.partial(_refusal, source, inputs, through_ssh=name != source)
    try:
        # Once the response has begun, an error is one of its lines; nothing else tells that the pull failed.
        for line in _progress(api.pull(name, auth_config=auth, stream=True, decode=True), say):
            if "error" in line:
                raise ServiceError(refusal(one_line(line["error"])))
        api.inspect_image(name)
    except APIError as error:
        raise ServiceError(refusal(message_of(error))) from error
    return name


def _progress(lines: Iterator[Mapping[str, Any]], say: Say) -> Iterator[Mapping[str, Any]]:
    """Pass on the lines of a pull as they arrive; `say` receives the loaded and total size of all layers."""
    layers = dict[str, tuple[int, int]]()
    for line in lines:
        if line.get("status") == "Downloading" and _note_layer(layers, line):
            loaded, total = (sum(sizes) / 1e6 for sizes in zip(*layers.values(), strict=True))
            say(f"pulls the image: {loaded:.0f} of {total:.0f} MB")
        yield line


def _note_layer(layers: dict[str, tuple[int, int]], line: Mapping[str, Any]) -> bool:
    """Note what a line says about its layer; False if it has another form, or a layer too many."""
    with contextlib.suppress(*MALFORMED):
        layer, detail = word(line["id"]), line["progressDetail"]
        sizes = count(detail.get("current", 0)), count(detail["total"], least=1)
        if layer in layers or len(layers) < MOST_LAYERS:
            layers[layer] = sizes
            return True
    return False


def _refusal(source: str, inputs: HostInputs, reason: str, *, through_ssh: bool) -> str:
    suffix = " through ssh" if through_ssh else ""
    registry, hint = source.partition("/")[0], ""
    if _NO_LOGIN.search(reason):
        hint = f". Log in with an account that may read it: {login_hint(registry)}"
    elif not through_ssh:
        hint = (
            f". It pulls by itself: it must reach {registry}, or `pull-from` must name a registry that it "
            "reaches"
        )
    return f"host {inputs['host']} can't pull {source}{suffix}: {reason}{hint}"
