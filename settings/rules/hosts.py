"""Rules over hosts: the registry that each pulls from, and the order in which they change."""

from collections.abc import Iterator

from catalogue.images import EXPORTER, PROXY
from settings.image import ImageSettings
from settings.names import opened_workspaces, pull_from, registries_of
from settings.stack import StackSettings
from settings.words import did_you_mean, not_listed
from settings.workspace import WorkspaceSettings


def pull_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of `pull-from`: unknown registries, and images that are not published there."""
    keys = {"skycoin:pull-from": settings.pull_from}
    keys |= {f"skycoin:hosts.{name}.pull-from": host.pull_from for name, host in settings.hosts.items()}
    for key, registry in keys.items():
        if registry is None:
            continue
        if settings.images_from is not None:
            yield f"{key}: {registry!r} needs images of this stack; with images-from, the other stack decides"
        elif registry not in settings.registries:
            yield f"{key}: {not_listed(registry, 'registries', settings.registries)}"
        elif settings.registries[registry].optional:
            yield f"{key}: {registry!r} is optional, but hosts can't do without it: name another one"
    if settings.images_from is None:
        yield from _missing(settings)


def rollout_faults(settings: StackSettings) -> Iterator[str]:
    """Yield an error if the rollout begins on a host that is unknown or has no node."""
    first = settings.rollout.first if settings.rollout is not None else None
    if first is None:
        return
    used = list(dict.fromkeys(node.host for node in settings.nodes.values()))
    if first not in used:
        hosts = (", ".join(used) or "none") + did_you_mean(first, used)
        yield f"skycoin:rollout.first: {first!r} is not the host of a node; hosts are {hosts}"


def _missing(settings: StackSettings) -> Iterator[str]:
    for key, host, image, image_settings in _wanted(settings):
        registry = pull_from(host, settings) if host in settings.hosts else None
        if registry in settings.registries and registry not in registries_of(image_settings, settings):
            yield (
                f"skycoin:{key}: host {host} pulls from {registry!r}, and skycoin:{image} is not published "
                f"there: add {registry} to its registries"
            )


def _wanted(settings: StackSettings) -> Iterator[tuple[str, str, str, ImageSettings | WorkspaceSettings]]:
    """Yield (key of a node or workspace, its host, key of an image that it runs, that image's settings)."""
    for name, node in settings.nodes.items():
        wanted = [node.image, *([EXPORTER] if node.metrics_port is not None else [])]
        wanted += [PROXY] if node.gui else []
        for image in wanted:
            if image in settings.images:
                yield f"nodes.{name}", node.host, f"images.{image}", settings.images[image]
    for name, opening in opened_workspaces(settings):
        key = f"workspaces.{name}"
        yield f"{key}.open", opening.host, key, settings.workspaces[name]
