"""Rules over the images of workspaces: architectures, Python versions, bases and registries."""

from collections.abc import Iterator

from catalogue.workspaces import WORKSPACES, WorkspaceEntry
from settings.names import registries_of, workspace_repository
from settings.rules.images import registry_faults, repository_fault
from settings.stack import StackSettings
from settings.words import did_you_mean
from settings.workspace import WorkspaceSettings


def workspace_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of workspaces, except those of their registries."""
    for name, workspace in settings.workspaces.items():
        key = f"skycoin:workspaces.{name}"
        entry = WORKSPACES.get(name)
        if entry is None:
            allowed = ", ".join(WORKSPACES) + did_you_mean(name, WORKSPACES)
            yield f"{key}: no such workspace; allowed: {allowed}"
            continue
        yield from _own_faults(key, entry, workspace)
        if entry.base is not None:
            yield from _base_faults(key, entry.base, workspace, settings)


def _own_faults(key: str, entry: WorkspaceEntry, workspace: WorkspaceSettings) -> Iterator[str]:
    if missing := [arch for arch in workspace.arches if arch not in entry.arches]:
        allowed = ", ".join(entry.arches)
        yield f"{key}.arches: {entry.name} does not support {', '.join(missing)}; allowed: {allowed}"
    if workspace.python is not None and workspace.python not in entry.pythons:
        takers = ", ".join(name for name, listed in WORKSPACES.items() if listed.pythons)
        yield f"{key}.python: {entry.name} has no Python version; this key is allowed in {takers}"


def _base_faults(key: str, base: str, workspace: WorkspaceSettings, settings: StackSettings) -> Iterator[str]:
    under = settings.workspaces.get(base)
    if under is None:
        added = f"add skycoin:workspaces.{base}, with the same arches"
        yield f"{key}: is built on {base}, which is missing: {added}"
        return
    for arch in workspace.arches:
        if arch not in under.arches:
            yield (
                f"{key}.arches: it is built on {base}, which is built for {', '.join(under.arches)} only: "
                f"add {arch} to skycoin:workspaces.{base}.arches"
            )


def workspace_registry_faults(settings: StackSettings) -> Iterator[str]:
    """Yield errors of the workspaces' registries, and of their repositories there."""
    for name, workspace in settings.workspaces.items():
        key, names = f"skycoin:workspaces.{name}", registries_of(workspace, settings)
        yield from registry_faults(key, names, settings)
        for registry in (
            settings.registries[registry_name]
            for registry_name in names
            if registry_name in settings.registries
        ):
            if name in WORKSPACES:
                repository = workspace_repository(WORKSPACES[name].repository, registry)
                if fault := repository_fault(repository, registry):
                    yield f"{key}.registries: {fault}"
