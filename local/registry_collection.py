"""`skyinfra setup collect`: removes unneeded images from the local registry.

Manifests are removed by digest, through the registry's API. The registry's own garbage collection then
removes their blobs while the registry is stopped, because it would also remove the blobs of a running push. A
push or pull in these seconds fails and must be repeated. A killed run leaves a registry that still has
everything needed; the next run continues.
"""

import re
from collections.abc import Callable, Collection, Iterable
from pathlib import Path

from clients.registry import Repository
from local.machine.layout import PROJECT, Layout
from local.machine.services import Service, running_pid, start, stop
from local.machine.steps import run, step
from local.machine.tools import REGISTRY, ensure_tool, find_go
from local.pulumi.cli import known_environment
from local.registry.contents import Garbage, garbage
from local.registry.server import registry_service
from local.stacks.lock import exclusive
from local.stacks.states import all_stacks, require_unlocked, state_file

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digests(texts: Iterable[str]) -> frozenset[str]:
    """All digests in these texts."""
    return frozenset(digest for text in texts for digest in _DIGEST.findall(text))


def collect(layout: Layout, agreed: Callable[[Garbage], bool]) -> Garbage | None:
    """Pass what would be removed to `agreed`, and remove it if the answer is True.

    Returns what was removed, or None if nothing was. What became needed before the answer stays.

    Raises SetupError, with nothing changed, if nothing is set up, or if another command or pulumi is running.
    """
    known_environment(layout)  # raises if there is no set-up
    with exclusive(layout, "skyinfra setup collect"):
        unneeded = _unneeded(layout)
        if unneeded.is_empty or not agreed(unneeded):
            return None
        unneeded = _still_unneeded(layout, unneeded)
        _remove(layout, unneeded, registry_service(layout, ensure_tool(layout, find_go(layout), REGISTRY)))
        return unneeded


def _unneeded(layout: Layout, keep: Collection[str] = ()) -> Garbage:
    """List what no tag or stack needs and `keep` does not name. Raises SetupError if pulumi is running."""
    for stack in all_stacks(layout):
        require_unlocked(layout, stack)
    return garbage(layout.state / "registry", named(layout).union(keep))


def _still_unneeded(layout: Layout, shown: Garbage) -> Garbage:
    """Shown content that is still unneeded: others may deploy, tag or push while a question is open."""
    later = {*_unneeded(layout).manifests}.difference(shown.manifests)
    return _unneeded(layout, [manifest.digest for manifest in later])


def named(layout: Layout) -> frozenset[str]:
    """Digests in the states or files of stacks, and of the set-up's bases."""
    states = (state_file(layout, stack) for stack in all_stacks(layout))
    return _in_files(*states, layout.bases) | named_in_files()


def named_in_files() -> frozenset[str]:
    """Digests in the files of stacks."""
    return _in_files(*(PROJECT / "stacks").glob("*.yaml"))


def _in_files(*paths: Path) -> frozenset[str]:
    return digests(path.read_text() for path in paths if path.exists())


def _remove(layout: Layout, unneeded: Garbage, service: Service) -> None:
    was_running = running_pid(layout, service.name) is not None
    start(layout, service)
    try:
        with step("unneeded manifests") as this:
            for manifest in unneeded.manifests:
                Repository(f"{layout.registry}/{manifest.repository}").remove(manifest.digest)
            this.found = f"{len(unneeded.manifests)} removed"
    finally:
        if not was_running:
            stop(layout, service.name)
    collect_blobs(layout, service)


def collect_blobs(layout: Layout, service: Service) -> None:
    """Remove blobs that no manifest refers to; a running registry is stopped in the meantime."""
    program, _, config = service.argv
    is_running = stop(layout, service.name)
    try:
        with step("unneeded blobs"):
            run([program, "garbage-collect", config], log=layout.logs / "registry-collection.log")
    finally:
        if is_running:
            start(layout, service)
