"""The format of a set-up's backup: its files, its header, and what makes one invalid. Pure functions.

It is sealed like backups of wallets (wallets/backups/sealed.py), and always encrypted, because it contains
every key of the set-up.
"""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from clients.age import Identity
from local.machine.layout import Layout
from local.machine.steps import SetupError
from wallets.backups import sealed
from wallets.backups.sealed import Form, Sealed
from wallets.files.archives import LARGEST
from wallets.files.contents import Contents, File

SUFFIX = ".setup-backup"
STATE, STACKS = "state/", "stacks/"
"""Folders in the archive: files of the state folder, and the stacks' files."""
PASSPHRASE = "passphrase"  # noqa: S105 its file's name
SINGLE = (
    PASSPHRASE,
    "docker-plugin",
    "registry-password",
    "docker/config.json",
    "certificates/ca.crt",
    "certificates/ca.key",
    "certificates/registry.crt",
    "certificates/registry.key",
    "backend/.pulumi/meta.yaml",
)
"""Files of the state folder that are backed up if they exist."""
FOLDERS = ("backend/.pulumi/stacks", "backups")
"""Folders of the state folder that are backed up: states, and records of the wallets' newest backups."""
_DERIVED = (".attrs", ".bak")
"""Suffixes of files that Pulumi creates again and that are not backed up.

Hidden files are incomplete ones.
"""
_ALLOWED = re.compile(
    "|".join(
        [
            *(re.escape(f"{STATE}{name}") for name in SINGLE),
            *(rf"{re.escape(f'{STATE}{name}')}(/[\w.@+-]+)+" for name in FOLDERS),
            rf"{STACKS}Pulumi\.[\w.-]+\.yaml",
        ]
    )
)
FORM = Form(
    first="skyinfra set-up backup 1",
    holds="A set-up of skyinfra (states of its stacks, and their keys)",
    what="it",
    folder="set-up",
    owner=0,
    more="""\
Then copy set-up/stacks into a checkout of the program, set-up/state to a new folder that SKYCOIN_STATE names,
and run `make up` there.
""",
)


@dataclass(frozen=True, kw_only=True, slots=True)
class About:
    """Facts of one backup; none of them is secret."""

    machine: str
    """Host name of the machine."""
    time: datetime
    version: str
    """Version of the program."""
    registry_port: int
    mode: str
    engine: str
    """Value of SKYCOIN_ENGINE in the set-up, as `mode` is that of SKYCOIN_MODE."""
    stacks: str
    """Names of the stacks that have a state."""
    files: int
    contents: str
    """SHA-256 over the files and their names."""
    recipients: Sequence[str]

    @property
    def file_name(self) -> str:
        """Default name of the backup's file."""
        return f"skycoin-setup-{self.time:{sealed.STAMP}}{SUFFIX}"

    def lines(self) -> list[str]:
        """Facts of the header, which are repeated inside."""
        return [
            f"machine: {self.machine}",
            f"time: {self.time:{sealed.TIME}}",
            f"version: {self.version}",
            f"registry-port: {self.registry_port}",
            f"mode: {self.mode}",
            f"engine: {self.engine}",
            f"stacks: {self.stacks}",
            f"files: {self.files}",
            f"contents-sha256: {self.contents}",
            *sealed.recipient_lines(self.recipients),
        ]


def is_kept(path: str) -> bool:
    """True for a file in one of `FOLDERS` that is backed up."""
    return not path.endswith(_DERIVED) and not path.rpartition("/")[2].startswith(".")


def about(
    layout: Layout, contents: Contents, *, machine: str, version: str, recipients: Sequence[str]
) -> About:
    """Facts of a new backup."""
    below = f"{STATE}{FOLDERS[0]}/skycoin/"
    states = sorted(path.removeprefix(below) for path in contents if path.startswith(below))
    return About(
        machine=machine,
        time=datetime.now(UTC).replace(microsecond=0),
        version=version,
        registry_port=layout.registry_port,
        mode=layout.mode,
        engine=layout.engine,
        stacks=", ".join(name.partition(".json")[0] for name in states),
        files=len(contents),
        contents=sealed.contents_sum(contents),
        recipients=recipients,
    )


def seal(facts: About, contents: Contents) -> bytes:
    """Content of a backup file. Raises UserError."""
    for path in contents:
        if not _ALLOWED.fullmatch(path):
            raise SetupError(f"{path} has a name that a backup can't contain: rename it. No backup was made.")
    if sum(len(file.data) for file in contents.values()) > LARGEST // 2:
        raise SetupError(f"The states are larger than {LARGEST // 2**21} MiB. No backup was made.")
    if fault := _fault(contents):
        raise SetupError(f"{fault} A restore would refuse it: mend or remove it. No backup was made.")
    return sealed.seal(FORM, facts.lines(), contents, facts.recipients)


def read(name: str, data: bytes) -> Sealed:
    """Parse a backup file without a key. Raises UserError if it is not one, or is incomplete."""
    backup = sealed.read(FORM, name, data)
    if backup is None:
        kind = "is empty" if not data else "is not a backup of a set-up"
        raise SetupError(f"{name} {kind}: it does not begin with “{FORM.first}”.")
    return backup


def facts_of(backup: Sealed) -> About:
    """Facts in a backup's header. Raises UserError."""
    return backup.facts(_parsed)


def _parsed(values: Mapping[str, str], recipients: Sequence[str]) -> About:
    return About(
        machine=values["machine"],
        time=sealed.parsed_time(values["time"], sealed.TIME),
        version=values["version"],
        registry_port=int(values["registry-port"]),
        mode=values["mode"],
        engine=values["engine"],
        stacks=values["stacks"],
        files=int(values["files"]),
        contents=values["contents-sha256"],
        recipients=recipients,
    )


def open_backup(backup: Sealed, identities: Sequence[Identity]) -> dict[str, File]:
    """Files of a backup, after verifying all of it. Raises UserError.

    age authenticates no sender, so a file with a path outside a set-up's places is refused.
    """
    facts, contents = facts_of(backup), sealed.unseal(FORM, backup, identities)
    if (facts.contents, facts.files) != (sealed.contents_sum(contents), len(contents)):
        raise SetupError(f"{backup.name}: its files do not match the count and checksum in its header.")
    for path, file in contents.items():
        if file.link or not _ALLOWED.fullmatch(path) or ".." in path.split("/"):
            raise SetupError(
                f"{backup.name}: {path!r} is not a file of a set-up. Nothing is restored from it."
            )
    if fault := _fault(contents):
        raise SetupError(f"{backup.name}: {fault}")
    return contents


def _fault(contents: Contents) -> str:
    """Reason why no set-up could go on with these files, as a sentence; empty if one could."""
    if not contents.get(f"{STATE}{PASSPHRASE}", File(data=b"")).data.strip():
        return f"{STATE}{PASSPHRASE} is missing or empty, and every state needs it."
    states = (
        path for path in contents if path.startswith(f"{STATE}{FOLDERS[0]}/") and path.endswith(".json")
    )
    damaged = next((path for path in states if not _is_state(contents[path].data)), None)
    return f"{damaged} is not a state of Pulumi." if damaged else ""


def _is_state(data: bytes) -> bool:
    try:
        json.loads(data)["checkpoint"]
    except (ValueError, LookupError, TypeError):
        return False
    return True
