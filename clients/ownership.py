"""Files in a node's volume that the node's user can't use, because of their owners or their modes.

Files of another user come from another container that filled the volume, or from somebody who copied them as
root.
"""

import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from catalogue.confinement import DROPPED_CAPABILITIES, SECURITY_OPTIONS
from catalogue.node_container import DATA, USER, user_of
from clients.errors import ServiceError
from clients.pull import HostInputs
from clients.short_run import short_run

SECONDS = 120
"""Time limit for listing a volume's files or changing owners, in seconds; a volume has few files."""
NAMED = 3
"""Number of files that a message names; the rest are only counted."""
LISTED = 1000
"""Maximum number of listed files: a volume of another program may have millions."""
SHOWN = 60
"""Maximum length of a path in a message, in characters."""
PLACE = "/volume"
_DROPPED = tuple(word for name in DROPPED_CAPABILITIES for word in ("--cap-drop", name))
_SECURITY = tuple(word for option in SECURITY_OPTIONS for word in ("--security-opt", option))
_CLOSED = r"! -perm -0400 -o -type d ! -perm -0700"
"""Tests of `find` for files that their owner can't read, and folders that their owner can't fully use."""

# For a folder that can't be entered, only the folder is listed. lost+found belongs to the file system. The
# user's own files count only if they can't be read: v0.27.1 starts with a wallet that it can't write.
# busybox `ls` prints ? for characters other than ASCII, so the name is printed separately, on one line.
SCRIPT = rf"""
find {PLACE} -name lost+found -prune -o ! -type l \( ! -user "$1" -o {_CLOSED} \) -exec sh -c '
for path; do
    if [ ! -r "$path" ] || {{ [ -d "$path" ] && [ ! -x "$path" ]; }}; then found=unreadable
    elif [ ! -w "$path" ]; then found=unwritable
    else continue
    fi
    ls -ldn "$path" | {{
        read -r mode _ user group _
        printf "%s %s %s %s %s\n" $found $mode $user $group "$(printf %s "$path" | tr "\001-\037" "?")"
    }}
done' sh {{}} + 2> /dev/null | head -n {LISTED}
echo end
"""
# A new volume has no files, and only folders of root or of the image's user. Its own folder is changed last.
GIVE = rf"""
place=$1 user=$2 owner=$3 image={USER.partition(":")[0]}
strange() {{
    find "$place" -name lost+found -prune -o \
        -type d \( -user 0 -o -user $image -o -user "$user" \) -o -print || echo failed
}}
[ -z "$(strange | head -n 1)" ] || exit 0
find "$place" -mindepth 1 -name lost+found -prune -o -exec chown -h "$owner" {{}} + && chown "$owner" "$place"
"""
_LINE = re.compile(rf"(unreadable|unwritable) ([a-zA-Z-]{{10}})\S* (\d+) (\d+) {PLACE}(?:/(.*))?")


@dataclass(frozen=True, slots=True)
class UnusableFile:
    """A file or folder that the node's user can't use because of its owner or its mode."""

    path: str
    """Path relative to the volume, with ? for control characters; empty for the volume itself."""
    mode: str
    """Mode as `ls` prints it: `-rw-------`."""
    owner: str
    """Owner as `UID:GID`."""
    is_unreadable: bool
    """True if the node's user can't read it; False if that user can read but not write it."""
    is_own: bool
    """True if it belongs to the node's user."""

    @property
    def shown(self) -> str:
        """Path for a message: quoted, cut, and without control characters and backticks."""
        if not self.path:
            return "the volume's own folder"
        plain = "".join(letter if letter.isprintable() and letter != "`" else "?" for letter in self.path)
        return repr(plain if len(plain) <= SHOWN else f"{plain[: SHOWN - 1]}…")


def unusable_files(client: Any, inputs: HostInputs, image: str, volume: str) -> list[UnusableFile]:
    """List the files that the node's user can't read, and those of other users that it can't write.

    They are listed in a container of `image`, and no more than LISTED. Raises ServiceError.
    """
    user = user_of(inputs)
    _, printed = short_run(
        client,
        inputs,
        image,
        ["sh", "-c", SCRIPT, "ownership", user.partition(":")[0]],
        SECONDS,
        lines="all",
        user=user,
        volumes={volume: {"bind": PLACE, "mode": "ro"}},
    )
    *listed, end = printed.split("\n")
    if end != "end":
        raise ServiceError(
            f"host {inputs['host']}: the owners in {volume} can't be listed: {printed[-200:]!r}"
        )
    matches = map(_LINE.fullmatch, listed)
    return [
        UnusableFile(
            match[5] or "",
            match[2],
            f"{match[3]}:{match[4]}",
            is_unreadable=match[1] == "unreadable",
            is_own=match[3] == user.partition(":")[0],
        )
        for match in matches
        if match
    ]


