"""One node in a simulated world: its entry in a stack, Pulumi's state of it, and the updates of the stack."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

import pytest
from docker.errors import APIError
from requests.exceptions import RequestException

from catalogue.naming import copies_volume
from catalogue.node_container import NODE, USER
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, digest
from clients.wallet_on_host import WalletOnHost
from providers.kind import URN, ProviderError, Values
from providers.skycoin.host_findings import HostFindings
from providers.skycoin.node_container import NodeContainer
from providers.skycoin.preflight import Preflight
from providers.skycoin.wallet_identity import ACCEPTED
from tests.integration.world import BrokenError, Files, Host, Key, Place, World, keys_of_copies
from tests.unit.node_engine import GOOD, EngineContainer, Killed, Resource
from tests.unit.test_handover import INPUTS
from tests.unit.test_host_checks import FACTS
from tests.unit.wallet_engine import INPUTS as PREFLIGHT

ENDINGS = (ProviderError, ServiceError, APIError, OSError, RequestException, Killed)
"""Errors with which an update can fail."""
DONE = ("same", "create", "update", "replace")
"""Results of an update that succeeds."""


class Node:
    """A node in its own stack, which shares the world's hosts with the nodes of other stacks."""

    def __init__(self, world: World, name: str, port: int) -> None:
        self.world, self.name, self.port = world, name, port
        self.wallet, self.data = f"skycoin-{name}-wallet", f"skycoin-{name}-data"
        """The volumes that are the node's."""
        self.container = Resource(NodeContainer(_quiet, _quiet, self._client, world.now))
        hosts = HostFindings(_quiet, lambda *_: replace(FACTS, machine="aarch64"))
        self.preflight = Resource(Preflight(hosts, self._client, world.now))
        self.wanted: Values = {
            "host": "attic",
            "wallet": self.wallet,
            "data": self.data,
            "name": f"skycoin-{name}",
            "image": GOOD,
            "command": ["-x=1"],
            "memory": 512,
            "user": USER,
            "newWallet": False,
        }
        """The entry in the stack's file."""
        self.accepted = ""
        """Fingerprint that somebody accepts in the next update."""
        self.at: Place | None = None
        """The wallet that the stack's state records; None if the node is not in the state."""
        self.of_state = set[Key]()
        """Keys that the state records."""
        self.home = "attic"
        """Host of the wallet."""
        self.backup: Files = {}
        """The newest backup, which is kept elsewhere."""
        self.error = ""
        """Message of the last update that failed."""

    def _client(self, inputs: Values) -> Any:
        return self.world.hosts[inputs["host"]].client

    def urn(self, kind: str) -> str:
        """URN of a part of the node: `Preflight` or `NodeContainer`."""
        part = {"Preflight": "preflight", "NodeContainer": "container"}[kind]
        return (
            f"urn:pulumi:of-{self.name}::skycoin::skycoin:index:Node$skycoin:index:{kind}::{self.name}-{part}"
        )

    @property
    def engine(self) -> Host:
        """Engine of the host in the stack's file."""
        return self.world.hosts[self.wanted["host"]]

    @property
    def place(self) -> Place:
        """The wallet in the stack's file."""
        return self.wanted["host"], self.wanted["wallet"]

    @property
    def volumes(self) -> list[str]:
        """Volumes in the stack's file, and those of its containers."""
        wallet, data = self.wanted["wallet"], self.wanted["data"]
        mounted = [volume for box in self.boxes for volume in box.volumes if "-data" in volume]
        return [*dict.fromkeys([wallet, copies_volume(wallet), data, *mounted])]

    @property
    def boxes(self) -> list[EngineContainer]:
        """The node's containers, on all hosts."""
        urn = self.urn("NodeContainer")
        there = [box for engine in self.world.hosts.values() for box in engine.boxes.values()]
        return [box for box in there if (box.config.get("Labels") or {}).get(NODE) == urn]

    @property
    def running(self) -> list[EngineContainer]:
        return [box for box in self.boxes if box.running]

    @property
    def remembered(self) -> set[Key]:
        """Keys that are recorded for the wallet in the stack's file."""
        of_state = self.of_state if self.at == self.place else set[Key]()
        return of_state | self.world.recorded.get(self.place, set())

    @property
    def lacks(self) -> set[Key]:
        """Keys that are recorded, and not in the volume."""
        return self.remembered - self.world.keys(self.place)

    def checks(self) -> Values:
        """Inputs of the preflight."""
        host, wanted = self.wanted["host"], self.wanted
        named = {key: wanted[key] for key in ("host", "image", "wallet", "memory", "newWallet")}
        more = {} if wanted["user"] == USER else {"user": wanted["user"]}
        return {
            **PREFLIGHT,
            **named,
            **more,
            "engine": f"ssh://pi@{host}.lan",
            "container": wanted["name"],
        }

    def inputs(self) -> Values:
        """Inputs of the container."""
        named = {key: value for key, value in self.wanted.items() if key != "data"}
        sources = {"/data": self.wanted["data"], "/wallet": self.wanted["wallet"]}
        return {
            **INPUTS,
            **named,
            "backups": copies_volume(self.wanted["wallet"]),
            "networkMode": self.wanted["name"],
            "mounts": [{"type": "volume", "source": one, "target": at} for at, one in sources.items()],
            "ports": [{"internal": 6420, "external": self.port, "ip": "127.0.0.1"}],
        }

    def up(self, *, refresh: bool = False, replace: bool = False) -> str:
        """Update the stack; returns how it ended."""
        self.world.hours += 1
        before, ran, fault = self.world.kept, self._confirmed(), self.engine.fault
        with pytest.MonkeyPatch.context() as patch:
            if self.accepted:
                patch.setenv(ACCEPTED, self.accepted)
            ended = self._ended(lambda: self._update(refresh=refresh, replace=replace))
        self._judge(before)
        if ran and fault is None and not self.running:
            raise BrokenError(f"an update without a fault has stopped {self.name}: {ended}, {self.error}")
        if ended in DONE:
            self.accepted = ""
        return ended

    def destroy(self) -> str:
        """Destroy the stack; its volumes stay."""
        before = self.world.kept
        ended = self._ended(self._destroyed)
        self._judge(before)
        return ended

    def fingerprint(self) -> str:
        """Fingerprint of the wallets, as `skyinfra wallet accept` shows it."""
        return digest(WalletOnHost(self.engine.client, self.checks()).read_wallets(NOTHING).wallets)

    def _confirmed(self) -> bool:
        return any(box.policy == "unless-stopped" for box in self.running)

    def _update(self, *, refresh: bool, replace: bool) -> str:
        URN.set(self.urn("Preflight"))
        accepts = bool(self.accepted) or self._accepts_empty()
        checked = self.preflight.up(self.checks(), refresh=refresh)
        if refresh or checked != "same":
            self._looked(self.remembered, accepts=accepts)
            self.at, self.home, self.of_state = self.place, self.wanted["host"], self.world.keys(self.place)
        for volume in (self.wanted["wallet"], self.wanted["data"]):
            self.engine.create_volume(volume)
        URN.set(self.urn("NodeContainer"))
        there, before, keys = _ids(self.boxes), self.running, self.world.keys(self.place)
        made = self.container.up(self.inputs(), refresh=refresh, replace=replace)
        if _ids(self.running) != _ids(before):  # else the state has only learnt what is there
            self._looked(self.world.recorded.get(self.place, set()), accepts=accepts)
        if made != "same":
            self._refuse_another(before)
        copies = self.engine.folder(copies_volume(self.wanted["wallet"]))
        is_new = not _ids(self.running) <= there
        if is_new and (uncopied := keys - keys_of_copies(copies)):
            raise BrokenError(f"an update made a container and has not copied {sorted(uncopied)}")
        if refresh and (uncopied := self.world.keys(self.place) - keys_of_copies(copies)):
            raise BrokenError(f"an update with a refresh has not copied {sorted(uncopied)}")
        if (checked, made) != ("same", "same") and self.world.has_record(self.place):
            self.world.recorded[self.place] = self.world.keys(self.place)
        return checked if made == "same" else made

    def _accepts_empty(self) -> bool:
        """True if the file newly accepts an empty wallet, and it is empty."""
        is_new = self.wanted["newWallet"] and not self.preflight.inputs.get("newWallet")
        return bool(is_new) and not self.world.keys(self.place)

    def _looked(self, remembered: set[Key], *, accepts: bool) -> None:
        """Raise BrokenError if a check of the wallet has overlooked a loss, or a copy that was left."""
        if accepts:
            self.world.left.discard(self.place)
        elif lacks := remembered - self.world.keys(self.place):
            raise BrokenError(f"an update went on with a wallet that lacks {sorted(lacks)}")
        elif self.place in self.world.left:
            raise BrokenError(f"an update went on with {self.place}, which was moved away")

    def _refuse_another(self, before: list[EngineContainer]) -> None:
        """Raise BrokenError if the new container is not as wanted, or a node got another user as it ran."""
        if [box.name for box in before if box.config.get("User") != self.wanted["user"]]:
            raise BrokenError(f"an update gave a node that ran the user {self.wanted['user']}")
        wanted = [self.wanted[key] for key in ("name", "image", "user")]
        found = [[box.name, box.config["Image"], box.config.get("User")] for box in self.running]
        if found != [wanted]:
            raise BrokenError(f"an update made {found} of {wanted}")

    def _destroyed(self) -> str:
        URN.set(self.urn("NodeContainer"))
        self.container.destroy()
        self.preflight.destroy()
        if self.at is not None and not self.world.has_record(self.at):
            self.world.recorded.pop(self.at, None)  # only the state had it
        self.at, self.of_state = None, set()
        return "destroyed"

    def _ended(self, operation: Callable[[], str]) -> str:
        self.error = ""
        try:
            return operation()
        except ENDINGS as error:
            self.error = f"{error}"
            return type(error).__name__
        finally:
            for engine in self.world.hosts.values():
                engine.disarm()

    def _judge(self, before: set[tuple[Place, Key]]) -> None:
        self.world.said += repr(
            [(resource.inputs, resource.outputs) for resource in (self.preflight, self.container)]
        )
        self.world.judge(before)


def _ids(boxes: Iterable[EngineContainer]) -> set[str]:
    return {box.identity for box in boxes}


def _quiet(_: str) -> None:
    return None
