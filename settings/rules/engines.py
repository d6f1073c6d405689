"""Rules over container names, ports and volumes, each of which an engine can have only once."""

from collections import defaultdict
from collections.abc import Iterator
from itertools import chain

from catalogue.naming import copies_volume, exporter_name, previous_container, proxy_name
from settings.names import (
    container_name,
    engine_of,
    login_volume_name,
    node_ports,
    opened_workspaces,
    page_port,
    volume_names,
    workspace_container,
    workspace_volumes,
)
from settings.stack import StackSettings


def container_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for containers with the same name."""
    users = {
        (engine_of(settings, opening.host), workspace_container(name)): f"workspaces.{name}.open"
        for name, opening in opened_workspaces(settings)
    }
    for name, node in settings.nodes.items():
        container = container_name(name, node.image)
        names = [(f"nodes.{name}", container), (f"nodes.{name}", previous_container(container))]
        if node.metrics_port is not None:
            names.append((f"nodes.{name}.metrics-port", exporter_name(container)))
        if node.gui:
            names.append((f"nodes.{name}.gui", proxy_name(container)))
        for key, wanted in names:
            first = users.setdefault((engine_of(settings, node.host), wanted), key)
            if first != key:
                taken = f"container name {wanted!r} is already used by skycoin:{first}"
                yield f"skycoin:{key}: {taken}; give the node another name"


def ports_of(settings: StackSettings) -> dict[tuple[str, int], list[str]]:
    """(engine, port) → keys of the settings of nodes and opened workspaces that need the port."""
    users: dict[tuple[str, int], list[str]] = defaultdict(list)
    for engine, port, key in opened_ports(settings):
        users[engine, port].append(key)
    for name, node in settings.nodes.items():
        engine = engine_of(settings, node.host)
        for key, (_, port) in node_ports(node).items():
            users[engine, port].append(f"nodes.{name}.{key}")
    return users


def port_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for entries with the same port; each suggests a free port."""
    users = ports_of(settings)
    taken = set(users)
    for (engine, port), keys in users.items():
        for key in keys[1:]:
            others = chain(range(port + 1, 65536), range(1024, port))
            free = next(number for number in others if (engine, number) not in taken)
            taken.add((engine, free))
            which = "" if _is_given(key, settings) else ", the default,"
            yield (
                f"skycoin:{key}: {port}{which} is already taken on engine {engine} by skycoin:{keys[0]}; "
                f"write another one, such as {key.rpartition('.')[2]}: {free}"
            )


def _is_given(key: str, settings: StackSettings) -> bool:
    """False if the port of a node is the default."""
    entry, _, name = key.removeprefix("nodes.").rpartition(".")
    node = settings.nodes.get(entry)
    return node is None or name.replace("-", "_") in node.model_fields_set


def volumes_of(settings: StackSettings) -> dict[tuple[str, str], list[str]]:
    """(engine, volume) → keys of the settings of nodes and opened workspaces that need the volume."""
    users: dict[tuple[str, str], list[str]] = defaultdict(list)
    for name, opening in opened_workspaces(settings):
        for volume in filter(None, workspace_volumes(name, opening)):
            users[engine_of(settings, opening.host), volume].append(f"workspaces.{name}.open")
    for name, node in settings.nodes.items():
        engine = engine_of(settings, node.host)
        data, wallet = volume_names(name, node)
        users[engine, data].append(f"nodes.{name}.data-volume")
        users[engine, wallet].append(f"nodes.{name}.wallet-volume")
        if node.gui:
            users[engine, login_volume_name(name, node)].append(f"nodes.{name}.gui")
    return users


def volume_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors for entries with the same volume."""
    users = volumes_of(settings)
    for (engine, volume), keys in users.items():
        for key in keys[1:]:
            yield (
                f"skycoin:{key}: volume {volume!r} on engine {engine} is already used by skycoin:{keys[0]}; "
                f"{_why_alone(keys[0], key)}"
            )
    for name, node in settings.nodes.items():
        backups = copies_volume(volume_names(name, node)[1])
        for key in users.get((engine_of(settings, node.host), backups), ()):
            held = f"volume {backups!r} holds the copies of node {name}'s wallet"
            yield f"skycoin:{key}: {held}; give another volume"


def _why_alone(*keys: str) -> str:
    """Reason why two keys can't name the same volume."""
    if any(key.endswith(".wallet-volume") for key in keys):
        return "a wallet has one writer: give each its own volume"
    return "two writers would damage its data: give each its own volume"


def opened_ports(settings: StackSettings) -> Iterator[tuple[str, int, str]]:
    """Yield (engine, port, key) for every port of an opened workspace."""
    for name, opening in opened_workspaces(settings):
        if (port := page_port(name, opening)) is not None:
            yield engine_of(settings, opening.host), port, f"workspaces.{name}.open.port"
