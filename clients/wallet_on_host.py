"""The wallet volume of a node on its host: its id, its fingerprint, and the host's record of both.

The wallet is read in the running node's container, or in a confined container of its image if the node is
stopped.
"""

import secrets
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Literal

from docker.errors import APIError, NotFound
from requests.exceptions import RequestException

from catalogue.naming import copies_volume, previous_container
from catalogue.node_container import DATA, NODE, USER, WALLET, WALLET_HELPER, WRITTEN, user_of
from clients.errors import KeptOutError, ServiceError
from clients.fingerprint import (
    NOTHING,
    SCRIPT,
    Fingerprint,
    VolumeWallets,
    from_lines,
    lines,
    read,
    script_arguments,
)
from clients.ownership import as_user, explained, give_empty, mode, prepare_copies, unusable_files
from clients.pull import known_as
from clients.short_run import short_run
from clients.volumes import has_volume, users

SECONDS = 120
"""Time limit in seconds for reading or recording the wallets.

A wallet takes milliseconds; one with 100,000 addresses takes a minute on a slow board.
"""
TRIES, PAUSE = 5, 1.0
"""Attempts to read an incomplete wallet, and seconds between them: a node may be saving it in place."""

READ_RECORD = "cd /data || exit 1; if [ -e .identity ]; then cat .identity || exit 1; fi; echo end"
# Copies are recognized by their names, as in copy-wallet.sh.
LIST_COPIES = """\
cd /data || exit 1
for copy in [0-9][0-9][0-9][0-9]-[0-9][0-9]-[0-9][0-9]T[0-9][0-9]-[0-9][0-9]-[0-9][0-9]Z; do
    [ ! -d "$copy" ] || echo "$copy"
done
echo end
"""
# On a full disk, busybox's printf fails without a message; cat gives the reason.
_WRITE_IDENTITY = """\
cd /data || exit 1
if ! { printf '%s\\n' "$@" | cat > .identity.new && sync && mv .identity.new .identity; }; then
    rm -f .identity.new
    exit 1
fi
"""
# The node may have created links in its volume: none is followed into the volume of copies.
_WRITE_ID = """\
umask 077
cd /wallet || exit 1
[ -w . ] || { echo "the wallet's folder can't be written to"; exit 1; }
[ ! -e .skyinfra-id ] || [ -f .skyinfra-id ] || { echo ".skyinfra-id is not a file"; exit 1; }
[ ! -e .skyinfra-id ] || [ -r .skyinfra-id ] || { echo ".skyinfra-id can't be read"; exit 1; }
identity=$([ ! -e .skyinfra-id ] || head -c 33 .skyinfra-id)
if ! printf '%s\\n' "$identity" | grep -Eqx '[0-9a-f]{32}'; then
    identity=$1
    rm -f .skyinfra-id.new || exit 1
    if ! { (set -C; printf '%s\\n' "$identity" | cat > .skyinfra-id.new) && sync; }; then
        rm -f .skyinfra-id.new
        exit 1
    fi
    mv .skyinfra-id.new .skyinfra-id || exit 1
fi
shift
set -- "$identity" "$@"
"""
WRITE_RECORD = f'{_WRITE_ID}{_WRITE_IDENTITY}echo "$identity"\n'
WRITE_COPY_RECORD = f"umask 077\n{_WRITE_IDENTITY}"
_FULL = "No space left on device"


def _listed_names(names: Iterable[str | None]) -> list[str]:
    """Names by which the engine lists containers, and those that a handover sets aside."""
    return [f"/{container}" for name in names if name for container in (name, previous_container(name))]


