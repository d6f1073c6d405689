"""Release of the port of a node's proxy before the node itself publishes that port again.

Pulumi deletes resources that left the settings only after everything else, so the proxy still owns the port
that the node's new container needs. The proxy is stopped just before. If the new container fails, the proxy
is started again: by the handover, or by the watchdog of a board that was cut off. Otherwise its own resource
deletes it later. A container that only has the proxy's name is left alone.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from docker.errors import DockerException, NotFound

from catalogue.images import CATALOGUE, PROXY
from catalogue.naming import proxy_name
from catalogue.titles import TITLE
from clients.errors import ServiceError, message_of
from providers.kind import ProviderError, Values
from providers.skycoin.handover import labels

GRACE = 10
"""Seconds between SIGTERM and SIGKILL; a proxy has nothing to save."""


@contextlib.contextmanager
def proxy_aside(api: Any, config: Values, name: str) -> Iterator[str]:
    """Stop the proxy of the node's container `name` if it owns a port that the new container needs.

    Yields the proxy's id; empty if none is in the way. `config` is the create request of the new container.
    If the block fails, the proxy is started again, and ProviderError is raised.
    """
    proxy = _in_the_way(api, _ports(config["HostConfig"]), name)
    if not proxy:
        yield ""
        return
    try:
        api.stop(proxy, timeout=GRACE)
        yield proxy
    except (ProviderError, ServiceError, DockerException, OSError) as error:
        raise ProviderError(f"{message_of(error)}{_started(api, proxy, proxy_name(name))}") from error


def _in_the_way(api: Any, needed: set[tuple[str, str]], name: str) -> str:
    """Id of the proxy's container if it is running and owns one of the ports; otherwise empty."""
    try:
        proxy = api.inspect_container(proxy_name(name))
    except NotFound:
        return ""
    has_one = bool(_ports(proxy["HostConfig"]) & needed)
    return str(proxy["Id"]) if has_one and proxy["State"]["Running"] and _is_proxy_of(name, proxy) else ""


def _is_proxy_of(name: str, container: Values) -> bool:
    """True for a container of this program's proxy image whose command names the node's container."""
    return labels(container).get(TITLE) == CATALOGUE[PROXY].title and name in (
        container["Config"].get("Cmd") or ()
    )


def _started(api: Any, proxy: str, name: str) -> str:
    """Start the proxy again; return a line with the error if that fails too."""
    try:
        api.start(proxy)
    except (DockerException, OSError) as error:
        return f"\nIts proxy {name} was stopped, and could not be started again: {message_of(error)}"
    return ""


def _ports(host: Values) -> set[tuple[str, str]]:
    """Pairs (address, port) that a container publishes."""
    bindings = host.get("PortBindings") or {}
    return {
        (binding["HostIp"], str(binding["HostPort"]))
        for port_bindings in bindings.values()
        for binding in port_bindings
    }
