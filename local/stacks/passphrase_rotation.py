"""A new passphrase for all stacks of a set-up, or for none (docs/adr/0022).

Pulumi encrypts copies of the states and the stacks' files with it, in a separate backend. The copies replace
the files only when all of them are complete. From then on the folder of copies serves as a journal, and the
next command that finds it finishes the rotation. A run that is killed before that changes nothing. Each file
is on the disk before the next step, in case of a power cut.
"""

import hashlib
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from local.machine.layout import PROJECT, Layout
from local.machine.private_files import write_aside
from local.machine.steps import SetupError, step
from local.stacks.files import stack_config, stack_file
from local.stacks.lost_passphrase import remedy
from local.stacks.states import all_stacks, deployment, require_unlocked, state_file
from settings.pulumi_yaml import pulumi_values
from wallets.backups.local_folder import fill

SALT = "encryptionsalt"
TARGETS = "targets.json"
PROJECT_COPY = "project"


def new_passphrase() -> str:
    """Random passphrase of 256 bits, as text."""
    return secrets.token_urlsafe(32)


def rotate_passphrase(layout: Layout, env: Mapping[str, str]) -> None:
    """Encrypt every stack with a new passphrase. `env` is the set-up's, whose lock must be held.

    Raises SetupError, with nothing changed, if a stack is locked, does not open with the current passphrase,
    or is changed meanwhile.
    """
    before, part = _StatesBefore(layout), _part(layout)
    part.mkdir(mode=0o700)
    try:
        passphrase = new_passphrase()
        write_aside(part / "passphrase", passphrase)
        copies = _Copies(layout, part, env)
        for stack in before.stacks:
            with step(f"stack {stack}") as this:
                copies.encrypt(stack, passphrase)
                this.found = "encrypted anew"
        targets = {name: [str(path), _digest(path)] for name, path in copies.targets.items()}
        write_aside(part / TARGETS, json.dumps(targets))
        os.sync()
        # Last, because writing to a slow disk takes minutes.
        before.refuse_changed()
        part.rename(_journal(layout))
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    _refuse(settle(layout))


def is_unfinished(layout: Layout) -> bool:
    """True if a rotation was killed while it was replacing files."""
    return _journal(layout).exists()


def settle(layout: Layout) -> Sequence[Path]:
    """Finish a rotation that was killed while it was replacing files; otherwise do nothing.

    If files were changed meanwhile, the rotation is undone instead, and these files are returned.
    """
    journal, changed = _journal(layout), list[Path]()
    if journal.exists():
        changed = _finish(journal, layout.state / "passphrase")
        os.sync()
        journal.rename(_part(layout))
    for part in layout.state.glob(f"{journal.name}.*.part"):
        shutil.rmtree(part, ignore_errors=True)
    return changed


def _finish(journal: Path, passphrase: Path) -> list[Path]:
    """Replace the files, the passphrase first: from then on no command can change an old file.

    A file that was changed in the meantime is not replaced. If it was changed before the passphrase was
    replaced, nothing is: returns these files.
    """
    targets: dict[str, list[str]] = json.loads((journal / TARGETS).read_text())
    waiting = {name: Path(path) for name, (path, before) in targets.items() if _digest(Path(path)) == before}
    if passphrase.read_bytes() != (journal / "passphrase").read_bytes():
        if len(waiting) < len(targets):
            return [Path(path) for name, (path, _) in targets.items() if name not in waiting]
        _put(journal / "passphrase", passphrase)
        os.sync()
    for name in targets:
        if name in waiting:
            _put(journal / name, waiting[name])
        elif name.startswith(f"{PROJECT_COPY}/"):
            _keep_beside(journal / name, Path(targets[name][0]))
    return []


def _refuse(changed: Sequence[Path]) -> None:
    """Raise SetupError if files were changed during a rotation."""
    if changed:
        raise SetupError(
            f"pulumi or an editor changed {', '.join(map(str, changed))} at the same time. The "
            "passphrase was not changed: run this again."
        )


def _keep_beside(copy: Path, file: Path) -> None:
    """Save the new ciphertexts of a stack's file that the user has edited in the meantime."""
    if _settings(copy)[SALT] == _settings(file).get(SALT):
        return
    beside = file.with_name(f"{file.name}.rotated")
    _put(copy, beside)
    print(
        f"{file} was edited before a rotation of the passphrase was finished: copy `{SALT}` and each "
        f"`secure:` from {beside} into it, then remove {beside}.",
        file=sys.stderr,
    )


def _journal(layout: Layout) -> Path:
    return layout.state / "passphrase-rotation"


def _part(layout: Layout) -> Path:
    """Temporary name of the journal's folder, so that a partly removed folder is never the journal.

    Each run has its own name, because pulumi of a killed run may still be writing into its copies.
    """
    journal = _journal(layout)
    return journal.with_name(f"{journal.name}.{secrets.token_hex(4)}.part")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""


