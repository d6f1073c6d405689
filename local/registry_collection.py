"""`skyinfra setup collect`: remove from the local registry what nothing needs.

Manifests are removed by digest, over the registry's API. The registry's own garbage collection removes their
blobs while the registry is stopped: it would also take the blobs of a running push. A push or pull in these
seconds is refused, and has to be tried again. A run that was killed leaves a registry that lacks nothing that
is needed; the next one goes on.
"""

import re
from collections.abc import Callable, Iterable
from pathlib import Path

from clients.registry import Repository
from local.layout import PROJECT, Layout
from local.lock import exclusive
from local.pulumi_cli import known_environment
from local.registry import registry_service
from local.registry_contents import Garbage, garbage
from local.services import Service, running_pid, start, stop
from local.stack import all_stacks, refuse_while_locked, state_file
from local.steps import run, step
from local.tools import REGISTRY, ensure_tool, find_go

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")


def digests(texts: Iterable[str]) -> frozenset[str]:
    """Digests that are anywhere in these texts."""
    return frozenset(digest for text in texts for digest in _DIGEST.findall(text))


def collect(layout: Layout, agreed: Callable[[Garbage], bool]) -> Garbage | None:
    """Show to `agreed` what would be removed, and remove it if that answers True; None where nothing went.

    Raises SetupError, with nothing changed, where another command or pulumi is at work.
    """
    known_environment(layout)  # or there is no set-up
    with exclusive(layout, "skyinfra setup collect"):
        for stack in all_stacks(layout):
            refuse_while_locked(layout, stack)
        found = garbage(layout.state / "registry", named(layout))
        if found.is_empty or not agreed(found):
            return None
        _remove(layout, found, registry_service(layout, ensure_tool(layout, find_go(layout), REGISTRY)))
        return found


def named(layout: Layout) -> frozenset[str]:
    """Digests that a stack's state or file names, or the set-up's bases."""
    states = (state_file(layout, stack) for stack in all_stacks(layout))
    return _in_files(*states, layout.bases) | named_in_files()


def named_in_files() -> frozenset[str]:
    """Digests that the file of a stack names."""
    return _in_files(*(PROJECT / "stacks").glob("*.yaml"))


def _in_files(*paths: Path) -> frozenset[str]:
    return digests(path.read_text() for path in paths if path.exists())


def _remove(layout: Layout, found: Garbage, service: Service) -> None:
    was_running = running_pid(layout, service.name) is not None
    start(layout, service)
    try:
        with step("manifests that nothing needs") as this:
            for one in found.manifests:
                Repository(f"{layout.registry}/{one.repository}").remove(one.digest)
            this.found = f"{len(found.manifests)} removed"
    finally:
        if not was_running:
            stop(layout, service.name)
    collect_blobs(layout, service)


def collect_blobs(layout: Layout, service: Service) -> None:
    """Remove blobs that no manifest names; a registry that runs is stopped meanwhile."""
    program, _, config = service.argv
    is_running = stop(layout, service.name)
    try:
        with step("blobs that nothing needs"):
            run([program, "garbage-collect", config], log=layout.logs / "registry-collection.log")
    finally:
        if is_running:
            start(layout, service)
