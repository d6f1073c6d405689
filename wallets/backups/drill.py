"""A drill: restore a backup into a temporary volume, start a node without a network on it, remove both.

The node's own wallet is not touched. A label on the volume and the container makes sure that both are removed
at the end, even if the drill fails or is interrupted; the next drill removes what a killed one has left.
"""

import contextlib
import functools
import json
import os
import secrets
import time
from collections.abc import Iterable, Mapping
from typing import Any

from docker.errors import NotFound

from catalogue.confinement import DROPPED_CAPABILITIES, SECURITY_OPTIONS
from catalogue.node_container import API, OFFLINE, USER, WALLET
from clients.deployed_nodes import DeployedNode
from clients.foreign import MALFORMED, line
from clients.pull import ensure_image
from clients.signals import uninterrupted
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.files.archives import to_tar
from wallets.files.contents import Contents, wallets_in
from wallets.files.fingerprint import addresses_of
from wallets.files.parser import parsed

LABEL = "skycoin.wallet-drill"
"""Label of the volume and the container; its value is the wallet volume of the node."""
SECONDS = 180
"""Time limit for the node to answer: a Raspberry Pi Zero takes a minute."""
_PAUSE = 0.5
_UID, _GID = USER.split(":")
_ASK = ("wget", "-q", "-O", "-", f"{API}/wallets")
_FLAGS = (OFFLINE, "-web-interface-addr=127.0.0.1", "-enable-api-sets=READ,WALLET")


def addresses_in(contents: Contents) -> dict[str, set[str]]:
    """Name of a wallet in the node's API → addresses in its file; every wallet must be complete."""
    return _by_name(
        (os.fsencode(path).decode(errors="replace"), parsed(contents[path].data))
        for path in wallets_in(contents)
    )


def _by_name(wallets: Iterable[tuple[str, Mapping[str, Any]]]) -> dict[str, set[str]]:
    """Name → addresses of all wallets with that name.

    Names may coincide, because each byte that is not UTF-8 is U+FFFD in Go's JSON.
    """
    addresses: dict[str, set[str]] = {}
    for name, wallet in wallets:
        addresses.setdefault(name, set()).update(_addresses(wallet))
    return addresses


def _addresses(wallet: Mapping[str, Any]) -> set[str]:
    return {address for _, address in addresses_of(wallet)}


class Drill:
    """Temporary volume and node on a node's host."""

    def __init__(self, node: DeployedNode, client: Any) -> None:
        self._node = node
        self._client = client

    def run(self, contents: Contents) -> int:
        """Check that a node finds the wallets; return their number of addresses. Raises WalletError."""
        self.remove()
        try:
            container = self._start(contents)
            reported = self._wallets(container)
        except NotFound as error:
            raise WalletError(
                f"another command, such as another drill of {self._node.name}, has removed the drill's "
                f"container on host {self._node.host}: run this drill again once that has ended"
            ) from error
        finally:
            with uninterrupted():
                self.remove()
        expected = addresses_in(contents)
        if missing := [
            name for name, addresses in expected.items() if not addresses <= reported.get(name, set())
        ]:
            raise WalletError(
                f"the node in the drill did not find all addresses of {', '.join(missing)}: don't trust this "
                "backup"
            )
        return sum(map(len, expected.values()))

    def remove(self) -> None:
        """Remove everything that a drill for this wallet has created."""
        filters = {"label": f"{LABEL}={self._node.wallet}"}
        for container in self._ask(lambda: self._client.containers.list(all=True, filters=filters)):
            self._gone(functools.partial(container.remove, force=True, v=True))
        for volume in self._ask(lambda: self._client.volumes.list(filters=filters)):
            self._gone(functools.partial(volume.remove))

    def _gone(self, remove: Any) -> None:
        with contextlib.suppress(NotFound):
            self._ask(remove)

    def _start(self, contents: Contents) -> Any:
        """Start a node on a volume with these files."""
        name = f"skycoin-drill-{self._node.name}-{secrets.token_hex(4)}"
        labels = {LABEL: self._node.wallet}
        image = self._ask(lambda: ensure_image(self._client, self._node.image, self._node.host_inputs))
        with uninterrupted():  # otherwise nothing would remove what the engine is still creating
            self._ask(lambda: self._client.volumes.create(name, labels=labels))
            container = self._ask(
                lambda: self._client.containers.create(
                    image,
                    command=list(_FLAGS),
                    name=name,
                    labels=labels,
                    network_mode="none",
                    read_only=True,
                    cap_drop=list(DROPPED_CAPABILITIES),
                    security_opt=list(SECURITY_OPTIONS),
                    tmpfs={"/tmp": "", "/data": f"uid={_UID},gid={_GID},mode=0700"},
                    volumes={name: {"bind": WALLET, "mode": "rw"}},
                    # If memory is short, the drill ends and not the node next to it.
                    oom_score_adj=1000,
                )
            )
        self._ask(lambda: container.put_archive(WALLET, to_tar(contents)))
        self._ask(container.start)
        return container

    def _wallets(self, container: Any) -> dict[str, set[str]]:
        """Wallet → addresses that the node reports once it answers. Raises WalletError."""
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            self._ask(container.reload)
            if container.status != "running":
                break
            code, answer = 1, b""
            with contextlib.suppress(WalletError):  # it has ended in the meantime
                code, answer = self._ask(lambda: container.exec_run(list(_ASK), stderr=False))
            if code == 0:
                return self._reported(answer)
            time.sleep(_PAUSE)
        last = self._ask(lambda: container.logs(tail=5)).decode(errors="replace").strip()
        what = "ended" if container.status != "running" else f"did not answer in {SECONDS} s"
        raise WalletError(f"the node in the drill on host {self._node.host} {what}:\n{last}")

    def _reported(self, answer: bytes) -> dict[str, set[str]]:
        """Parse the node's list of its wallets. Raises WalletError."""
        try:
            return _by_name((wallet["meta"]["filename"], wallet) for wallet in json.loads(answer))
        except MALFORMED as error:
            raise WalletError(
                f"the node in the drill on host {self._node.host} gives an answer that is no list of wallets "
                f"({line(repr(error))}): nothing was proved about this backup"
            ) from error

    def _ask(self, question: Any) -> Any:
        return ask(self._node.host, question)
