"""The label by which the stand-in knows what a killed `up` of its own has left behind."""

import hashlib
import json
from collections.abc import Mapping

from providers.base import URN, ProviderError, Values

MARK = "skycoin.stand-in.made-for"


def mark(inputs: Values) -> str:
    """SHA-256 of the resource's URN and of the inputs that it is made from."""
    return hashlib.sha256(json.dumps([URN.get(), inputs], sort_keys=True).encode()).hexdigest()


def left_behind(subject: str, found: Values, labels: Mapping[str, str] | None, inputs: Values) -> str:
    """Id of what is there under the wanted name: a killed `up` made it for this resource, of these inputs.

    Raises ProviderError where it is another: then it is not known whose it is.
    """
    if (labels or {}).get(MARK) == mark(inputs):
        return str(found["Id"])
    kind, _, name = subject.partition(" ")
    stop = f"docker stop -t 60 {name} && " if kind == "container" else ""
    raise ProviderError(
        f"{subject}: the name is already in use, by one that is not in the state; a killed `up` can leave "
        f"one. Look at it: `docker {kind} inspect {name}`. If you don't need it: `{stop}docker {kind} "
        f"rm {name}` (volumes stay), then the same command again."
    )
