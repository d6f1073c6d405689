"""A node whose wallets are changed without a pause, by its API and by its command-line interface."""

import json
import random
import re
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlencode

from providers.skycoin.last_words import last_words
from tests.e2e.machine import SETTINGS, Machine, clean_environment
from tests.e2e.plugin import until
from tests.e2e.test_rollback import well

NAME, PORT = "busy", 16446
CONTAINER = f"skycoin-{NAME}"
WALLET, DATA = f"{CONTAINER}-wallet", f"{CONTAINER}-data"
ENTRY = {
    "image": "skycoin",
    "host": "here",
    "rpc-port": PORT,
    "wait": 60,
    "health-interval": "2s",
    "api-sets": ["READ", "TXN", "WALLET"],
}
"""A node that loads its wallets when it starts, and refuses damaged ones. It connects to no network."""
KINDS = ("deterministic", "bip44")
SCRIPT = """\
set -f
changed() {
    name=$1
    shift
    echo "begin $name"
    said=$(skycoin-cli "$@" 2> /dev/null) && echo "done $name" $said
}
turn=0
while :; do
    for kind in deterministic bip44; do
        turn=$((turn + 1))
        name=$0-$turn-$kind.wlt
        changed "$name" walletCreate "$name" -t "$kind" -n 2
        changed "$name" walletAddAddresses "$name"
        changed "$name" encryptWallet "$name" -p secret -x sha256-xor
        changed "$name" walletAddAddresses "$name" -p secret
        changed "$name" decryptWallet "$name" -p secret
        changed "$name" walletAddAddresses "$name"
    done
done
"""
"""Changes wallets in the node's container; $0 is what their names begin with."""
ADDRESS = re.compile(r"(?<![0-9A-Za-z])[1-9A-HJ-NP-Za-km-z]{26,36}(?![0-9A-Za-z])")
"""Finds addresses in what `skycoin-cli` prints: keys are longer, words of a seed are shorter."""
GROWTH = 30
"""Changes of a pair of wallets by the API, before the next pair is made."""


@dataclass(frozen=True, slots=True)
class Node:
    """The node, its volumes and its API."""

    machine: Machine

    def docker(self, *arguments: str) -> str:
        """Run a docker command, which must succeed."""
        return well(self.machine.docker(*arguments)).text

    def place(self, volume: str) -> Path:
        """Folder of a volume on this machine."""
        return Path(self.machine.inspect("volume", volume)["Mountpoint"])

    def state(self) -> Any:
        """State of the container."""
        return self.machine.inspect("container", CONTAINER)["State"]

    def ask(self, path: str, **form: str) -> Any:
        """Ask the API, with a form by POST. Raises OSError, HTTPException or ValueError."""
        if not form:
            return self._ask("GET", path, "", {})
        token = self._ask("GET", "csrf", "", {})["csrf_token"]
        heads = {"X-CSRF-Token": token, "Content-Type": "application/x-www-form-urlencoded"}
        return self._ask("POST", path, urlencode(form), heads)

    def _ask(self, method: str, path: str, body: str, heads: Mapping[str, str]) -> Any:
        connection = HTTPConnection("127.0.0.1", PORT, timeout=10)
        try:
            connection.request(method, f"/api/v1/{path}", body, dict(heads))
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise ValueError(f"{path}: {answer.status} {text}")
        return json.loads(text)

    def answers(self) -> bool:
        """True if the API answers."""
        try:
            return bool(self.ask("version"))
        except (OSError, HTTPException, ValueError):
            return False

    def start(self) -> str:
        """Start the container; return what the node says if it ends, and nothing once it answers."""
        self.docker("start", CONTAINER)
        deadline = time.monotonic() + 90
        while time.monotonic() < deadline:
            if self.answers():
                return ""
            state = self.state()
            if state["Restarting"] or not state["Running"]:
                return self.says(state)
            time.sleep(0.2)
        return f"It does not answer. {self.says()}"

    def says(self, state: Mapping[str, Any] | None = None) -> str:
        """Return what `up` would quote of the log since a state's start, or the last one, with its remedy.

        Another start may have followed that one.
        """
        since = (state or self.state())["StartedAt"]
        return last_words(self.docker("logs", "--timestamps", "--tail", "400", CONTAINER), since)

    def await_answer(self) -> None:
        """Wait until the API answers, whoever starts the node."""
        until(self.answers, "the node answers", 120, 0.2)

    def checked(self) -> str:
        """Result of `skycoin-cli checkdb` on the chain database of the stopped node."""
        if not (file := self.place(DATA) / ".skycoin" / "data.db").exists() or not file.stat().st_size:
            return "not begun"
        image = self.machine.inspect("container", CONTAINER)["Config"]["Image"]
        check = ("skycoin-cli", "checkdb", "/data/.skycoin/data.db")
        alone = ("run", "--rm", "--network", "none", "-v", f"{DATA}:/data")
        said = self.machine.docker(*alone, image, *check).text.strip()
        return "whole" if said == "check db success" else said.splitlines()[-1]


