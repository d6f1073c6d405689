"""Reader of a stack's configuration, which returns the settings or reports all errors at once."""

import json
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from clients.age import SECRET_KEY
from display.units import count_of
from settings.fields import LOGIN, SECRET
from settings.partial import entry_faults, known_faults, without_wrong
from settings.places import StackFile, read_stack_file, yaml_fault
from settings.proxy import with_proxy
from settings.pulumi_yaml import pulumi_values
from settings.rules import cross_faults
from settings.schema import NAMESPACE, SECRETS, Location, at, keys_beside
from settings.stack import StackSettings
from settings.words import allowed, example, nearest, sentence, yaml_of

_NOTHING: Mapping[str, Any] = MappingProxyType({})
_OWN = "Value error, "
"""Pydantic's prefix for an error that this program raised itself."""
_SHOWN = 160
"""Maximum length of a shown value, in characters."""
NO_LOGIN = (
    "No setting accepts a login: use `docker login`. A secret for builds is given with `pulumi config set "
    f"--secret --path '{NAMESPACE}:{SECRETS}.NAME'`"
)
ENCRYPTED = f"only `{NAMESPACE}:{SECRETS}` accepts secrets"
BARE = "a key without a namespace, which Pulumi would use in place of `{0}`: write `{0}`"
IN_CLEAR = (
    f"remove it from the YAML, and set each with `pulumi config set --secret --path "
    f"'{NAMESPACE}:{SECRETS}.NAME'`, which asks for the value"
)
ONE_VALUE = "encrypted as one value, which hides the names"


class SettingsError(Exception):
    """All errors of a stack's YAML, one line each: the key, the value, and what is allowed.

    The place of the key follows the line if it has the same value in `file` as in `raw`.
    """

    def __init__(
        self, faults: Sequence[str], file: StackFile | None = None, raw: Mapping[str, Any] = _NOTHING
    ) -> None:
        self.faults = list(faults)
        count = count_of(len(faults), "configuration error")
        lines = [f"{count}, nothing was changed:"]
        for fault in faults:
            lines += [f"  - {fault}", *(f"    {line}" for line in (file.place(fault, raw) if file else ()))]
        super().__init__("\n".join(lines))


def _key(location: Location) -> str:
    parts = [f"[{part}]" if isinstance(part, int) else f".{part}" for part in location]
    return f"{NAMESPACE}:{''.join(parts).lstrip('.')}"


def _fault(error: ErrorDetails, raw: Mapping[str, Any]) -> str:
    """Line for one error of pydantic."""
    location, key = error["loc"], _key(error["loc"])
    if error["type"] == "missing":
        schema = at(location)
        such = f", such as {yaml_of(example(schema))}" if schema.get("type") == "string" else ""
        return f"{key}: missing, but required ({allowed(schema)}{such})"
    if error["type"] == "extra_forbidden":
        return f"{key}: unknown key {_not_known(error, raw)}"
    is_own = error["type"] == "value_error"
    message = str(error["msg"]).removeprefix(_OWN) if is_own else sentence(at(location), error["input"])
    names = map(str, at(location).get("enum", ())) if isinstance(error["input"], str) else ()
    if meant := nearest(error["input"], names):
        message = f"did you mean {meant}? {message[0].upper()}{message[1:]}"
    return f"{key}: {_given(error)}: {message}"


def _not_known(error: ErrorDetails, raw: Mapping[str, Any]) -> str:
    if SECRET.search(str(error["loc"][-1])):
        return f"(value not shown). {NO_LOGIN}"
    meant = _meant(error["loc"], raw)
    hint = f"; did you mean {meant}? Allowed" if meant else "; allowed"
    return f"(value {_given(error)}){hint} here: {', '.join(keys_beside(error['loc']))}"


def _meant(location: Location, raw: Mapping[str, Any]) -> str | None:
    """Known key that was probably meant, unless it is given too."""
    entry = _entry(location[:-1], raw)
    return nearest(location[-1], [key for key in keys_beside(location) if key not in entry])


def _given(error: ErrorDetails) -> str:
    """Given value, cut and without possible secrets."""
    location, value = error["loc"], error["input"]
    if location[0] == SECRETS or SECRET_KEY.search(str(value)):
        return '"[secret]"'
    if any(SECRET.search(str(part)) for part in location) or "args" in location:
        return "[not shown]"
    shown = LOGIN.sub("[not shown]", json.dumps(value, default=str, ensure_ascii=False))
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 3]}…"


