"""A complete and valid configuration of a stack, as read from YAML, to break one thing at a time."""

import copy
import json
from collections.abc import Mapping
from typing import Any

COMMIT = "13141d81aaa5fa3c653522f6d462dfc851c962f2"
DIGEST = f"sha256:{'d' * 64}"
EXPORTER: Mapping[str, Any] = {
    "source": {
        "module": "github.com/prometheus-community/json_exporter",
        "version": "v0.7.0",
        "commit": "06fb506a4c5d242186f198b9c8bf072212f3a134",
    },
    "arches": ["amd64"],
    "channel": "release",
}
"""The image exporter, as `skycoin:images` takes it."""
PROXY: Mapping[str, Any] = {
    "source": {"debian": "nginx", "version": "v1.22.1"},
    "arches": ["amd64"],
    "channel": "develop",
}
"""The image proxy, for one architecture."""
REGISTRY: Mapping[str, Any] = {
    "source": {
        "module": "github.com/distribution/distribution/v3",
        "version": "v3.1.2",
        "commit": "1" * 40,
    },
    "arches": ["amd64"],
    "channel": "release",
    "registries": ["local"],
}
"""The image registry, published where a hosted registry can pull it from."""

SKYWIRE: Mapping[str, Any] = {
    "source": {"git": "https://github.com/skycoin/skywire.git", "version": "v1.3.29", "commit": "1" * 40},
    "arches": ["amd64", "arm32v6"],
    "channel": "release",
}
"""The image skywire, as `skycoin:images` takes it. The commit is invented: no test fetches it."""

_VALID: dict[str, Any] = {
    "registries": {"local": {"kind": "local"}},
    "images": {
        "skycoin": {
            "source": {"module": "github.com/skycoin/skycoin", "version": "v0.27.1", "commit": COMMIT},
            "arches": ["amd64", "arm32v7"],
            "channel": "release",
        }
    },
    "hosts": {"here": {"engine": "local"}, "attic": {"engine": "ssh://pi@attic.lan", "arch": "arm32v7"}},
    "nodes": {"one": {"image": "skycoin", "host": "here"}, "two": {"image": "skycoin", "host": "attic"}},
}


def changed(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The valid configuration with `a.b.c` set to a value; None removes the key."""
    raw = copy.deepcopy(_VALID)
    for path, value in changes.items():
        *above, key = path.split(".")
        place = raw
        for part in above:
            place = place.setdefault(part, {})
        if value is None:
            del place[key]
        else:
            place[key] = value
    return raw


def as_pulumi_gives_it(raw: Mapping[str, Any]) -> dict[str, str]:
    """The configuration with full keys, and with JSON in place of all values but strings."""
    return {
        f"skycoin:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in raw.items()
    }