def _put(source: Path, target: Path) -> None:
    """Replace the content of a file on the disk, completely or not at all; it keeps its mode and owner."""
    aside = target.with_name(f"{target.name}.{os.getpid()}")
    aside.touch(mode=0o600)
    with aside.open("wb") as file:
        fill(file.fileno(), source.read_bytes())
    if target.exists():
        was = target.stat()
        aside.chmod(was.st_mode & 0o7777)
        os.chown(aside, was.st_uid, was.st_gid)
    aside.rename(target)


class _StatesBefore:
    """States and files of the stacks before the rotation."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self.stacks = [stack for stack in all_stacks(layout) if _has_passphrase(layout, stack)]
        for stack in all_stacks(layout):
            require_unlocked(layout, stack)
        self._contents = self._read()

    def refuse_changed(self) -> None:
        """Raise SetupError if a plain pulumi is running now, or a state or a stack's file was changed."""
        for stack in self.stacks:
            require_unlocked(self._layout, stack)
        now = self._read()
        _refuse([path for path in {**self._contents, **now} if now.get(path) != self._contents.get(path)])

    def _read(self) -> dict[Path, bytes]:
        files = [file(stack) for stack in self.stacks for file in (self._state, stack_file)]
        return {path: path.read_bytes() for path in files if path.exists()}

    def _state(self, stack: str) -> Path:
        return state_file(self._layout, stack)


class _Copies:
    """Backend and project with copies of stacks, which are encrypted with another passphrase."""

    def __init__(self, layout: Layout, folder: Path, env: Mapping[str, str]) -> None:
        self._layout, self._folder = layout, folder
        self._stacks = folder / PROJECT_COPY / "stacks"
        self._stacks.mkdir(parents=True)
        shutil.copyfile(PROJECT / "Pulumi.yaml", folder / PROJECT_COPY / "Pulumi.yaml")
        backend = layout.state / "backend"
        stacks = state_file(layout, "any").relative_to(backend).parent
        (folder / "backend" / stacks).mkdir(parents=True)
        if (meta := backend / ".pulumi" / "meta.yaml").exists():
            shutil.copyfile(meta, folder / "backend" / ".pulumi" / "meta.yaml")
        self._states = folder / "backend" / stacks
        self._env = {**os.environ, **env, "PULUMI_BACKEND_URL": f"file://{folder / 'backend'}"}
        self._env.pop("PULUMI_CONFIG_PASSPHRASE", None)
        self.targets: dict[str, Path] = {}
        """File in the folder → the file that it replaces."""

    def encrypt(self, stack: str, passphrase: str) -> None:
        """Let Pulumi encrypt copies of a stack's state and file again, and decrypt them.

        Raises SetupError.
        """
        state, settings = state_file(self._layout, stack), stack_file(stack)
        shutil.copyfile(state, self._states / state.name)
        copy = self._stacks / settings.name
        if settings.exists():
            shutil.copyfile(settings, copy)
        # On standard input, because others can read a command line.
        self._pulumi(stack, ["change-secrets-provider", "passphrase"], passphrase)
        opened = {"PULUMI_CONFIG_PASSPHRASE_FILE": str(self._folder / "passphrase")}
        self._pulumi(stack, ["export", "--show-secrets"], "", opened)
        self.targets[str((self._states / state.name).relative_to(self._folder))] = state
        if (copied := state.with_name(f"{state.name}.bak")).exists():
            # Pulumi repairs a damaged state from its backup, which must open with the new passphrase too.
            backup = self._states / f"{copied.name}.new"
            shutil.copyfile(self._states / state.name, backup)
            self.targets[str(backup.relative_to(self._folder))] = copied
        if SALT in _settings(settings):
            self.targets[str(copy.relative_to(self._folder))] = settings

    def _pulumi(
        self, stack: str, arguments: list[str], given: str, env: Mapping[str, str] | None = None
    ) -> None:
        done = subprocess.run(
            ["pulumi", "stack", *arguments, "--stack", stack, "--non-interactive"],
            cwd=self._folder / PROJECT_COPY,
            env={**self._env, **(env or {})},
            input=given,
            text=True,
            # The output of the export is discarded.
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            check=False,
        )
        if done.returncode:
            failure = (
                f"Neither the passphrase nor a stack was changed: `pulumi stack {arguments[0]}` of a copy of "
                f"the stack {stack} fails: {done.stderr.strip()}"
            )
            raise SetupError("\n".join([failure, *remedy(done.stderr, self._env)]))


def _has_passphrase(layout: Layout, stack: str) -> bool:
    """True if a stack is encrypted with a passphrase, not by a cloud service."""
    provider = deployment(state_file(layout, stack)).get("secrets_providers") or {}
    stack_config(stack)  # raises the error for a file that is not YAML
    settings = _settings(stack_file(stack))
    return provider.get("type", "passphrase") == "passphrase" and "secretsprovider" not in settings


def _settings(file: Path) -> dict[str, Any]:
    """Keys of a stack's file; none if there is no file, or if Pulumi could not read it."""
    try:
        # PyYAML alone can't read some values that Pulumi can: the salt next to one would not be replaced.
        whole = pulumi_values(file.read_text(), strict=False)
    except (FileNotFoundError, yaml.YAMLError, UnicodeDecodeError, RecursionError):
        whole = None
    return whole if isinstance(whole, dict) else {}
