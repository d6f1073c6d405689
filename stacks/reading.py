"""From a stack's configuration to its settings, or to all of its errors at once."""

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from stacks.hosted import hosted_faults
from stacks.model import Settings
from stacks.opening import OpenSettings
from stacks.rules import cross_faults
from stacks.settings import (
    HostSettings,
    ImageSettings,
    NodeSettings,
    RegistrySettings,
    SourceSettings,
    StackSettings,
    WorkspaceSettings,
    WorkspaceUserSettings,
)

NAMESPACE = "skycoin"


class SettingsError(Exception):
    """All faults of a stack's YAML: one line each, with the key, the value, what is allowed."""

    def __init__(self, faults: list[str]) -> None:
        self.faults = faults
        count = f"{len(faults)} configuration error{'s' if len(faults) > 1 else ''}"
        super().__init__("\n".join([f"{count}, nothing was changed:", *(f"  - {fault}" for fault in faults)]))


def _key(location: tuple[int | str, ...]) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return f"{NAMESPACE}:{''.join(parts).lstrip('.')}"


def _sentence(error: Mapping[str, Any], siblings: list[str]) -> str:
    key, given = _key(error["loc"]), json.dumps(error["input"], default=str, ensure_ascii=False)
    match error["type"]:
        case "extra_forbidden":
            return f"{key}: unknown key (value {given}); allowed here: {', '.join(siblings)}"
        case "missing":
            return f"{key}: missing; it must be given"
    message = str(error["msg"]).removeprefix("Value error, ")
    shown = given if len(given) <= 160 else f"{given[:157]}…"
    return f"{key}: {shown}: {message}"


def _keys_at(location: tuple[int | str, ...]) -> list[str]:
    """YAML keys allowed beside the last element of a location."""
    models: dict[str, type[Settings]] = {
        "registries": RegistrySettings,
        "images": ImageSettings,
        "workspaces": WorkspaceSettings,
        "hosts": HostSettings,
        "nodes": NodeSettings,
    }
    model: type[Settings] = StackSettings
    if location[0] == "workspace-user" and len(location) > 1:
        model = WorkspaceUserSettings
    elif len(location) > 2:
        parts: dict[str, type[Settings]] = {"source": SourceSettings, "open": OpenSettings}
        inner = parts.get(str(location[2])) if len(location) > 3 else None
        model = inner or models[str(location[0])]
    return [field.alias or name for name, field in model.model_fields.items()]


def parse(raw: Mapping[str, Any]) -> StackSettings:
    """The settings in `raw`, whose keys lack the namespace.

    Raises SettingsError with one line for each fault.
    """
    try:
        settings = StackSettings.model_validate(dict(raw))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise SettingsError([_sentence(entry, _keys_at(entry["loc"])) for entry in found]) from None
    if faults := [*cross_faults(settings), *hosted_faults(settings)]:
        raise SettingsError(faults)
    return settings


def read_settings(config: Mapping[str, str]) -> StackSettings:
    """The settings of a stack from Pulumi's configuration: full keys → JSON or plain text.

    Keys of other namespaces (`pulumi:`, `docker:`) are not this program's.
    """
    prefix = f"{NAMESPACE}:"
    raw = {
        key.removeprefix(prefix): _decode(value) for key, value in config.items() if key.startswith(prefix)
    }
    return parse(raw)


def _decode(value: str) -> Any:
    if value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
