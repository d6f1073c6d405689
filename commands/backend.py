"""The Pulumi backend of a command: the set-up of `make up`, or an installed Pulumi."""

import contextlib
import json
import os
import re
import shutil
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

import click

from catalogue.stack_outputs import StackOutputs
from clients.pulumi import selected_stack, stack_names, stack_outputs, stack_resources
from display.errors import UserError
from local.machine.layout import EARLIER, Layout, read_layout
from local.machine.services import running_pid
from local.machine.steps import BusyError
from local.pulumi.cli import backend_url, is_set_up, known_environment
from local.registry.server import NAME
from local.registry_collection import digests, named, named_in_files
from local.stacks.checkout import is_there, other_checkout, refuse_others
from local.stacks.files import STACK, present_file
from local.stacks.lock import exclusive
from local.stacks.states import require_unlocked, resources, state_file
from settings.fields import SECRET

BACKEND_URL = "PULUMI_BACKEND_URL"
PAUSE = 5.0
"""Seconds between two attempts to take a lock."""
_SECRET_VALUE = re.compile(rf"(?P<key>[?&][^=&]*({SECRET.pattern})[^=&]*=)[^&]*", re.IGNORECASE)
"""Parameter of a URL that is a secret by its name."""


class Choice(StrEnum):
    """Values of `--backend`."""

    AUTO = "auto"
    SET_UP = "set-up"
    PULUMI = "pulumi"


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """A backend with the states of stacks, and the set-up that it belongs to."""

    layout: Layout | None
    """The set-up; None for an installed Pulumi with the environment's backend."""
    env: Mapping[str, str]
    """Variables with which pulumi and docker reach the set-up; empty for an installed Pulumi."""

    @property
    def update_log(self) -> Path:
        """Log of the updates; in the cache if there is no set-up, as a state folder would look like one."""
        layout = self.layout or read_layout()
        return layout.update_log if self.layout else layout.cache / "logs" / layout.update_log.name

    @property
    def backup_records(self) -> Path:
        """Folder with the records of each node's newest backup."""
        layout = self.layout or read_layout()
        return layout.backup_records if self.layout else layout.cache / layout.backup_records.name

    def stack(self, given: str | None, default: str = STACK) -> str:
        """Name of the stack: `given`; else `default` in a set-up, or Pulumi's selected one without a set-up.

        Raises UserError.
        """
        if given:
            return given
        return selected_stack() if self.layout is None else default

    def outputs(self, stack: str) -> StackOutputs:
        """Outputs of a stack. Raises UserError."""
        return stack_outputs(stack, self.env)

    def resources(self, stack: str) -> list[dict[str, Any]]:
        """Resources of a stack's state. Raises UserError."""
        return stack_resources(stack) if self.layout is None else resources(self.layout, stack)

    def refuse_unknown(self, stack: str) -> None:
        """Raise UserError if a stack has neither a state nor a file; an installed Pulumi checks that."""
        if self.layout is not None and not state_file(self.layout, stack).exists():
            present_file(stack)

    def named_digests(self) -> frozenset[str]:
        """Digests that any stack's state or file names, and the set-up's bases. Raises UserError."""
        if self.layout is not None:
            return named(self.layout)
        return digests(json.dumps(stack_resources(name)) for name in stack_names()) | named_in_files()

    @contextlib.contextmanager
    def changing(self, stack: str, command: str, wait: float = 0) -> Iterator[None]:
        """Lock the set-up against other commands. Raises BusyError if one still runs after `wait` seconds.

        An installed Pulumi has its own lock, which only its own commands check.
        """
        with contextlib.ExitStack() as held:
            if self.layout is not None:
                self._lock(held, self.layout, stack, command, wait)
            yield

    @staticmethod
    def _lock(held: contextlib.ExitStack, layout: Layout, stack: str, command: str, wait: float) -> None:
        until = time.monotonic() + wait
        while True:
            with contextlib.ExitStack() as tried:
                try:
                    tried.enter_context(exclusive(layout, f"skyinfra {command}"))
                    require_unlocked(layout, stack)
                except BusyError:
                    if time.monotonic() >= until:
                        raise
                else:
                    held.push(tried.pop_all())
                    return
            time.sleep(PAUSE)


def choose(choice: Choice) -> Backend:
    """Find the backend, name it on standard error, and put its variables into the environment.

    `auto` chooses the set-up of this checkout if there is one, unless PULUMI_BACKEND_URL names another
    backend. Raises UserError if the chosen one is missing.
    """
    layout = read_layout()
    if (env := enter_set_up(layout, choice)) is not None:
        return Backend(layout=layout, env=env)
    if shutil.which("pulumi") is None:
        raise UserError(_without_pulumi(layout, choice))
    click.echo(f"• stacks of Pulumi's backend {_logged_in()}", err=True)
    return Backend(layout=None, env={})


def enter_set_up(layout: Layout, choice: Choice) -> Mapping[str, str] | None:
    """Put the set-up's variables into the environment; None if another backend is meant."""
    if choice is not Choice.SET_UP and not (choice is Choice.AUTO and _is_meant(layout)):
        return None
    env = known_environment(layout)
    # A passphrase variable from elsewhere, often empty, would win over the set-up's passphrase file.
    os.environ.pop("PULUMI_CONFIG_PASSPHRASE", None)
    os.environ.update(env)
    is_stopped = running_pid(layout, NAME) is None
    stopped = ", whose services are stopped: `make up` starts them" if is_stopped else ""
    click.echo(f"• stacks of the set-up in {layout.state}{stopped}", err=True)
    return env


def _is_meant(layout: Layout) -> bool:
    """True if `auto` means the set-up."""
    other = other_checkout(layout)
    if not is_set_up(layout) or (other is not None and is_there(other)):
        return False
    # A shell or a timer may still have the URL of the set-up's earlier place.
    return os.environ.get(BACKEND_URL, "") in ("", backend_url(layout.state), backend_url(EARLIER))


def _without_pulumi(layout: Layout, choice: Choice) -> str:
    """Error message for a machine without an installed Pulumi."""
    refuse_others(layout)
    if not is_set_up(layout):
        if choice is Choice.PULUMI:
            return "--backend pulumi requires an installed Pulumi, and there is none on PATH: install it."
        return (
            f"Nothing is set up in {layout.state}, and there is no pulumi on PATH: run `make up`, or install "
            "Pulumi and log in with `pulumi login`."
        )
    url = _without_login(os.environ.get(BACKEND_URL, ""))
    asked = "--backend pulumi" if choice is Choice.PULUMI else f"{BACKEND_URL}={url}"
    return (
        f"{asked} requires an installed Pulumi, and there is none on PATH: install it, or give `--backend "
        "set-up`, which uses the set-up in"
        f" {layout.state}."
    )


def has_login(url: str) -> bool:
    """True if the URL of a backend has a user, a password or another secret."""
    return _without_login(url) != url


def _without_login(url: str) -> str:
    """Remove user, password and secret parameters from a URL, such as that of a database."""
    return _SECRET_VALUE.sub(r"\g<key>…", re.sub(r"//[^/]*@", "//", url))


def _logged_in() -> str:
    """URL of the environment's backend, as Pulumi finds it (pkg/workspace/creds.go)."""
    if given := os.environ.get(BACKEND_URL):
        return _without_login(given)
    home = Path(os.environ.get("PULUMI_HOME") or Path.home() / ".pulumi")
    try:
        return _without_login(json.loads((home / "credentials.json").read_text())["current"])
    except (OSError, ValueError, KeyError, TypeError):
        return "(`pulumi login` has not been run)"
