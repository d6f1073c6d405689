"""A node's chain database on its host: the version that wrote it, and a copy to restore it from.

A node writes its version into the database when it starts, and refuses a database that a newer version has
written (`src/skycoin/skycoin.go` of v0.27.1). The database is copied before a newer version first starts, and
restored from the copy if that version fails. Only versions and sizes leave the host.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from catalogue.node_container import DATA, user_of
from catalogue.version_order import is_newer
from clients.errors import ServiceError
from clients.ownership import explained, give_empty, unusable_files
from clients.pull import known_as
from clients.short_run import short_run
from clients.volumes import has_volume
from providers.kind import UNKNOWN, ProviderError, Values
from providers.skycoin.wallet_copy import LABEL

SCRIPT = Path(__file__).with_name("chain-database.sh").read_text()
"""Shell script, run in a container of the node's image."""
PUT_BACK = "put-back"
FORGET = "forget"
KEPT_OUT = 77
"""Exit code: the node's user can't use or create the database, or see its copy (EX_NOPERM of sysexits.h)."""
SECONDS = 120
"""Time limit in seconds for reading or renaming, and for each 8 MiB of a copy."""
SPARE = 256 * 1024
"""KiB that must stay free in addition to a copy, because a node keeps writing."""
CHECKPOINT, KNOWN = "0.25.0", "0.27.1"
"""Versions that verify an older database but do not convert it, first and last.

A version from 0.25.0 (the node's constant DBVerifyCheckpointVersion) to 0.27.1 verifies a database that a
version before 0.25.0 has written, and changes nothing else. What later versions do is unknown here.
"""
_PAGE = "docs/wallets.md, “Back to an older version”"


@dataclass(frozen=True, slots=True)
class Database:
    """State of a chain database."""

    version: str
    """Version that wrote it; empty if it names none."""
    size: int
    free: int
    """KiB: the size of the database, and the free space of its disk."""

    def is_before(self, version: str) -> bool:
        """True if a node of `version` writes that version into the database, so older nodes refuse it."""
        return not self.version or is_newer(version, self.version)


