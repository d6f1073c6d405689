"""The proxy of a node that is to have its port itself again: it gives the port up before the node starts.

Pulumi deletes what the settings no longer have when all else is done, so the proxy still has the port that
the node's new container wants. It is stopped just before, and runs again where the new container fails. Its
own resource deletes it later, stopped as it is.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

from docker.errors import DockerException, NotFound

from catalogue.naming import proxy_name
from providers.base import ProviderError, Values

GRACE = 10
"""Seconds between SIGTERM and SIGKILL: it has nothing to lose."""


@contextlib.contextmanager
def proxy_aside(api: Any, config: Values, name: str) -> Iterator[None]:
    """Stop the proxy of the node's container `name` where it has a port that the new one wants.

    `config` is the new one's create request. Raises ProviderError, and the proxy runs again.
    """
    proxy = _in_the_way(api, _ports(config["HostConfig"]), proxy_name(name))
    if proxy is None:
        yield
        return
    try:
        api.stop(proxy, timeout=GRACE)
        yield
    except (ProviderError, DockerException, OSError) as error:
        raise ProviderError(f"{_said(error)}{_started(api, proxy, proxy_name(name))}") from error


def _in_the_way(api: Any, wanted: set[tuple[str, str]], proxy: str) -> str | None:
    """Id of the proxy's container, where it runs and has one of the ports."""
    try:
        found = api.inspect_container(proxy)
    except NotFound:
        return None
    has_one = bool(_ports(found["HostConfig"]) & wanted)
    return str(found["Id"]) if has_one and found["State"]["Running"] else None


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
