"""A copy of a node's wallet on its own host: before a new container or a restore, or once it has grown.

The copy is a folder, named by the time (UTC), in a volume beside the wallet's. A wallet equal to the newest
copy is not copied again. An incomplete wallet file is never copied, and a volume that has lost all its
wallets is an error. copy-wallet.sh says which copies are kept; no volume is ever removed. The wallet is
mounted read-only, and none of its bytes leave the host.
"""

import contextlib
import re
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Literal

from docker.errors import NotFound

from catalogue.node_container import WALLET, user_of
from clients.errors import ServiceError
from clients.fingerprint import SCRIPT as FINGERPRINT
from clients.ownership import as_user, mode, prepare_copies
from clients.short_run import short_run
from clients.volumes import has_volume
from providers.kind import ProviderError, Values
from providers.skycoin.node_urn import node_command

LABEL = "skycoin.copy"
"""Label of a container that copies a wallet; its value is the name of the wallet's volume."""
SECONDS = 300
"""Time limit of a copy in seconds: wallets are kilobytes, but SD cards are slow."""
PAUSE = 1
"""Seconds between two looks at a copy that a killed run has left running."""

SCRIPT = Path(__file__).with_name("copy-wallet.sh").read_text()
"""Shell script, run in a container of the node's image; the exit codes below are its own."""

MAX_COPIES = 20
"""Number of newest copies that are always kept."""

DAMAGED = 65
"""Exit code: a wallet file is empty, truncated or not a wallet (EX_DATAERR of sysexits.h)."""

EMPTIED = 66
"""Exit code: all wallets that a copy has are gone (EX_NOINPUT of sysexits.h)."""

SAME_SECOND = 75
"""Exit code: the newest copy has the name that this one would get (EX_TEMPFAIL of sysexits.h)."""

NAMES = 5
"""Number of names that are tried: of this second, and of the next ones."""


class NotCopiedError(ProviderError):
    """A wallet was not copied, so its node is not changed."""

    def __init__(self, message: str, reason: str) -> None:
        super().__init__(message)
        self.reason = reason
        """Part of the message: what was found."""


_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")


def copy_wallet(client: Any, inputs: Values, image: str, now: datetime) -> str:
    """Copy the wallet that `inputs` names (host, wallet, backups, newWallet) with the shell of `image`.

    Returns the name of the newest copy; empty if there is no wallet volume, if it has no file, or if it is
    newly accepted without wallets. Raises NotCopiedError if the wallet is damaged, was emptied, or can't be
    copied, and ServiceError.
    """
    if not has_volume(client.api, inputs["wallet"]):
        return ""
    _await_others(client, inputs["wallet"])
    prepare_copies(client, inputs, image, inputs["backups"])
    is_new = "new-wallet" if inputs.get("newWallet") else "same-wallet"
    for ahead in range(NAMES):
        code, printed = _run(client, inputs, image, now + timedelta(seconds=ahead), is_new, access="rw")
        if code != SAME_SECOND:
            break
    if code:
        raise _refusal(inputs, code, printed)
    return _name_of_copy(printed)


def is_copied(client: Any, inputs: Values, image: str, now: datetime) -> bool:
    """True if the newest copy equals the wallet. Writes nothing.

    False if there is no copy, or the two can't be compared.
    """
    if not has_volume(client.api, inputs["backups"]):
        return False
    try:
        code, printed = _run(client, inputs, image, now, "compare", access="ro")
    except ServiceError:
        return False
    return code == 0 and bool(_name_of_copy(printed))


def _name_of_copy(printed: str) -> str:
    """Name that the script printed last; empty if it printed none."""
    # The log has both output streams, so warnings may surround the name.
    names = [line for line in printed.splitlines() if _NAME.fullmatch(line)]
    return names[-1] if names else ""


def _run(
    client: Any,
    inputs: Values,
    image: str,
    time_of_copy: datetime,
    task: str,
    *,
    access: Literal["ro", "rw"],
) -> tuple[int, str]:
    """Run the script with a task, its second argument; return its exit code and what it printed.

    `access` is its access to the volume of copies.
    """
    return short_run(
        client,
        inputs,
        image,
        [
            *("sh", "-c", SCRIPT, "backup", f"{time_of_copy:%Y-%m-%dT%H-%M-%SZ}"),
            task,
            FINGERPRINT,
            str(MAX_COPIES),
        ],
        SECONDS,
        name=_name(inputs["wallet"]) if access == "rw" else None,
        labels={LABEL: inputs["wallet"]},
        volumes={
            inputs["wallet"]: {"bind": WALLET, "mode": mode(inputs, "ro")},
            inputs["backups"]: {"bind": "/data", "mode": mode(inputs, access)},
        },
        **as_user(inputs),
    )


def _await_others(client: Any, wallet: str) -> None:
    """Wait for a copy that a killed run has left running, and remove the containers of ended ones."""
    label, until = f"{LABEL}={wallet}", time.monotonic() + SECONDS
    while _is_copying(client, wallet, label) and time.monotonic() < until:
        time.sleep(PAUSE)
    listed = client.api.containers(
        all=True, filters={"label": label, "status": ["created", "exited", "dead"]}
    )
    for container in listed:
        with contextlib.suppress(NotFound):
            client.api.remove_container(container["Id"], v=False, force=False)


def _is_copying(client: Any, wallet: str, label: str) -> bool:
    running = client.api.containers(filters={"label": label, "status": ["running"]})
    return any(f"/{_name(wallet)}" in container["Names"] for container in running)


def _name(wallet: str) -> str:
    """Name of the container that copies a wallet: no engine has it twice, so two copies never mix files."""
    return f"{wallet}-copying"


def _refusal(inputs: Values, code: int, printed: str) -> NotCopiedError:
    """Explain why the copy failed, and what to do."""
    where = f"host {inputs['host']}: the wallet volume {inputs['wallet']!r}"
    if code == EMPTIED:
        reason = f"holds no wallet, but its copy {printed} in {inputs['backups']!r} does"
        return NotCopiedError(
            f"{where} {reason}: it was emptied or recreated. The node was not changed. Restore the copy with "
            f"`{node_command('wallet restore', '--copy', printed)}`; or, if you accept that the wallet is "
            "lost, set `new-wallet: true` on the node for one `pulumi up`.",
            f"it {reason}",
        )
    if code == DAMAGED:
        reason = f"{printed} is empty, truncated or not a wallet"
        return NotCopiedError(
            f"{where}: {reason}, so nothing was copied. The node was "
            f"not changed. Restore a copy (`{node_command('wallet copies')}` lists them) or a backup, or "
            "move that file away.",
            reason,
        )
    reason = printed or f"exit code {code}"
    return NotCopiedError(
        f"{where} was not copied to {inputs['backups']!r}: {reason}. The node was "
        f"not changed. Fix the cause (disk space, or read access to the wallet for user {user_of(inputs)}), "
        "and run `pulumi up` again.",
        reason,
    )