@dataclass
class Known:
    """A wallet of which a change has begun: the addresses that were returned, and when."""

    addresses: dict[str, float] = field(default_factory=dict)
    begun: float = 0
    ended: float = 0
    """When the last change was seen to begin, and the last successful one to end."""
    grows: bool = False
    """True while the API gives it an address, and for ever if that never ended."""

    def before(self, moment: float) -> set[str]:
        """Addresses that were returned before a moment."""
        return {address for address, returned in self.addresses.items() if returned < moment}

    def rests_since(self, moment: float) -> bool:
        """True if the last change ended before a moment: the wallet was not written since."""
        return self.begun <= self.ended < moment


class Load:
    """Changes of wallets, from entering until the node has ended; `known` is added to."""

    def __init__(self, node: Node, prefix: str, known: dict[str, Known], *, label: int = 10) -> None:
        """Prepare it; the API's wallets have a label of `label` kilobytes, which every save writes."""
        self._node, self._prefix, self._known = node, prefix, known
        self._label = "mine " * (200 * label)
        self._ended = threading.Event()
        self._chance = random.Random(prefix)  # noqa: S311 no secret
        self.changes = 0
        """Number of changes that were confirmed."""

    def __enter__(self) -> Self:
        """Begin; the container must run."""
        machine = self._node.machine
        self._cli = subprocess.Popen(
            ["docker", "exec", CONTAINER, "sh", "-c", SCRIPT, self._prefix],
            env={**clean_environment(), **SETTINGS, **machine.environment()},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._threads = [threading.Thread(target=run) for run in (self._by_cli, self._by_api)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, fault: object, *_: object) -> None:
        """Wait until nothing is changed any more; the node must have been ended."""
        self._ended.set()
        try:
            if fault is None:
                self._cli.wait(60)
        finally:
            self._cli.kill()
            for thread in self._threads:
                thread.join(60)
            self._cli.communicate()

    def _of(self, name: str) -> Known:
        return self._known.setdefault(name, Known())

    def _returned(self, name: str, addresses: Iterator[str] | list[str]) -> None:
        now = time.monotonic()
        known = self._of(name)
        known.addresses |= dict.fromkeys(addresses, now)
        known.ended = now
        self.changes += 1

    def _by_cli(self) -> None:
        assert self._cli.stdout is not None
        for line in self._cli.stdout:
            word, name, *rest = line.split(maxsplit=2)
            if word == "begin":
                self._of(name).begun = time.monotonic()
            else:
                self._returned(name, ADDRESS.findall(" ".join(rest)))

    def _by_api(self) -> None:
        while not self._ended.is_set():
            try:
                pair = [self._create(kind) for kind in KINDS]
                for _ in range(GROWTH):
                    self._grow(self._chance.choice(pair))
                    if self._ended.is_set():
                        break
            except (OSError, HTTPException, ValueError):  # it is starting, or was ended
                time.sleep(0.05)

    def _create(self, kind: str) -> str:
        seed = self._node.ask("wallet/newSeed")["seed"]
        made = self._node.ask("wallet/create", type=kind, seed=seed, label=self._label)
        name = str(made["meta"]["filename"])
        self._of(name).begun = 0
        self._returned(name, [entry["address"] for entry in made["entries"]])
        return name

    def _grow(self, name: str) -> None:
        known = self._of(name)
        known.begun = time.monotonic()
        known.grows = True
        self._returned(name, self._node.ask("wallet/newAddress", id=name)["addresses"])
        known.grows = False
