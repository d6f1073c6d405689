"""From a stack's configuration to its settings, or to all of its errors at once."""

import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from clients.age import SECRET_KEY
from settings.fields import LOGIN, SECRET
from settings.host import HostSettings
from settings.image import ImageSettings, SourceSettings
from settings.limits import Limits
from settings.model import Settings
from settings.node import NodeSettings, RollbackSettings
from settings.opening import OpenSettings
from settings.registry import RegistrySettings
from settings.rules import cross_faults
from settings.stack import StackSettings
from settings.wallets import WalletsSettings
from settings.workspace import WorkspaceSettings, WorkspaceUserSettings

NAMESPACE = "skycoin"
SECRETS = "build-secrets"


NO_LOGIN = (
    "No setting takes a login: use `docker login`. A secret for builds is given with `pulumi config set "
    f"--secret --path '{NAMESPACE}:{SECRETS}.NAME'`"
)
IN_CLEAR = (
    f"take it out of the YAML, and give each with `pulumi config set --secret --path "
    f"'{NAMESPACE}:{SECRETS}.NAME'`, which asks for the value"
)


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
    is_secret = error["loc"][0] == SECRETS or SECRET_KEY.search(str(error["input"]))
    shown_as = "[secret]" if is_secret else error["input"]
    key, given = _key(error["loc"]), json.dumps(shown_as, default=str, ensure_ascii=False)
    match error["type"]:
        case "extra_forbidden" if SECRET.search(str(error["loc"][-1])):
            return f"{key}: unknown key (value not shown). {NO_LOGIN}"
        case "extra_forbidden":
            return f"{key}: unknown key (value {given}); allowed here: {', '.join(siblings)}"
        case "missing":
            return f"{key}: missing; it must be given"
    message = str(error["msg"]).removeprefix("Value error, ")
    if isinstance(error["input"], Mapping):
        # A whole entry: the message names the key that it is about; another may hold a secret.
        return f"{key}: {message}"
    if any(SECRET.search(str(part)) for part in error["loc"]):
        return f"{key}: [not shown]: {message}"
    given = LOGIN.sub("[not shown]", given)
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
    sections: dict[str, type[Settings]] = {
        "workspace-user": WorkspaceUserSettings,
        "wallets": WalletsSettings,
    }
    if location[0] in sections and len(location) > 1:
        model = sections[str(location[0])]
    elif len(location) > 2:
        parts: dict[str, type[Settings]] = {
            "source": SourceSettings,
            "open": OpenSettings,
            "rollback": RollbackSettings,
        }
        inner = parts.get(str(location[2])) if len(location) > 3 else None
        model = inner or models.get(str(location[0]), model)
    # Its own first: what it shares with others is a long list.
    shared = Limits.model_fields if issubclass(model, Limits) else ()
    fields = sorted(model.model_fields.items(), key=lambda field: field[0] in shared)
    return [field.alias or name for name, field in fields]


def parse(raw: Mapping[str, Any]) -> StackSettings:
    """The settings in `raw`, whose keys lack the namespace.

    Raises SettingsError with one line for each fault.
    """
    try:
        settings = StackSettings.model_validate(dict(raw))
    except ValidationError as error:
        found = error.errors(include_url=False)
        raise SettingsError([_sentence(entry, _keys_at(entry["loc"])) for entry in found]) from None
    if faults := cross_faults(settings):
        raise SettingsError(faults)
    return settings


def secrets_in_clear(file: Path) -> list[str]:
    """Names of the build secrets that a stack's file does not encrypt.

    Pulumi calls all of them secret where one is (sdk/go/common/resource/config `object.Secure`).
    """
    if not file.is_file():  # `--config-file` names another
        return []
    config = (yaml.safe_load(file.read_text()) or {}).get("config") or {}
    secrets = config.get(f"{NAMESPACE}:{SECRETS}")
    if not isinstance(secrets, Mapping):
        return []
    return sorted(
        name for name, value in secrets.items() if not isinstance(value, Mapping) or "secure" not in value
    )


def read_settings(
    config: Mapping[str, str], secret_keys: Collection[str] = (), in_clear: Collection[str] = ()
) -> StackSettings:
    """The settings of a stack from Pulumi's configuration: full keys → JSON or plain text.

    Keys of other namespaces (`pulumi:`, `docker:`) are not this program's. `secret_keys` are those
    with a value that is encrypted in the YAML, `in_clear` the build secrets that are not.
    """
    prefix = f"{NAMESPACE}:"
    raw = {
        key.removeprefix(prefix): _decode(value) for key, value in config.items() if key.startswith(prefix)
    }
    faults = []
    if SECRETS in raw and f"{prefix}{SECRETS}" not in secret_keys:
        faults.append(f"{prefix}{SECRETS}: [not shown]: given in clear; {IN_CLEAR}")
        del raw[SECRETS]
    elif in_clear:
        names = ", ".join(in_clear)
        faults.append(f"{prefix}{SECRETS}: [not shown]: {names} given in clear; {IN_CLEAR}")
    try:
        settings = parse(raw)
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(faults)
    return settings


def _decode(value: str) -> Any:
    if value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
