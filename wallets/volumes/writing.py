"""Writing of files into a wallet volume: all or none, and not while a node or another command uses it."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from docker.errors import NotFound

from catalogue.node_container import ALIVE, WALLET
from clients.ownership import give_empty
from clients.signals import uninterrupted
from wallets.errors import PartialError, WalletError
from wallets.files.archives import to_tar
from wallets.files.contents import STAGING, Contents, same, without_staged
from wallets.volumes.users import command_has_ended, helpers, refuse_started, refuse_writers, writers
from wallets.volumes.volume import WalletVolume

PARTIAL = 75
"""Exit code of MOVE: some files were moved, and others were not (EX_TEMPFAIL of sysexits.h)."""
# All staged files are complete and on disk, and every folder lets them in, before the first one is moved.
# In a sticky folder, only an owner replaces a file.
MOVE = f"""\
cd {WALLET}/{STAGING} && sync || exit 1
find . -type f -exec sh -c 'for f; do [ ! -d "{WALLET}/$f" ] || echo "$f"; done' sh {{}} + > /tmp/folders
if [ -s /tmp/folders ]; then echo "folders have these names: $(cat /tmp/folders)"; exit 1; fi
find . -type d -exec sh -c 'for folder; do mkdir -p "{WALLET}/$folder" || exit 1; done' sh {{}} + || exit 1
find . -type f -exec sh -c 'for f; do
    to="{WALLET}/$f" folder=$(dirname "{WALLET}/$f")
    [ -w "$folder" ] || echo "$f"
    if [ -k "$folder" ] && [ -e "$to" ] && [ ! -O "$to" ] && [ ! -O "$folder" ]; then echo "$f"; fi
done' sh {{}} + > /tmp/kept
if [ -s /tmp/kept ]; then echo "the node's user can't replace these: $(cat /tmp/kept)"; exit 1; fi
find . -type f -exec sh -c 'for file; do
    mv -f "$file" "{WALLET}/$file" || exit 1
done' sh {{}} + || exit {PARTIAL}
[ -z "$(find . -type f)" ] && rm -rf {WALLET}/{STAGING} && sync || exit {PARTIAL}
"""


def put(volume: WalletVolume, contents: Contents, expected: Contents) -> None:
    """Write files into the volume, all of them or none; other files stay.

    A signal does not interrupt it, and no handover takes place in the meantime. Raises WalletError; until all
    files are on the host's disk, no file in the volume has changed. Nothing is written if the volume has
    files other than the expected ones, or if another command is writing to it. Raises PartialError if only
    some of the files were put in place.
    """
    with _writing(volume) as container:
        try:
            refuse_started(volume, "Nothing was changed")
            _take_empty(volume)
            _refuse_unwritable(volume)
            _stage(volume, container, contents)
            _refuse_other_files(volume, expected)
            refuse_started(volume, "Nothing was changed")
            refuse_writers(volume, container)
            code, printed = volume.run(["sh", "-c", MOVE])
            if code == PARTIAL:
                raise PartialError(
                    f"only some of the files could be moved into {volume.node.wallet} on host "
                    f"{volume.node.host}: {printed}. The others are in its folder {STAGING}; run the same "
                    "command again, which finishes it"
                )
            if code:
                raise WalletError(f"the files could not be moved into {volume.node.wallet}: {printed}")
        except NotFound as error:
            _clean_up(volume, container)
            raise WalletError(
                f"a container through which {volume.node.wallet} was written was removed by another command "
                f"({error}). Run this command again"
            ) from error
        except PartialError:
            raise
        except WalletError:
            _clean_up(volume, container)
            raise
        _check_written(volume, contents)


def remove_leftovers(volume: WalletVolume) -> None:
    """Remove the containers of a killed `put`, and its folder in the volume.

    Raises WalletError if another command is writing.
    """
    with _writing(volume):
        pass


@contextmanager
def _writing(volume: WalletVolume) -> Iterator[Any]:
    """Yield a container of the volume, after removing what killed commands have left.

    Raises WalletError if another command is writing. The check follows the creation of this
    command's own container: of two commands that begin at the same moment, the later check finds the other.
    """
    with uninterrupted(), volume.mounted(volume.node.wallet, WALLET, "rw") as container:
        refuse_writers(volume, container)
        for helper in helpers(volume, container):
            if helper.status not in ALIVE and command_has_ended(helper):
                volume.remove(helper)
        _unstage(volume)
        yield container


def _clean_up(volume: WalletVolume, container: Any) -> None:
    """Remove the staged files, unless another command is now writing, which then owns them."""
    if not writers(volume, container):
        _unstage(volume)


def _check_written(volume: WalletVolume, contents: Contents) -> None:
    written = volume.read()
    wrong = [
        path for path, file in contents.items() if path not in written or written[path].data != file.data
    ]
    if wrong:
        raise WalletError(
            f"{', '.join(sorted(wrong))} in {volume.node.wallet} was not written correctly: its "
            "content differs from what was sent"
        )
    refuse_started(volume, "The files are in place, but it may overwrite them with what it had read before")


def _refuse_other_files(volume: WalletVolume, expected: Contents) -> None:
    if not same(without_staged(volume.read()), expected):
        raise WalletError(
            f"{volume.node.wallet} on host {volume.node.host} was changed after it was read, perhaps by "
            "another command. This command changed nothing: run it again"
        )


def _take_empty(volume: WalletVolume) -> None:
    """Give a volume that was created by hand, after the old one was lost, to the node's user."""
    node = volume.node
    volume.ask(lambda: give_empty(volume.client, node.host_inputs, node.image, node.wallet, WALLET))


def _refuse_unwritable(volume: WalletVolume) -> None:
    """Raise WalletError if the node's user could not move the files that the engine writes as root."""
    code, _ = volume.run(["sh", "-c", f"[ -w {WALLET} ]"])
    if code:
        node = volume.node
        raise WalletError(
            f"the node's user {node.user} can't write to {node.wallet} on host {node.host} "
            "(docs/wallets.md, “Files of somebody else” and “Another user”). Nothing was changed in "
            "the volume"
        )


def _stage(volume: WalletVolume, container: Any, contents: Contents) -> None:
    archive = to_tar(contents, STAGING, *map(int, volume.node.user.split(":")))
    volume.ask(lambda: container.put_archive(WALLET, archive))
    if not same(volume.files(container, f"{WALLET}/{STAGING}") or {}, contents):
        raise WalletError(f"{volume.node.wallet} on host {volume.node.host} did not receive all files")


def _unstage(volume: WalletVolume) -> None:
    """Remove the staging folder of a restore."""
    if volume.exists(volume.node.wallet):
        volume.run(["rm", "-rf", f"{WALLET}/{STAGING}"])
