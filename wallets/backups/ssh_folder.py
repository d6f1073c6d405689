"""A folder of backups on another machine, over ssh."""

import io
import re
import shlex
import subprocess
import tarfile
from collections.abc import Generator, Iterator, Sequence
from urllib.parse import unquote, urlsplit

from clients.limited_run import EndlessOutputError, limited_run
from clients.process_output import OutputStream, killed_on_error
from clients.ssh import Login, ssh_command
from display.printable import printable_line
from wallets.backups import local_folder
from wallets.backups.local_folder import TooLargeError, is_backup_name, refuse_large, refused_size
from wallets.errors import WalletError

SSH = "ssh://"
_SECONDS = 600
_ERRORS = 1 << 16
"""Maximum length of errors, such as a banner of ssh, in bytes; a backup may come in addition."""
_CHUNK = 1 << 20
_REST = 1 << 32
"""Maximum number of bytes that are read after an archive or a fault in it: ssh gives its reason last."""
_EXISTS = 73
"""Exit code of `_KEEP` if the name is taken."""
_BROKEN = 255
"""Exit code of ssh itself, also if its connection ended after the remote command had done its work."""

_ENTER = """\
set -u; umask 077; folder=$1
case $folder in /~) folder=$HOME ;; /~/*) folder=$HOME/${folder#"/~/"} ;; esac
"""
# A truncated upload has the wrong size and gets no name.
_KEEP = f"""\
{_ENTER}mkdir -p -- "$folder" && cd -- "$folder" || exit 1
find . -maxdepth 1 -name '.*-wallet-*.partial' -mtime +0 -exec rm -f {{}} +
partial=.$2.$$.partial
trap 'rm -f "$partial"' EXIT
trap 'exit 1' HUP INT TERM PIPE
set -C; cat > "$partial" || exit 1
[ "$(wc -c < "$partial")" -eq "$3" ] || {{ echo "only a part of the file arrived" >&2; exit 1; }}
sync
ln -- "$partial" "$2" 2> /dev/null && exit
(: > "$2") 2> /dev/null || exit {_EXISTS}
mv -f -- "$partial" "$2"
"""
_READ = f'{_ENTER}cd -- "$folder" && cat -- "$2"'
_NAMES = f"""\
{_ENTER}cd -- "$folder" || exit 1
for name in *.backup *.tar.gz; do if [ -f "$name" ]; then printf '%s\\n' "$name"; fi; done
"""
_ALL = f"""\
{_ENTER}cd -- "$folder" || exit 1
set --; for name in *.backup *.tar.gz; do if [ -f "$name" ]; then set -- "$@" "$name"; fi; done
[ $# -eq 0 ] || exec tar -cf - -- "$@"
"""