class ChainDatabase:
    """The database in a node's data volume."""

    def __init__(self, client: Any, place: Mapping[str, Any], image: str, volume: str) -> None:
        """Prepare access to the database.

        `place` has the inputs of the node's container; commands run in the shell of `image`, a node's image.
        """
        self._client = client
        self._place = place
        self._image = image
        self._volume = volume

    def look(self, version: str) -> Database | None:
        """Read the state of the database; None if there is none.

        Raises ProviderError if `version` can't read it, or if the node's user can't read and write it, and
        ServiceError.
        """
        if not has_volume(self._client.api, self._volume):
            return None
        return self._readable(self._run("look", "ro"), version)

    def take_empty(self) -> None:
        """Give a new volume to the node's user, because Docker gives it to the image's user."""
        give_empty(self._client, self._place, self._image, self._volume)

    def begin(self, version: str) -> Database | None:
        """Read the state as `look` does, and remove an earlier handover's copy. No handover may run."""
        return self._readable(self._run("begin"), version)

    def refuse_no_room(self, database: Database) -> None:
        """Raise ProviderError if there is no room for a copy."""
        if database.free < database.size + SPARE:
            raise ProviderError(
                f"{self._name()} is copied before a newer version writes into it, so that it can be "
                f"restored. That needs {_megabytes(database.size + SPARE)}, and {_megabytes(database.free)} "
                f"are free. The node was not changed. Make room on that host, or {self._advice()}"
            )

    def keep(self) -> None:
        """Copy the database in its volume, for as long as that progresses; no node may be running on it."""
        self._run("keep")

    def is_too_new(self, version: str) -> bool:
        """True if `version` can't read the database, so that its copy must be restored."""
        wrote = self._run("look", "ro").partition(" ")[0].removeprefix("-")
        return is_newer(wrote, version)

    def finish_copy(self, action: str) -> None:
        """Restore the copy (PUT_BACK; no node may be running) or delete it (FORGET), if there is one."""
        self._run(action)

    def foretold(self, database: Database, version: str) -> str:
        """Describe what a newer version does with the database, and how to go back."""
        wrote = f"version {database.version} has written" if database.version else "names no version"
        return (
            f"{self._name()}, which {wrote}, will be opened by version {version}, which "
            f"{_effect(database.version, version)}; older versions refuse it afterwards. It is copied first, "
            f"while the node is stopped ({_megabytes(database.size)}), and the copy is restored if {version} "
            "fails."
        )

    def _readable(self, printed: str, version: str) -> Database | None:
        if not printed:
            return None
        try:
            wrote, size, free = printed.split()
            database = Database(wrote.removeprefix("-"), int(size), int(free))
        except ValueError:
            raise ServiceError(f"{self._name()} can't be read: {printed[-200:]!r}") from None
        if is_newer(database.version, version):
            raise ProviderError(
                f"{self._name()} was written by version {database.version}, and {version} refuses it. The "
                "node was not changed, and the wallet is not affected. Keep "
                f"version {database.version} or a newer one, or {self._advice()}"
            )
        return database

    def _name(self) -> str:
        return f"host {self._place['host']}: the chain database in the volume {self._volume!r}"

    def _advice(self) -> str:
        return (
            "let the node download the chain again into another volume, for example with `data-volume: "
            f"{self._volume}-anew` in its entry. {self._volume!r} is kept unchanged ({_PAGE})."
        )

    def _run(self, action: str, mode: str = "rw") -> str:
        code, printed = short_run(
            self._client,
            self._place,
            self._image,
            ["sh", "-c", SCRIPT, "chain-database", action],
            SECONDS,
            while_printing=True,
            user=user_of(self._place),
            # The container that a killed run leaves is removed before the next copy of the wallet.
            labels={LABEL: self._place.get("wallet", "")},
            volumes={self._volume: {"bind": DATA, "mode": mode}},
        )
        if code == KEPT_OUT:
            raise ProviderError(self._kept_out())
        if code:
            raise ServiceError(f"{self._name()}: `{action}` ended with {code}: {printed}")
        return printed

    def _kept_out(self) -> str:
        """Describe the files that keep the node's user out."""
        user, advice = user_of(self._place), "Check the owners and modes of its files."
        with suppress(ServiceError):
            if files := unusable_files(self._client, self._place, self._image, self._volume):
                advice = explained(self._volume, self._image, files, user)
        return (
            f"{self._name()} can't be read and written by the node's user {user}, so no node can start on "
            f"it. The node was not changed. {advice}"
        )


def finish_copy(client: Any, place: Mapping[str, Any], container: Values, action: str) -> None:
    """Restore (PUT_BACK) or delete (FORGET) the database copy in a container's data volume.

    Do nothing if the host has no image to run the script in, or the container has no data volume.
    """
    image = known_as(client.api, container["Config"]["Image"]) or known_as(client.api, place["image"])
    if image and (volume := mounted_volume(container)):
        ChainDatabase(client, place, image, volume).finish_copy(action)


def mounted_volume(container: Values, at: str = DATA) -> str:
    """Name of the volume that a container mounts at a path, by default its data volume; empty if none."""
    mounts = container.get("Mounts") or ()
    return next((str(mount.get("Name") or "") for mount in mounts if mount.get("Destination") == at), "")


def wanted_volume(inputs: Values) -> str:
    """Name of the data volume in a container's inputs; empty while a preview doesn't know it."""
    mounts = inputs.get("mounts")
    sources = (
        [mount["source"] for mount in mounts if mount["target"] == DATA] if isinstance(mounts, list) else []
    )
    return next((str(source) for source in sources if source != UNKNOWN), "")


def _effect(before: str, after: str) -> str:
    """Describe what version `after` does when it takes over the database of version `before`."""
    if is_newer(after, KNOWN):
        return "may verify or convert it"
    if not before or is_newer(CHECKPOINT, before):
        return "verifies it, block by block, before it serves"
    return "writes its version into it"


def _megabytes(kibibytes: int) -> str:
    return f"{-(-kibibytes // 1024):,} MiB"
