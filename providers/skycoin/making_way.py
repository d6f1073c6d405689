"""The proxy of a node that is to have its port itself again: it gives the port up before the node starts.

Pulumi deletes what the settings no longer have when all else is done, so the proxy still has the port that
the node's new container wants. It is stopped just before, and runs again where the new container fails: by
the handover, or by the watchdog of a board that was cut off. Its own resource deletes it later, stopped as it
is. A container that has nothing but the name of a proxy is somebody else's.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from docker.errors import DockerException, NotFound

from catalogue.images import CATALOGUE, PROXY
from catalogue.naming import proxy_name
from catalogue.titles import TITLE
from providers.base import ProviderError, Values
from providers.skycoin.handover import labels

GRACE = 10
"""Seconds between SIGTERM and SIGKILL: it has nothing to lose."""


@contextlib.contextmanager
def proxy_aside(api: Any, config: Values, name: str) -> Iterator[str]:
    """Stop the proxy of the node's container `name` where it has a port that the new one wants.

    Gives its id, which is empty where none is in the way. `config` is the new one's create request. Raises
    ProviderError, and the proxy runs again.
    """
    proxy = _in_the_way(api, _ports(config["HostConfig"]), name)
    if not proxy:
        yield ""
        return
    try:
        api.stop(proxy, timeout=GRACE)
        yield proxy
    except (ProviderError, DockerException, OSError) as error:
        raise ProviderError(f"{_said(error)}{_started(api, proxy, proxy_name(name))}") from error


def _in_the_way(api: Any, wanted: set[tuple[str, str]], name: str) -> str:
    """Id of the proxy's container, where it runs and has one of the ports; empty elsewhere."""
    try:
        found = api.inspect_container(proxy_name(name))
    except NotFound:
        return ""
    has_one = bool(_ports(found["HostConfig"]) & wanted)
    return str(found["Id"]) if has_one and found["State"]["Running"] and _is_proxy_of(name, found) else ""


def _is_proxy_of(name: str, found: Values) -> bool:
    """True for a container of the program's own proxy image whose command names the node's container."""
    return labels(found).get(TITLE) == CATALOGUE[PROXY].title and name in (found["Config"].get("Cmd") or ())


def _started(api: Any, proxy: str, name: str) -> str:
    """Start the proxy again; a line for the error where that fails too."""
    try:
        api.start(proxy)
    except (DockerException, OSError) as error:
        return f"\nIts proxy {name} was stopped, and did not start again: {_said(error)}"
    return ""


def _said(error: Exception) -> str:
    return str(getattr(error, "explanation", None) or error)


def _ports(host: Values) -> set[tuple[str, str]]:
    """(address, port) of all that a container publishes."""
    bindings = host.get("PortBindings") or {}
    return {(one["HostIp"], str(one["HostPort"])) for its in bindings.values() for one in its}
