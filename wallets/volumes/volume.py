"""A wallet volume on its host, read and written through the engine's API.

Reading starts no program: the engine returns files of a container that is created and never started. The
volume is inspected first, because a container that names a missing volume would create an empty one.
"""

import functools
import re
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Literal, TypeVar

from docker.errors import NotFound

from catalogue.node_container import WALLET, WALLET_HELPER, WALLET_READER, WALLET_WRITER
from clients.ownership import as_user, give_empty, mode
from clients.pull import ensure_image
from clients.short_run import short_run
from clients.volumes import has_volume, users
from wallets.asking import ask
from wallets.errors import WalletError
from wallets.files.contents import (
    STAGING,
    Contents,
    File,
    folders_in,
    from_tar,
    joined,
    same,
    to_tar,
    without_links,
    without_staged,
)
from wallets.nodes import DeployedNode
from wallets.signals import uninterrupted
from wallets.volumes.processes import has_ended, this_process

COPIES = "/data"
"""Mount point of the volume of copies; images have that folder (providers/skycoin/copy-wallet.sh)."""

_COPY = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ", re.ASCII)
"""Form of a copy's name: its time in UTC (providers/skycoin/copy-wallet.sh)."""

TRIES = 10
"""Maximum number of readings until two are equal: the node saves wallets in place, not atomically."""
PAUSE = 0.5
"""Seconds between two readings."""
SECONDS = 120
"""Time limit for moving restored files, in seconds: wallets are kilobytes, but SD cards are slow."""
RUNNING = ("running", "restarting", "paused")
GRACE = 60
"""Seconds in which a node must stop (components/node.py)."""

# All staged files are complete and on disk before the first one is moved into place.
MOVE = f"""\
cd {WALLET}/{STAGING} && sync || exit 1
find . -type f -exec sh -c 'for f; do [ ! -d "{WALLET}/$f" ] || echo "$f"; done' sh {{}} + > /tmp/folders
if [ -s /tmp/folders ]; then echo "folders have these names: $(cat /tmp/folders)"; exit 1; fi
find . -type d -exec sh -c 'for folder; do mkdir -p "{WALLET}/$folder"; done' sh {{}} + || exit 1
find . -type f -exec sh -c 'for file; do mv -f "$file" "{WALLET}/$file"; done' sh {{}} + || exit 1
[ -z "$(find . -type f)" ] && rm -rf {WALLET}/{STAGING} && sync
"""

_Answer = TypeVar("_Answer")


def settled(read: Callable[[], dict[str, File] | None]) -> dict[str, File] | None:
    """Files that two consecutive readings found equal; None if they keep changing."""
    before = read()
    for _ in range(TRIES):
        time.sleep(PAUSE)
        now = read()
        if before is not None and now is not None and same(before, now):
            return now
        before = now
    return None


def _has_ended(helper: Any) -> bool:
    """True if the command of a container on the wallet has ended for certain."""
    labels = helper.labels
    return has_ended(labels.get(WALLET_WRITER) or labels.get(WALLET_READER) or "")


class _InUseError(WalletError):
    """Error for a wallet on which another container runs, or another command writes."""