class SshFolder:
    """Backups in a folder of another machine, which needs only ssh and a shell."""

    def __init__(self, url: str, options: Sequence[str]) -> None:
        self._url, self._options = url.rstrip("/"), options
        self._folder = _folder_in(url)
        if not self._folder:
            raise WalletError(
                f"{url}: use ssh://USER@HOST[:PORT]/FOLDER, or …/~/FOLDER in the home folder; in FOLDER, "
                "write # as %23 and ? as %3F"
            )

    def keep(self, name: str, backup: bytes) -> str:
        """Write a backup as a new file of mode 0600, completely or not at all; return its address.

        Raises WalletError, also if the connection was lost and it is unknown whether the file exists.
        """
        where = self.address(name)
        try:
            code, _, errors = self._run(_KEEP, name, str(len(backup)), given=backup, most=_ERRORS)
        except EndlessOutputError:
            code, errors = _BROKEN, b"too much output"
        reason = _one_line(errors) or f"exit code {code}"
        if code == _EXISTS:
            raise WalletError(f"{where} already exists; backups are never overwritten: try again")
        if code == _BROKEN:
            raise WalletError(
                f"the connection for {where} failed: {reason}. It is unknown whether the backup was written: "
                f"see `./skyinfra wallet list --from {shlex.quote(self._url)}`"
            )
        if code:
            raise WalletError(f"{where} can't be written: {reason}. No backup was created")
        if self.load(name) != backup:
            raise WalletError(
                f"{where} reads back differently from what was written. Does the shell there print a "
                "greeting? If it does not, don't trust that disk"
            )
        return where

    def names(self) -> list[str]:
        """Names of files that may be backups. Raises WalletError."""
        done = self._checked(self._url, _NAMES)
        return sorted(name for name in done.decode(errors="replace").splitlines() if is_backup_name(name))

    def load(self, name: str) -> bytes:
        """Read a backup. Raises WalletError."""
        return self._checked(self.address(name), _READ, name)

    def load_all(self) -> Iterator[tuple[str, bytes]]:
        """Yield name and content of every file that may be a backup, over one connection.

        Raises WalletError.
        """
        command, pipe = self._command(_ALL), subprocess.PIPE
        with (
            Login(),
            subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe, start_new_session=True
            ) as process,
            killed_on_error(process),
        ):
            output = OutputStream(process, _SECONDS)
            try:
                fault = yield from self._files(io.BufferedReader(output, _CHUNK))
            except TimeoutError:
                raise WalletError(f"{self._url} has sent nothing for {_SECONDS} s") from None
        if process.returncode:
            raise WalletError(f"{self._url} can't be read: {output.errors.shown()}")
        if fault:
            raise self._foreign(fault)

    def _files(self, stream: io.BufferedReader) -> Generator[tuple[str, bytes], None, str]:
        """Yield the backups in an archive, read the stream to its end, and return what is wrong with it."""
        fault = ""
        try:
            if stream.peek(1):  # nothing comes if there are no files, or if the script failed
                yield from self._backups(stream)
        except tarfile.TarError as error:
            fault = str(error)
        for _ in range(_REST // _CHUNK):
            if not stream.read(_CHUNK):
                return fault
        raise self._foreign("it does not end")

    def _backups(self, stream: io.BufferedReader) -> Iterator[tuple[str, bytes]]:
        """Yield the backups in an archive. Raises TarError."""
        with tarfile.open(fileobj=stream, mode="r|") as archive:
            for entry in archive:
                name = entry.name
                # The other machine sends what it likes: a link, or a name of another form.
                if not entry.isreg() or not is_backup_name(name):
                    continue
                try:
                    refuse_large(self.address(name), entry.size)
                except TooLargeError as error:
                    print(f"skipped: {error}")
                else:
                    if (content := archive.extractfile(entry)) is not None:
                        yield name, content.read()

    def _foreign(self, fault: str) -> WalletError:
        return WalletError(
            f"{self._url} sent something other than its backups ({fault}). Does its shell print a greeting? "
            "`ssh USER@HOST true` must print nothing"
        )

    def address(self, name: str) -> str:
        """Name of a file in the form that commands accept."""
        return f"{self._url}/{name}"

    def _command(self, script: str, *arguments: str) -> list[str]:
        words = ["sh", "-c", script, "sh", self._folder, *arguments]
        return ssh_command(self._url, self._options, shlex.join(words))

    def _run(self, script: str, *arguments: str, most: int, given: bytes = b"") -> tuple[int, bytes, bytes]:
        """Exit code, output and errors of a script. Raises WalletError, and EndlessOutputError."""
        try:
            with Login():
                return limited_run(self._command(script, *arguments), given, _SECONDS, most)
        except subprocess.TimeoutExpired:
            raise WalletError(f"{self._url} did not answer in {_SECONDS} s") from None

    def _checked(self, what: str, script: str, *arguments: str) -> bytes:
        """Output of a script, of at most the length of a backup. Raises WalletError."""
        try:
            code, printed, errors = self._run(script, *arguments, most=local_folder.LARGEST_FILE + _ERRORS)
        except EndlessOutputError:
            raise refused_size(what) from None
        if code:
            raise WalletError(f"{what} can't be read: {_one_line(errors) or f'exit code {code}'}")
        refuse_large(what, len(printed))
        return printed


def _folder_in(url: str) -> str:
    """Folder in an address; empty if the address is invalid, or has a part after the folder."""
    try:
        parts = urlsplit(url)
        is_complete = bool(parts.hostname) and parts.port != 0
    except ValueError:  # a port or a bracket
        return ""
    return unquote(parts.path).rstrip("/") if is_complete and not re.search("[#?]", url) else ""


def _one_line(text: bytes) -> str:
    return printable_line(" ".join(text.decode(errors="replace").split()))