class WalletOnHost:
    """The wallet volume of one node, on its engine."""

    def __init__(self, client: Any, inputs: Mapping[str, Any], *former: str) -> None:
        """Prepare access.

        `inputs` are those of a node's preflight (host, image, wallet, container …); `former` are the names of
        the node's containers in the state.
        """
        self._client = client
        self._place = inputs
        self._host: str = inputs["host"]
        self._image: str = inputs["image"]
        self._recorded = _listed_names(former)
        self._names = self._recorded + _listed_names([inputs.get("container")])
        """Names of the node's own containers, as the engine lists them; empty in a state of version 0.1.0."""
        self.volume: str = inputs["wallet"]

    def exists(self) -> bool:
        """True if the volume exists; a container that mounts a missing volume would create it."""
        return has_volume(self._client.api, self.volume)

    def has_copies(self) -> bool:
        """True if the volume of copies exists, which also holds the host's record of the wallets."""
        return has_volume(self._client.api, copies_volume(self.volume))

    def copies_changed(self) -> str | None:
        """Time when the folder of the volume of copies last changed, as the engine writes it.

        Empty if the engine does not report it; None if there is no such volume.
        """
        try:
            return str(self._client.api.inspect_volume(copies_volume(self.volume)).get("CreatedAt") or "")
        except NotFound:
            return None

    def has_image(self) -> bool:
        """True if the host has the image that reads the wallet, as it does while the node runs."""
        return known_as(self._client.api, self._image) is not None

    def create(self) -> None:
        """Create the volume, empty."""
        self._client.api.create_volume(self.volume)

    def take_empty(self) -> None:
        """Give the wallet volume and the volume of copies to the node's user, each only if it has no file.

        Docker gives new volumes to the image's user.
        """
        self._give_empty(self.volume, WALLET)
        self._give_empty(copies_volume(self.volume), DATA)

    def read_wallets(self, before: Fingerprint) -> VolumeWallets:
        """Read the wallets, and the hashes that show whether those of `before` still exist.

        An incomplete wallet is read again, because the node may be saving it. So is an incomplete answer,
        because an engine can lose the end of a command's output. Raises ServiceError.
        """
        for attempt in range(TRIES):
            if attempt:
                time.sleep(PAUSE)
            printed = self._run_script(script_arguments(before))
            with suppress(ValueError, LookupError):
                contents = read(printed)
                if not (contents.damaged or contents.unfinished_saves()) or attempt == TRIES - 1:
                    return contents
        raise ServiceError(f"host {self._host}: {self.volume} can't be read: {printed[-200:]!r}")

    def recorded(self) -> tuple[str, Fingerprint]:
        """(id, fingerprint) that the host has recorded; empty if there are none. Raises ServiceError."""
        backups = copies_volume(self.volume)
        if not self.has_copies():
            return "", NOTHING
        code, printed = self._run(READ_RECORD, [], {backups: {"bind": "/data", "mode": self._mode("ro")}})
        if code:
            raise self._unreadable(f"{backups} can't be read", printed, backups)
        *recorded, end = printed.split("\n")
        if end != "end":
            raise ServiceError(f"host {self._host}: {backups} can't be read: {printed[-200:]!r}. Try again")
        identity, *wallets = recorded or [""]
        try:
            return identity, from_lines(wallets)
        except ValueError:
            raise ServiceError(
                f"host {self._host}: .identity in {backups} is not in this program's format; its "
                "record is lost. If the wallets are as they should be, remove that file"
            ) from None

    def has_copy(self) -> bool:
        """True if the volume of copies contains a copy, or can't be listed."""
        volumes = {copies_volume(self.volume): {"bind": "/data", "mode": self._mode("ro")}}
        return self._run(LIST_COPIES, [], volumes) != (0, "end")

    def record(self, wallets: Fingerprint) -> str:
        """Record the wallets on the host, and give the volume an id if it has none. Return the id.

        Raises ServiceError.
        """
        self._give_empty(self.volume, WALLET)
        self._prepare_copies()
        volumes = {
            self.volume: {"bind": WALLET, "mode": self._mode("rw")},
            copies_volume(self.volume): {"bind": "/data", "mode": self._mode("rw")},
        }
        code, printed = self._run(WRITE_RECORD, [secrets.token_hex(16), *lines(wallets)], volumes)
        if code:
            kept_out = [self.kept_out(volume, is_to_write=True) for volume in volumes]
            raise ServiceError(
                f"host {self._host}: the wallet volume {self.volume!r}, or its volume of copies, can't be "
                f"written by the node's user {user_of(self._place)}: {_joined(_reason(printed), *kept_out)}"
            )
        return printed.rpartition("\n")[2]

    def record_as_copy(self, wallets: Fingerprint) -> None:
        """Record the wallets on the host with an id that no volume has: this volume is now only a copy.

        A node with this volume is refused until `record` stores the volume's own id again. Raises
        ServiceError.
        """
        self._prepare_copies()
        volumes = {copies_volume(self.volume): {"bind": "/data", "mode": self._mode("rw")}}
        code, printed = self._run(WRITE_COPY_RECORD, [secrets.token_hex(16), *lines(wallets)], volumes)
        if code:
            raise ServiceError(
                f"host {self._host}: {copies_volume(self.volume)} can't be written: {_reason(printed)}"
            )

    def other_users(self, urn: str) -> str:
        """Describe another container that may write to the wallet; empty if no other container may.

        Empty, too, if the names of the node's own containers are unknown. `urn` is the URN of the node's
        container.
        """
        if not self._names:
            return ""
        for container in users(self._client.api, self.volume, writing=True):
            if not self._is_own(container, urn) and self._may_run(container):
                name, labels = container["Names"][0].lstrip("/"), container.get("Labels") or {}
                if WALLET_HELPER in labels:
                    remedy = WRITTEN
                elif NODE in labels:
                    remedy = self._own_again(name)
                else:
                    remedy = (
                        f"If you don't need that container: `docker stop -t 60 {name} && "
                        f"docker container rm {name}` (volumes stay)."
                    )
                return (
                    f"the wallet volume {self.volume!r} is in use by the container {name}: a wallet has one "
                    f"writer. {remedy}"
                )
        return ""

    def kept_out(self, volume: str, *names: str, is_to_write: bool = False) -> str:
        """Describe the files in a volume whose owner or mode keeps the node's user out; empty if none do.

        Empty, too, if the host lacks the node's image or the files can't be listed. Readable files count only
        if `is_to_write`; the volume's own folder always counts. With `names`, only these files count.
        """
        image = known_as(self._client.api, self._image)
        if image is None:
            return ""
        with suppress(ServiceError):
            files = unusable_files(self._client, self._place, image, volume)
            files = [file for file in files if is_to_write or file.is_unreadable or not file.path]
            files = [file for file in files if not names or file.path in names]
            return explained(volume, image, files, user_of(self._place)) if files else ""
        return ""

    def _own_again(self, other: str) -> str:
        """Say which volume the node had until now, because another node's container uses the wanted one."""
        mounts = (
            mount
            for container in self._client.api.containers(all=True)
            if any(name in self._names for name in container["Names"])
            for mount in container.get("Mounts") or ()
        )
        own = next((mount.get("Name") for mount in mounts if mount["Destination"] == WALLET), "")
        line = f"`wallet-volume: {own}`" if own else "another `wallet-volume`"
        return (
            f"{other} is the container of another node: don't remove it. Give each node its own volume; this "
            f"one needs {line} in the stack's file."
        )

    def _is_own(self, listed: Mapping[str, Any], urn: str) -> bool:
        """True for a container of the node.

        Its label has another URN once its stack has another name. So a name in the state counts more than the
        label, and the label more than a name in the stack's file.
        """
        owner = (listed.get("Labels") or {}).get(NODE)
        names = self._recorded if owner else self._names
        return owner == urn or any(name in names for name in listed["Names"])

    def _may_run(self, listed: Mapping[str, Any]) -> bool:
        """True for a container that runs, starts automatically, is a node's, or writes for a command."""
        labels = listed.get("Labels") or {}
        if listed["State"] not in ("created", "exited", "dead") or NODE in labels or WALLET_HELPER in labels:
            return True
        try:
            container = self._client.api.inspect_container(listed["Id"])
        except NotFound:
            return False
        # With on-failure too: an engine that starts forgets who stopped a container, and sees its exit code.
        return container["HostConfig"]["RestartPolicy"]["Name"] not in ("", "no")

    def _run_script(self, arguments: Sequence[str]) -> str:
        """Run the script and return its output."""
        printed = self._in_node(arguments)
        if printed is None:
            volumes = {self.volume: {"bind": WALLET, "mode": self._mode("ro")}}
            code, printed = self._run(f"cd {WALLET} || exit 1\n{SCRIPT}", arguments, volumes)
            if code:
                raise self._unreadable(f"{self.volume} can't be read and written", printed, self.volume)
        return printed

    def _unreadable(self, problem: str, printed: str, volume: str) -> ServiceError:
        """Error for a volume that can't be read: KeptOutError if owners or modes of files are the reason."""
        kept_out = self.kept_out(volume)
        kind = KeptOutError if kept_out else ServiceError
        return kind(f"host {self._host}: {problem}: {_joined(printed, kept_out)}")

    def _give_empty(self, volume: str, target: str) -> None:
        if user_of(self._place) != USER and has_volume(self._client.api, volume):
            give_empty(self._client, self._place, self._image, volume, target)

    def _prepare_copies(self) -> None:
        prepare_copies(self._client, self._place, self._image, copies_volume(self.volume))

    def _mode(self, access: Literal["ro", "rw"]) -> str:
        return mode(self._place, access)

    def _in_node(self, arguments: Sequence[str]) -> str | None:
        """Output of the script in the node's own container.

        None if that is stopped, uses another volume, or does not run the script to its end.
        """
        api = self._client.api
        filters = {"volume": self.volume, "status": "running"}
        for container in api.containers(filters=filters):
            place = _place(container, self.volume)
            if place and any(name in self._names for name in container["Names"]):
                command = ["sh", "-c", SCRIPT, "fingerprint", *arguments]
                # If the container has just ended, or can't start a program, a separate one reads the volume.
                with suppress(APIError, RequestException):
                    begun = api.exec_create(container["Id"], command, workdir=place)
                    printed: bytes = api.exec_start(begun["Id"])
                    if printed.splitlines()[-1:] == [b"end"]:  # else it has failed, or its end was lost
                        return printed.decode(errors="replace")
        return None

    def _run(self, script: str, arguments: Sequence[str], volumes: Mapping[str, Any]) -> tuple[int, str]:
        command = ["sh", "-c", script, "wallet", *arguments]
        return short_run(
            self._client,
            self._place,
            self._image,
            command,
            SECONDS,
            lines="all",
            volumes=volumes,
            **as_user(self._place),
        )


def _reason(printed: str) -> str:
    """Why a script could not write, and what to do about it if that is known."""
    return _joined(printed, "Free space on that host's disk, and try again" if _FULL in printed else "")


def _joined(first: str, *kept_out: str) -> str:
    return ". ".join(sentence.removesuffix(".") for sentence in (first, *kept_out) if sentence)


def _place(listed: Mapping[str, Any], volume: str) -> str:
    """Folder of a container at which it mounts a volume; empty if it does not."""
    mounts = listed.get("Mounts") or ()
    return next((str(mount["Destination"]) for mount in mounts if mount.get("Name") == volume), "")
