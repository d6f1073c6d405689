"""The docker provider's own inputs: an engine's address, ssh options, and registries that need a login."""

import json
from typing import Any

from providers.container.inputs import checked
from providers.container.schema import LIST, TEXT, Schema, Type, of
from providers.kind import UNKNOWN, CheckResult, Values

CONFIGURATION: Schema = {
    "host": TEXT,
    "sshOpts": LIST,
    "registryAuth": of(LIST, parts={"address": of(TEXT, required=True)}),
    "version": TEXT,
    "pluginDownloadURL": TEXT,
}
"""Inputs by name. A registry has only an address: its login is in the docker config and never in a state."""


def check_configuration(inputs: Values) -> CheckResult:
    """Check the inputs; a list is kept as JSON text without spaces, as in the official plugin."""
    try:
        parsed = {key: _parsed(key, value) for key, value in inputs.items()}
    except ValueError as error:
        return CheckResult(inputs=inputs, failures=[(str(error), "is not a JSON list")])
    result = checked(CONFIGURATION, parsed)
    result.failures.extend((key, "no such input") for key in inputs if key.startswith("__"))
    lists = {
        key: json.dumps(value, separators=(",", ":")) for key, value in parsed.items() if _is_list(key, value)
    }
    return CheckResult(inputs=result.inputs | lists, failures=result.failures)


def _is_list(key: str, value: Any) -> bool:
    return key in CONFIGURATION and CONFIGURATION[key].type is Type.LIST and value != UNKNOWN


def _parsed(key: str, value: Any) -> Any:
    """Parse a list that was given as JSON text. Raises ValueError with the key."""
    if not _is_list(key, value) or not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError(key) from None