def as_user(inputs: HostInputs) -> dict[str, Any]:
    """Options of a short run for a node: `user`, if the node's user is not the image's."""
    return {} if user_of(inputs) == USER else {"user": user_of(inputs)}


def mode(inputs: HostInputs, access: Literal["ro", "rw"]) -> str:
    """Mount mode of a volume of wallets or copies, which may be empty.

    Docker gives an empty volume to the image's user whenever a container mounts it, unless `nocopy` forbids
    that.
    """
    return access if user_of(inputs) == USER else f"{access},nocopy"


def give_empty(client: Any, inputs: HostInputs, image: str, volume: str, target: str = DATA) -> None:
    """Make a node's user the owner of a volume without files, if that user is not the image's.

    The volume is mounted at `target`, a folder of the image: Docker copies its content and mode into a new
    volume. A volume that has a file, or a folder of a third user, is left unchanged. Raises ServiceError.
    """
    user = user_of(inputs)
    if user == USER:
        return
    code, printed = short_run(
        client,
        inputs,
        image,
        ["sh", "-c", GIVE, "give", target, user.partition(":")[0], user],
        SECONDS,
        user="0:0",
        cap_add=["CHOWN", "DAC_READ_SEARCH"],
        volumes={volume: {"bind": target, "mode": "rw"}},
    )
    if code:
        raise ServiceError(
            f"host {inputs['host']}: {volume} can't be given to the node's user {user}: {printed}"
        )


def prepare_copies(client: Any, inputs: HostInputs, image: str, backups: str) -> None:
    """Create a wallet's volume of copies if the node's user is not the image's. Raises ServiceError.

    For the image's user, the first container that mounts the volume creates it.
    """
    if user_of(inputs) != USER:
        client.api.create_volume(backups)
        give_empty(client, inputs, image, backups)


def explained(volume: str, image: str, files: Sequence[UnusableFile], user: str = USER) -> str:
    """Describe the files, with the commands that change their owner, or the mode of the user's own."""
    others, own = ([file for file in files if file.is_own is is_own] for is_own in (False, True))
    least = "at least " if len(files) == LISTED else ""
    said = []
    if others:
        said.append(
            f"The node's user {user} can't use {_named(others, least)}. This command gives all files of "
            f"the volume to that user and changes nothing else: `{_giving(volume, image, user)}`."
        )
    if own:
        said.append(
            f"The node's user {user} can't use {_named(own, least)}, because of the mode. This command lets "
            f"that user read and write its files and changes nothing else: `{_opening(volume, image, user)}`."
        )
    return " ".join(said)


def _named(files: Sequence[UnusableFile], least: str) -> str:
    """Name the first files, each with its mode and owner, and count the others, with `least` before."""
    named = ", ".join(f"{file.shown} ({file.mode}) of {file.owner}" for file in files[:NAMED])
    return f"{named} and {least}{len(files) - NAMED} more" if len(files) > NAMED else named


def _giving(volume: str, image: str, owner: str) -> str:
    """Command line of one `docker run` that may only read everything and change owners."""
    user, _, group = owner.partition(":")
    rights = ("--user", "0:0", *_DROPPED, "--cap-add", "CHOWN", "--cap-add", "DAC_READ_SEARCH")
    tests = ("(", "!", "-user", user, "-o", "!", "-group", group, ")")
    return _command(volume, image, rights, *tests, "-exec", "chown", "-h", owner, "{}", "+")


def _opening(volume: str, image: str, owner: str) -> str:
    """Command line of one `docker run` as the files' own user, which may change only their modes."""
    rights = ("--user", owner, *_DROPPED)
    tests = ("!", "-type", "l", "-user", owner.partition(":")[0], "(", *_CLOSED.split(), ")")
    # A folder gets its mode before `find` enters it.
    return _command(volume, image, rights, *tests, "-exec", "chmod", "u+rwX", "{}", ";")


def _command(volume: str, image: str, rights: Sequence[str], *find: str) -> str:
    """Command line of a `find` in a volume, outside lost+found, in a confined container."""
    return shlex.join(
        [
            *("docker", "run", "--rm", "--network", "none", "--read-only", *rights),
            *(*_SECURITY, "-v", f"{volume}:{PLACE}", "--entrypoint", "find"),
            *(image, PLACE, "-name", "lost+found", "-prune", "-o", *find),
        ]
    )
