"""The wallet volume of a node, on its host: its id, its fingerprint, and what the host remembers of both.

Looks go into the running node, or where it does not run into a confined container of its image.
"""

import secrets
import time
from collections.abc import Mapping, Sequence
from typing import Any

from docker.errors import ImageNotFound, NotFound

from catalogue.naming import backups_volume, previous_container
from catalogue.node_container import NODE
from clients.errors import ServiceError
from clients.fingerprint import NOTHING, SCRIPT, Fingerprint, Found, asked, from_lines, lines, read
from clients.short_run import short_run

PLACE = "/wallet"
SECONDS = 120
"""Time limit of a look: milliseconds for a wallet, a minute for 100,000 addresses on a slow board."""
TRIES, PAUSE = 5, 1.0
"""Looks at a wallet that is not whole, and seconds between them: the node saves it in place."""

MEMORY = "cat /data/.identity 2> /dev/null; true"
REMEMBER = """\
umask 077
cd /wallet || exit 1
if [ ! -s .skyinfra-id ]; then
    printf '%s\\n' "$1" > .skyinfra-id.new && sync && mv .skyinfra-id.new .skyinfra-id || exit 1
fi
identity=$(head -n 1 .skyinfra-id)
shift
cd /data && printf '%s\\n' "$identity" "$@" > .identity.new && sync && mv .identity.new .identity || exit 1
echo "$identity"
"""


class WalletOnHost:
    """The wallet volume of one node, on its engine."""

    def __init__(self, client: Any, inputs: Mapping[str, Any]) -> None:
        """`inputs` are a preflight's: host, image, wallet, container."""
        self._client = client
        self._host: str = inputs["host"]
        self._image: str = inputs["image"]
        self._container: str = inputs.get("container") or ""
        self.volume: str = inputs["wallet"]

    def exists(self) -> bool:
        """Whether the volume is there; the engine would make one that a container names."""
        return self._has(self.volume)

    def has_image(self) -> bool:
        """Whether a look needs no pull; one that runs has its image."""
        try:
            self._client.api.inspect_image(self._image)
        except ImageNotFound:
            return False
        return True

    def make(self) -> None:
        """Make the volume, empty."""
        self._client.api.create_volume(self.volume)

    def look(self, before: Fingerprint) -> Found:
        """Wallets as they are, and the beginnings that show what became of `before`.

        One that is not whole is looked at again: the node may be saving it. Raises ServiceError.
        """
        for _ in range(TRIES - 1):
            found = self._look(before)
            if not found.damaged:
                return found
            time.sleep(PAUSE)
        return self._look(before)

    def memory(self) -> tuple[str, Fingerprint]:
        """(id, fingerprint) that the host remembers; nothing where it remembers none."""
        backups = backups_volume(self.volume)
        if not self._has(backups):
            return "", NOTHING
        code, said = self._run(MEMORY, [], {backups: {"bind": "/data", "mode": "ro"}})
        if code:
            raise ServiceError(f"host {self._host}: {backups} can't be read: {said}")
        identity, *wallets = said.splitlines() or [""]
        return identity, from_lines(wallets)

    def remember(self, wallets: Fingerprint) -> str:
        """Let the host remember the wallets, and give the volume an id where it has none. Answer the id."""
        volumes = {
            self.volume: {"bind": PLACE, "mode": "rw"},
            backups_volume(self.volume): {"bind": "/data", "mode": "rw"},
        }
        code, said = self._run(REMEMBER, [secrets.token_hex(16), *lines(wallets)], volumes)
        if code:
            raise ServiceError(
                f"host {self._host}: the wallet volume {self.volume!r}, or its volume of copies, can't be "
                f"written by the node's user 10000: {said}"
            )
        return said.rpartition("\n")[2]

    def other_users(self, urn: str) -> str:
        """Say who else may write to the wallet; empty where nobody does. `urn` is the node's container's."""
        ours = ("/" + self._container, "/" + previous_container(self._container))
        for one in self._client.api.containers(all=True, filters={"volume": self.volume}):
            mine = (one.get("Labels") or {}).get(NODE) == urn or any(name in ours for name in one["Names"])
            if not mine and _writes(one, self.volume) and self._may_run(one):
                name = one["Names"][0].lstrip("/")
                return (
                    f"the wallet volume {self.volume!r} is in use by the container {name}: a wallet has one "
                    f"writer. When that one may go: `docker stop -t 60 {name} && docker container rm {name}` "
                    "(volumes stay)."
                )
        return ""

    def _may_run(self, listed: Mapping[str, Any]) -> bool:
        """True for one that runs, that starts by itself, or that is a node's, whose `up` would start it."""
        if listed["State"] not in ("created", "exited", "dead") or NODE in (listed.get("Labels") or {}):
            return True
        try:
            found = self._client.api.inspect_container(listed["Id"])
        except NotFound:
            return False
        return found["HostConfig"]["RestartPolicy"]["Name"] in ("always", "unless-stopped")

    def _look(self, before: Fingerprint) -> Found:
        arguments = asked(before)
        printed = self._in_node(arguments)
        if printed is None:
            volumes = {self.volume: {"bind": PLACE, "mode": "ro"}}
            code, printed = self._run(f"cd {PLACE} || exit 1\n{SCRIPT}", arguments, volumes)
            if code:
                raise ServiceError(f"host {self._host}: {self.volume} can't be read: {printed}")
        try:
            return read(printed)
        except (ValueError, LookupError) as error:
            raise ServiceError(f"host {self._host}: {self.volume} can't be read: {error}") from error

    def _in_node(self, arguments: Sequence[str]) -> str | None:
        """Output of the script in the node's own container; None where that does not run, or not on it."""
        api = self._client.api
        filters = {"volume": self.volume, "status": "running"}
        for one in api.containers(filters=filters):
            if "/" + self._container in one["Names"]:
                command = ["sh", "-c", SCRIPT, "fingerprint", *arguments]
                begun = api.exec_create(one["Id"], command, workdir=_place(one, self.volume))
                printed: bytes = api.exec_start(begun["Id"])
                if api.exec_inspect(begun["Id"])["ExitCode"] == 0:
                    return printed.decode(errors="replace")
        return None

    def _run(self, script: str, arguments: Sequence[str], volumes: Mapping[str, Any]) -> tuple[int, str]:
        command = ["sh", "-c", script, "wallet", *arguments]
        return short_run(
            self._client, self._host, self._image, command, SECONDS, lines="all", volumes=volumes
        )

    def _has(self, volume: str) -> bool:
        try:
            self._client.api.inspect_volume(volume)
        except NotFound:
            return False
        return True


def _writes(listed: Mapping[str, Any], volume: str) -> bool:
    return any(mount.get("Name") == volume and mount.get("RW", True) for mount in listed.get("Mounts") or ())


def _place(listed: Mapping[str, Any], volume: str) -> str:
    return next(str(mount["Destination"]) for mount in listed["Mounts"] if mount.get("Name") == volume)
