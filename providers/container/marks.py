"""Label by which the stand-in recognizes a container or network that a killed `up` left behind."""

import hashlib
import json
from collections.abc import Mapping

from providers.kind import URN, ProviderError, Values

MARK = "skycoin.stand-in.made-for"


def mark(inputs: Values) -> str:
    """SHA-256 of the resource's URN and of the inputs that it is created from."""
    return hashlib.sha256(json.dumps([URN.get(), inputs], sort_keys=True).encode()).hexdigest()


def left_behind(subject: str, existing: Values, labels: Mapping[str, str] | None, inputs: Values) -> str:
    """Id of an existing container or network that a killed `up` created for this resource and these inputs.

    Raises ProviderError if it has another label or none, because its owner is then unknown.
    """
    if (labels or {}).get(MARK) == mark(inputs):
        return str(existing["Id"])
    kind, _, name = subject.partition(" ")
    stop = f"docker stop -t 60 {name} && " if kind == "container" else ""
    raise ProviderError(
        f"{subject}: the name is already in use by a {kind} that is not in the state; a killed `up` can "
        f"leave one. Look at it: `docker {kind} inspect {name}`. If you don't need it: `{stop}docker {kind} "
        f"rm {name}` (volumes stay), then run the same command again."
    )
