"""skycoin:index:WalletBackup: a copy of a node's wallet on its own host, before its container is replaced.

The copy goes to a volume beside the wallet's, into a folder named by the time (UTC). A wallet that is
what the newest copy holds is not copied again. A wallet file that is not whole is never copied, and a
volume that has lost all its wallets is refused. Nothing is ever removed: neither a copy, nor the volume.
The wallet is mounted read-only, and no byte of it leaves the host.
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

from docker.errors import NotFound

from clients.engine import connect
from clients.short_run import short_run
from providers.base import Change, Checked, Found, ProviderError, Values, unknown_inputs

INPUTS = ("host", "engine", "sshOptions", "image", "wallet", "backups", "newWallet", "settings")

SECONDS = 300
"""Time that a copy may take: wallets are kilobytes, SD cards are slow."""

SCRIPT = Path(__file__).with_name("copy-wallet.sh").read_text()
"""Run by the shell of the node's image; the exit codes below are its own."""

DAMAGED = 65
"""A wallet file is empty, cut short or not a wallet (EX_DATAERR of sysexits.h)."""

EMPTIED = 66
"""All wallets are gone that a copy has (EX_NOINPUT)."""

_NAME = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ")


class WalletBackup:
    """Kept as a resource: {backup}, the folder with the newest copy; empty where there is no wallet yet."""

    computed: ClassVar[frozenset[str]] = frozenset(("backup",))

    def __init__(
        self,
        client: Callable[[Values], Any] = connect,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._client = client
        self._now = now

    def check(self, name: str, olds: Values, news: Values) -> Checked:
        """As given; nothing is looked at."""
        unknown = unknown_inputs(news, INPUTS)
        return Checked(inputs=news, failures=[(key, "no such input") for key in unknown])

    def diff(self, olds: Values, old_inputs: Values, news: Values) -> Change:
        """Whatever replaces the container makes a copy first."""
        # A state without newWallet is of a program that did not know it: false, then as now.
        changed = [key for key in INPUTS if (old_inputs.get(key) or None) != (news.get(key) or None)]
        return Change(updates=tuple(changed))

    def create(self, inputs: Values) -> tuple[str, Values]:
        """The first deployment has nothing to copy; one that adopts a wallet copies it."""
        return f"{inputs['host']}/{inputs['backups']}", self._backed_up(inputs)

    def read(self, identity: str, inputs: Values, state: Values) -> Found | None:
        """As it was: a copy that somebody removed is missed by nothing that runs."""
        return Found(identity=identity, state=state, inputs=inputs)

    def update(self, identity: str, olds: Values, news: Values) -> Values:
        """Copy the wallet as it is now."""
        return self._backed_up(news)

    def delete(self, identity: str, state: Values) -> None:
        """The copies stay."""

    def _backed_up(self, inputs: Values) -> Values:
        client = self._client(inputs)
        try:
            client.api.inspect_volume(inputs["wallet"])
        except NotFound:
            # A container that named it would make it: an empty wallet, which nobody asked for.
            return {**inputs, "backup": ""}
        code, said = short_run(
            client,
            inputs["host"],
            inputs["image"],
            [
                *("sh", "-c", SCRIPT, "backup", f"{self._now():%Y-%m-%dT%H-%M-%SZ}"),
                "new-wallet" if inputs.get("newWallet") else "same-wallet",
            ],
            SECONDS,
            volumes={
                inputs["wallet"]: {"bind": "/wallet", "mode": "ro"},
                inputs["backups"]: {"bind": "/data", "mode": "rw"},
            },
        )
        if code:
            raise ProviderError(_refusal(inputs, code, said))
        # Warnings may stand around it: the log has both outputs.
        names = [line for line in said.splitlines() if _NAME.fullmatch(line)]
        return {**inputs, "backup": names[-1] if names else ""}


def _refusal(inputs: Values, code: int, said: str) -> str:
    """Say what stopped the copy, and what to do."""
    where = f"host {inputs['host']}: the wallet volume {inputs['wallet']!r}"
    way_back = "docs/wallets.md, “Back from a copy”"
    if code == EMPTIED:
        return (
            f"{where} holds no wallet, but its copy {said} in {inputs['backups']!r} does: it was emptied or "
            f"made anew. The node was left as it is. Put the copy back ({way_back}); or, where the wallet "
            "may be lost, set `new-wallet: true` on the node for one `pulumi up`."
        )
    if code == DAMAGED:
        return (
            f"{where}: {said} is empty, cut short or not a wallet, and was not copied. The node was left "
            f"as it is. Put a whole one back ({way_back}), or move that file away."
        )
    return (
        f"{where} was not backed up to {inputs['backups']!r}: {said or f'exit code {code}'}. The node was "
        "left as it is. Mend what it says (space, or who may read the wallet: user 10000), and run "
        "`pulumi up` again."
    )