def parse(raw: Mapping[str, Any], file: StackFile | None = None) -> StackSettings:
    """Check the settings in `raw`, whose keys lack the namespace.

    Raises SettingsError with a line for each error and its place in the stack's file.
    """
    try:
        settings = with_proxy(StackSettings.model_validate(dict(raw)))
        faults, wrong = list[str](), set[Location]()
    except ValidationError as error:
        faults, wrong = _value_faults(error.errors(include_url=False), raw)
        settings = without_wrong(raw, wrong)
    for here, fault in entry_faults(settings):
        # The message names a key of the entry, whose other values may be secrets.
        faults.append(f"{_key(here)}: {fault}")
        wrong.add(_wrong(here, fault, raw))
    faults += known_faults(without_wrong(raw, wrong)) if wrong else cross_faults(settings)
    if faults:
        raise SettingsError(faults, file, raw)
    return settings


def _wrong(here: Location, fault: str, raw: Mapping[str, Any]) -> Location:
    """Location of the key that an entry's error begins with; that of the entry if it has no such key."""
    word, entry = fault.partition(" ")[0].rstrip(":"), _entry(here, raw)
    return (*here, word) if word in entry else here


def _entry(location: Location, raw: Mapping[str, Any]) -> Any:
    entry: Any = raw
    for part in location:
        entry = entry[part]
    return entry


def _value_faults(errors: Sequence[ErrorDetails], raw: Mapping[str, Any]) -> tuple[list[str], set[Location]]:
    """Lines for the errors of single values, and the locations of these values and of misspelt keys."""
    unknown = [error["loc"] for error in errors if error["type"] == "extra_forbidden"]
    slips = {(*location[:-1], key) for location in unknown if (key := _meant(location, raw))}
    reported = [error for error in errors if error["type"] != "missing" or error["loc"] not in slips]
    return [_fault(error, raw) for error in reported], {error["loc"] for error in errors} | slips


def secrets_in_clear(config: Mapping[str, Any]) -> list[str]:
    """Names of the build secrets that the configuration in a stack's file does not encrypt.

    Pulumi treats all of them as secret if one is (sdk/go/common/resource/config `object.Secure`).
    """
    secrets = config.get(f"{NAMESPACE}:{SECRETS}")
    if not isinstance(secrets, Mapping):
        return []
    return sorted(
        name for name, value in secrets.items() if not isinstance(value, Mapping) or "secure" not in value
    )


def written_config(file: Path) -> dict[str, Any]:
    """Configuration in a stack's file; empty if there is no such file.

    Raises SettingsError if the file is not YAML in UTF-8; Pulumi also reads UTF-16.
    """
    if not file.is_file():  # `--config-file` names another
        return {}
    text = ""
    try:
        text = file.read_text()
        whole = pulumi_values(text, strict=False)  # Pulumi has accepted the file
    except (yaml.YAMLError, RecursionError, UnicodeDecodeError) as error:
        raise SettingsError([yaml_fault(f"{file.parent.name}/{file.name}", text, error)]) from None
    config = whole.get("config") if isinstance(whole, dict) else None
    return config if isinstance(config, dict) else {}


def read_settings(
    config: Mapping[str, str], secret_keys: Collection[str] = (), path: Path | None = None
) -> StackSettings:
    """Read the settings of a stack from Pulumi's configuration: full keys → JSON or plain text.

    Keys of other namespaces (`pulumi:`, `docker:`) are ignored. `secret_keys` are the keys whose values are
    encrypted in the YAML; `path` is the stack's file, if it is known. Raises SettingsError with all errors.
    """
    prefix = f"{NAMESPACE}:"
    raw = {
        key.removeprefix(prefix): _decode(value) for key, value in config.items() if key.startswith(prefix)
    }
    known, faults = dict(raw), []
    written = written_config(path) if path else {}
    if SECRETS in raw and f"{prefix}{SECRETS}" not in secret_keys:
        faults.append(f"{prefix}{SECRETS}: [not shown]: given in plain text; {IN_CLEAR}")
        del known[SECRETS]
    elif in_clear := secrets_in_clear(written):
        # To Pulumi, text under the key `secure` alone is an encrypted value.
        is_one = in_clear == ["secure"]
        why = ONE_VALUE if is_one else f"{', '.join(in_clear)} given in plain text"
        faults.append(f"{prefix}{SECRETS}: [not shown]: {why}; {IN_CLEAR}")
    for key in sorted(set(secret_keys) - {f"{prefix}{SECRETS}"}):
        if key.startswith(prefix):
            faults.append(
                f"{key}: [not shown]: has an encrypted value, which would be in the state "
                f"in plain text; {ENCRYPTED}"
            )
    # Pulumi prefers such a key to that of the project.
    without_namespace = sorted(key for key in written if ":" not in key)
    faults += [f"{key}: {BARE.format(f'{prefix}{key}')}" for key in without_namespace]
    file = read_stack_file(path) if path else None
    try:
        settings = parse(known, file)
    except SettingsError as error:
        faults += error.faults
    if faults:
        raise SettingsError(faults, file, raw)
    return settings


def _decode(value: str) -> Any:
    if value[:1] not in ("{", "["):
        return value
    try:
        return json.loads(value)
    except json.JSONDecodeError:
        return value