class WalletVolume:
    """The wallet volume of one node, its copies, and the node's container, through one docker client."""

    def __init__(self, node: DeployedNode, client: Any) -> None:
        self._node = node
        self._client = client

    def make(self) -> None:
        """Create the volume, empty; an existing one stays unchanged."""
        self._ask(lambda: self._client.api.create_volume(self._node.wallet))

    def read(self) -> dict[str, File]:
        """All files, as of one moment. Raises WalletError."""
        with self.mounted(self._node.wallet, WALLET, "ro") as container:
            if (files := settled(lambda: self._files(container, WALLET))) is not None:
                return files
        raise WalletError(
            f"the wallet on host {self._node.host} keeps changing: stop its node and try again "
            f"(`{self._node.docker} stop -t {GRACE} {self._node.container}`). If it is stopped, its files "
            "can't be read to their end: look for errors of that host's disk (`dmesg`)"
        )

    def copies(self) -> list[str]:
        """Names of the copies on the host, oldest first; empty if there is no volume of copies.

        Raises WalletError if they can't all be listed.
        """
        if not self.exists(self._node.backups):
            return []
        with self.mounted(self._node.backups, COPIES, "ro") as container:
            stream, _ = self._ask(lambda: container.get_archive(COPIES))
            try:
                names = self._ask(lambda: folders_in(stream, COPIES.strip("/")))
            except tarfile.TarError as error:
                raise self._incomplete("the copies", str(error)) from None
        return sorted(filter(_COPY.fullmatch, names))

    def _incomplete(self, what: str, reason: str = "the engine's archive is damaged or cut") -> WalletError:
        """Error for copies of which only a part can be read."""
        return WalletError(
            f"{what} in {self._node.backups} on host {self._node.host} could not be read to their end "
            f"({reason}). Nothing was changed. Run the same command again; if it ends like this again, look "
            "for errors of that host's disk (`dmesg`)"
        )

    def copy(self, name: str) -> dict[str, File]:
        """Files of one copy on the host, without links. Raises WalletError that lists the existing copies."""
        copies = self.copies()
        if name not in copies:
            known = ", ".join(copies) or "none"
            raise WalletError(f"{name!r} is not a copy in {self._node.backups}; its copies are: {known}")
        with self.mounted(self._node.backups, COPIES, "ro") as container:
            files = self._files(container, f"{COPIES}/{name}")
        if files is None:
            raise self._incomplete(f"the files of the copy {name}")
        return without_links(files)

    def put(self, contents: Contents, expected: Contents) -> None:
        """Write files into the volume, all of them or none; other files stay.

        A signal does not interrupt it, and no node is handed over to meanwhile. Raises WalletError; until all
        files are on the host's disk nothing in the volume has changed. Nothing is written if the volume has
        other files than the expected ones, or if another command is writing to it.
        """
        with self._writing() as container:
            try:
                self._refuse_started("Nothing was changed")
                self._take_empty()
                self._refuse_unwritable()
                self._stage(container, contents)
                self._refuse_other_files(expected)
                self._refuse_started("Nothing was changed")
                self._refuse_writers(container)
                code, printed = self._run(["sh", "-c", MOVE])
                if code:
                    raise WalletError(f"the files could not be moved into {self._node.wallet}: {printed}")
            except NotFound as error:
                self._clean_up(container)
                raise WalletError(
                    f"a container through which {self._node.wallet} was written was removed by another "
                    f"command ({error}). Run this one again"
                ) from error
            except WalletError:
                self._clean_up(container)
                raise
            self._check_written(contents)

    @contextmanager
    def _writing(self) -> Iterator[Any]:
        """Yield a container of the volume, after the rest of killed commands was removed.

        Raises WalletError if another command is writing. It looks once its own container is there: of two
        commands that begin at the same moment, the one that looks later sees the other.
        """
        with uninterrupted(), self.mounted(self._node.wallet, WALLET, "rw") as container:
            self._refuse_writers(container)
            for helper in self._helpers(container):
                if helper.status not in RUNNING and _has_ended(helper):
                    self._remove(helper)
            self._unstage()
            yield container

    def _clean_up(self, container: Any) -> None:
        """Remove the staged files, unless another command writes by now: then they are that one's."""
        if not self._writers(container):
            self._unstage()

    def _check_written(self, contents: Contents) -> None:
        written = self.read()
        wrong = [
            path for path, file in contents.items() if path not in written or written[path].data != file.data
        ]
        if wrong:
            raise WalletError(f"{', '.join(sorted(wrong))} in {self._node.wallet} differs from the backup")
        self._refuse_started(
            "The files are in their place, but it may write over them what it had read before"
        )

    def _refuse_started(self, state: str) -> None:
        """Raise WalletError if a container is running on the wallet, while the node is stopped.

        `state` says what became of the files.
        """
        if names := sorted(self._running_on_wallet(writing=True).values()):
            raise WalletError(
                f"{', '.join(names)} on host {self._node.host} has been started on {self._node.wallet} "
                f"meanwhile, by an `up` or at a boot. {state}. Stop it (`{self._node.docker} stop -t {GRACE} "
                f"{names[0]}`), and run the same command again"
            )

    def _refuse_other_files(self, expected: Contents) -> None:
        if not same(without_staged(self.read()), expected):
            raise WalletError(
                f"{self._node.wallet} on host {self._node.host} has changed since it was read, as by another "
                "command. Nothing was changed by this one: run it again"
            )

    def remove_leftovers(self) -> None:
        """Remove the containers of a killed `put`, and its folder in the volume.

        Raises WalletError if another command is writing.
        """
        with self._writing():
            pass

    def _refuse_writers(self, own: Any = None) -> None:
        """Raise _InUseError if another command is writing to the volume, as a restore on another machine."""
        if names := sorted(helper.name for helper in self._writers(own)):
            node = self._node
            end = f"`{node.docker} rm -f {' '.join(names)}`"
            raise _InUseError(
                f"{', '.join(names)} on host {node.host} is used by another command to write to "
                f"{node.wallet}, as by a restore on another machine. Nothing was changed. Wait for its end; "
                f"if it was killed, remove that container ({end}). Then run the same command again"
            )

    def _writers(self, own: Any) -> list[Any]:
        """Other commands' containers that may be writing, also on behalf of a command that was killed."""
        return [
            helper
            for helper in self._helpers(own)
            if helper.status in RUNNING or (WALLET_READER not in helper.labels and not _has_ended(helper))
        ]

    def _helpers(self, own: Any) -> list[Any]:
        """Containers of commands on the wallet but one."""
        filters = {"label": f"{WALLET_HELPER}={self._node.wallet}"}
        found = self._ask(
            lambda: self._client.containers.list(all=True, filters=filters, ignore_removed=True)
        )
        return [helper for helper in found if own is None or helper.id != own.id]

    def _remove(self, container: Any) -> None:
        with suppress(NotFound):
            self._ask(functools.partial(container.remove, force=True))

    @contextmanager
    def node_stopped(self) -> Iterator[bool]:
        """Stop the node during the body, and start it again if it was running; yields whether it was.

        Raises WalletError if another container is running on its wallet.
        """
        with self.node_leaving() as container:
            yield container is not None
        self._bring_back(container)

    @contextmanager
    def node_leaving(self) -> Iterator[Any]:
        """Stop the node; it is started again only if it was running and the body fails.

        Yields its container, None if it was not running. Raises WalletError if another container is running
        on its wallet.
        """
        container = self._running()
        try:
            self._stop(container)
            yield container
        except BaseException as error:
            self._bring_back(container, error)
            raise

    def _stop(self, container: Any) -> None:
        if container is not None:
            self._ask(lambda: container.stop(timeout=GRACE))

    def _bring_back(self, container: Any, after: BaseException | None = None) -> None:
        """Start the stopped node. Raises WalletError, which includes `after`, if it does not start."""
        if container is None:
            return
        with uninterrupted():
            try:
                if after is not None:
                    # A stop whose response was lost may still be in progress and would stop the container
                    # again.
                    self._stop(container)
                self._refuse_others(container)
                self._refuse_writers()
                self._ask(container.start)
                try:
                    # Two that start at the same moment did not see each other before.
                    self._refuse_others(container)
                except _InUseError:
                    self._stop(container)
                    raise
            except NotFound:
                return  # another command has removed it
            except WalletError as error:
                node = self._node
                said = str(after or "").strip()
                reasons = said if str(error) in said else "\n".join(filter(None, (said, str(error))))
                by_hand = (
                    "" if isinstance(error, _InUseError) else f"`{node.docker} start {node.container}`, or "
                )
                raise WalletError(
                    f"{reasons}\n{node.where} was stopped, and was not started again: {by_hand}`up`"
                ) from error

    def _refuse_others(self, container: Any) -> None:
        """Raise _InUseError if another container is running on the wallet, as after an `up` meanwhile."""
        running = self._running_on_wallet(writing=True)
        if names := sorted(name for identity, name in running.items() if identity != container.id):
            raise _InUseError(
                f"{', '.join(names)} on host {self._node.host} is running on {self._node.wallet} by now, as "
                "after an `up`: a wallet has one writer"
            )

    def _running(self) -> Any:
        """The node's container if it is running, else None.

        Raises WalletError if another container is running on the wallet.
        """
        self.refuse_users()
        container = self._container()
        return container if container is not None and container.status in RUNNING else None

    def refuse_users(self) -> None:
        """Raise WalletError if another container is running on the wallet, or a command is writing to it."""
        self._refuse_writers()
        others = sorted(name for name in self._running_on_wallet().values() if name != self._node.container)
        if others:
            raise WalletError(
                f"{', '.join(others)} on host {self._node.host} uses {self._node.wallet} too: stop it first "
                f"(`{self._node.docker} stop -t {GRACE} {others[0]}`). Nothing was changed"
            )

    def _running_on_wallet(self, *, writing: bool = False) -> dict[str, str]:
        """Containers that are running on the wallet, or only those that may write to it: id → name."""
        mounted = self._ask(lambda: users(self._client.api, self._node.wallet, writing=writing))
        return {
            container["Id"]: container["Names"][0].lstrip("/")
            for container in mounted
            if container["State"] in RUNNING
        }

    def _take_empty(self) -> None:
        """Give a volume that was created by hand, after the old one was lost, to the node's user."""
        node = self._node
        self._ask(lambda: give_empty(self._client, node.place, node.image, node.wallet, WALLET))

    def _refuse_unwritable(self) -> None:
        """Raise WalletError if the node's user could not move the files that the engine writes as root."""
        code, _ = self._run(["sh", "-c", f"[ -w {WALLET} ]"])
        if code:
            node = self._node
            raise WalletError(
                f"the node's user {node.user} can't write to {node.wallet} on host {node.host} "
                "(docs/wallets.md, “Files of somebody else” and “Another user”). Nothing was changed in "
                "the volume"
            )

    def _stage(self, container: Any, contents: Contents) -> None:
        archive = to_tar(contents, STAGING, *map(int, self._node.user.split(":")))
        self._ask(lambda: container.put_archive(WALLET, archive))
        if not same(self._files(container, f"{WALLET}/{STAGING}") or {}, contents):
            raise WalletError(f"{self._node.wallet} on host {self._node.host} did not receive all files")

    def _unstage(self) -> None:
        """Remove the staging folder of a restore."""
        if self.exists(self._node.wallet):
            self._run(["rm", "-rf", f"{WALLET}/{STAGING}"])

    def _container(self) -> Any:
        if self._node.container is None:
            return None
        try:
            return self._ask(lambda: self._client.containers.get(self._node.container))
        except NotFound:
            return None

    def exists(self, volume: str) -> bool:
        """True if a volume exists."""
        return self._ask(lambda: has_volume(self._client.api, volume))

    @contextmanager
    def mounted(self, volume: str, place: str, access: Literal["ro", "rw"]) -> Iterator[Any]:
        """Create a container with a volume, without starting it.

        Raises WalletError if the volume does not exist.
        """
        if not self.exists(volume):
            raise WalletError(self._gone(volume))
        image = self._ask(lambda: ensure_image(self._client, self._node.image, self._node.place))
        container = self._ask(
            lambda: self._client.containers.create(
                image,
                command=["true"],
                network_mode="none",
                read_only=True,
                labels=self._labels(WALLET_READER if access == "ro" else WALLET_WRITER),
                volumes={volume: {"bind": place, "mode": mode(self._node.place, access)}},
            )
        )
        try:
            yield container
        finally:
            self._remove(container)

    def _labels(self, kind: str) -> dict[str, str]:
        return {WALLET_HELPER: self._node.wallet, kind: this_process()}

    def _gone(self, volume: str) -> str:
        restore = self._node.wallet_command("restore", "FILE")
        return (
            f"there is no volume {volume!r} on host {self._node.host}, and none was created. If it was "
            f"removed: `{self._node.docker} volume create {volume}`, then `{restore}` with a backup; if it "
            "has another name, set `wallet-volume` of the node to it"
        )

    def _files(self, container: Any, place: str) -> dict[str, File] | None:
        """Files below a folder of a container; None if one changed during reading."""
        what = f"the files of {self._node.wallet} on host {self._node.host}"
        stream, _ = self._ask(lambda: container.get_archive(place))
        archive = self._ask(lambda: joined(what, stream))
        try:
            return from_tar(archive, place.rpartition("/")[2])
        except tarfile.TarError:
            return None

    def _run(self, command: list[str]) -> tuple[int, str]:
        """Run a command on the wallet volume, in the node's image."""
        node = self._node
        options: dict[str, Any] = {
            "volumes": {node.wallet: {"bind": WALLET, "mode": mode(node.place, "rw")}},
            "labels": self._labels(WALLET_WRITER),
            "tmpfs": {"/tmp": ""},
            **as_user(node.place),
        }
        return self._ask(lambda: short_run(self._client, node.place, node.image, command, SECONDS, **options))

    def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        return ask(self._node.host, question)
