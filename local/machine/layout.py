"""Folders and ports of one set-up, read once from the environment."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from catalogue.registries import LOCAL_HOST
from local.machine.steps import SetupError

PROJECT = Path(__file__).resolve().parents[2]
EARLIER = PROJECT / "local" / "state"
"""State folder of earlier versions; `make up` moves its content (local/state_move.py)."""
MOVED_FROM = "moved-from"
"""File in a state folder that was copied, not renamed; it names the old folder."""
LOCK = "lock"
"""File of local/stacks/lock.py; a state folder with nothing else counts as empty."""


_Choice = TypeVar("_Choice", bound=StrEnum)


class Mode(StrEnum):
    """Source of Pulumi, its plugins and the base images."""

    AUTO = "auto"
    """Official source if it answers, otherwise package registries."""
    OFFICIAL = "official"
    EMBEDDED = "embedded"


class EngineChoice(StrEnum):
    """Docker engine that `engine: local` means in this machine's stacks."""

    AUTO = "auto"
    """A running engine, otherwise Debian's, installed and started."""
    OWN = "own"
    """Engine of this set-up alone, with its data below the state folder (for tests)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Layout:
    """Folders and ports of one set-up.

    Set-ups that differ in all of them don't affect each other.
    """

    state: Path
    """Keys, Pulumi's state, registry data, pids and logs; never shared between set-ups."""
    cache: Path
    """Built tools and the base image, keyed by content; shared by all set-ups of this user."""
    builder_root: Path
    """BuildKit's layers and cache mounts; only one daemon at a time may use it."""
    registry_port: int
    engine: EngineChoice
    mode: Mode

    @property
    def registry(self) -> str:
        """Address of the local registry, `host:port`."""
        return f"{LOCAL_HOST}:{self.registry_port}"

    @property
    def logs(self) -> Path:
        """Folder with one log file per step and per service."""
        return self.state / "logs"

    @property
    def update_log(self) -> Path:
        """Log of updates: the output of pulumi and of the builds."""
        return self.logs / "pulumi.log"

    @property
    def environment(self) -> Path:
        """File with the environment of the set-up; it exists once a `make up` has set the machine up."""
        return self.state / "environment.json"

    @property
    def backup_records(self) -> Path:
        """Folder with a record of each node's newest backup."""
        return self.state / "backups"

    @property
    def ca(self) -> Path:
        """Certificate of the authority that signed the local registry's certificate."""
        return self.state / "certificates" / "ca.crt"

    @property
    def trust(self) -> Path:
        """The machine's own CA bundle with `ca` appended, for programs that read a single bundle."""
        return self.state / "certificates" / "bundle.crt"

    @property
    def build_ca(self) -> Path:
        """Authorities that this machine trusts and Debian does not: a build secret, which may be empty."""
        return self.state / "certificates" / "machine.crt"

    @property
    def registry_password(self) -> Path:
        """File with the password of the local registry, which is in the docker config too."""
        return self.state / "registry-password"

    @property
    def htpasswd(self) -> Path:
        """File of the local registry with the user and the bcrypt hash of the password."""
        return self.state / "htpasswd"

    @property
    def bases(self) -> Path:
        """File with the digests of the base images that this set-up has pushed."""
        return self.state / "bases.json"

    @property
    def builder_socket(self) -> Path:
        """The builder's socket.

        No TCP port, because anyone who reaches the builder can put code into every image.
        """
        return self.state / "buildkitd.sock"

    @property
    def docker_config(self) -> Path:
        """DOCKER_CONFIG of the set-up, with the builder and the login; ~/.docker is not changed."""
        return self.state / "docker"


@contextmanager
def as_owner(layout: Layout) -> Iterator[None]:
    """Raise SetupError if the user may not read the state folder that the body needs."""
    try:
        yield
    except PermissionError:
        raise SetupError(
            f"{layout.state} belongs to another user: run this as that user, or with sudo."
        ) from None


def _port(variable: str, default: int) -> int:
    text = os.environ.get(variable, str(default))
    if not text.isdigit() or not 1024 <= int(text) <= 65535:
        raise SetupError(f"{variable}={text!r} is not a port: give a number from 1024 to 65535.")
    return int(text)


def _choice(variable: str, choices: type[_Choice]) -> _Choice:
    allowed = [choice.value for choice in choices]
    if (text := os.environ.get(variable, "auto")) not in allowed:
        raise SetupError(f"{variable}={text!r} is unknown: give one of {', '.join(allowed)}.")
    return choices(text)


def _folder(variable: str, default: Path) -> Path:
    """Absolute path, because commands run in several folders and a relative one would differ."""
    folder = Path(os.environ.get(variable) or default)
    if not folder.is_absolute():
        raise SetupError(f"{variable}={str(folder)!r} is relative: give an absolute path.")
    return folder


def user_state() -> Path:
    """State folder of this user's set-up, independent of the checkout's path (docs/adr/0047)."""
    return _folder("XDG_STATE_HOME", Path.home() / ".local" / "state") / "skycoin-infrastructure"


def is_held(state: Path) -> bool:
    """True if a folder contains anything but a lock, or can't be read by this user."""
    try:
        return state.is_dir() and any(path.name != LOCK for path in state.iterdir())
    except PermissionError:
        return True


def was_copied(state: Path, to: Path) -> bool:
    """True if the content of a state folder was copied to another one, which has replaced it."""
    try:
        return (to / MOVED_FROM).read_text() == str(state)
    except OSError:
        return False


def _state() -> Path:
    """The user's own state folder, unless the checkout still contains a set-up of an earlier version.

    After the move, an older shell creates the checkout's folder again for Pulumi's logs; it is no set-up.
    """
    own = user_state()
    if (own / "passphrase").exists() and not (EARLIER / "passphrase").exists():
        return own
    return EARLIER if is_held(EARLIER) and not was_copied(EARLIER, own) else own


def read_layout() -> Layout:
    """Layout according to the SKYCOIN_* environment variables (README, "Settings of the set-up")."""
    home_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    cache = _folder("SKYCOIN_CACHE", home_cache / "skycoin-infrastructure")
    return Layout(
        state=_folder("SKYCOIN_STATE", _state()),
        cache=cache,
        builder_root=_folder("SKYCOIN_BUILDER_ROOT", cache / "buildkit"),
        registry_port=_port("SKYCOIN_REGISTRY_PORT", 5443),
        engine=_choice("SKYCOIN_ENGINE", EngineChoice),
        mode=_choice("SKYCOIN_MODE", Mode),
    )
