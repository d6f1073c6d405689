"""States of this version, kept as fixtures for the law of upgrades (tests/e2e/test_upgrades.py).

A test that has shown that a second `up` changes nothing hands its stack over. `make states` runs just
these tests, and writes what they hand over to tests/states; any other run keeps nothing.
"""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from catalogue.version import VERSION
from catalogue.workspaces import AUTHORITIES, TRUSTING
from local.layout import PROJECT
from tests.e2e.machine import HOME, Machine
from tests.e2e.workspaces import PROJECTS

STATES = PROJECT / "tests" / "states"
ECR = PROJECT / "tests" / "snapshots" / "ecr.txt"
FOLDERS: Mapping[str, str] = {
    str(HOME / "checkout"): "/checkout",
    str(HOME / "state"): "/state",
    str(HOME): "/tests",
    str(PROJECTS): "/tests",
    str(PROJECT): "/project",
    str(Path.home()): "/person",
}
"""A machine's folders → neutral ones; a folder stands before those that hold it.

The digest of a node's settings stays that of the machine: behind ssh, where keys have paths, a preview
proves the host again and copies the wallet again.
"""
LEFT_OUT = ("skycoin:build-ca",)
"""Settings that only some machines have; a build's inputs are not compared."""
SECRET = "4dabf18193072939515e22adb298388d"
"""Key by which Pulumi's state marks a value that is none of the plain kinds (`resource.SigKey`)."""
DROPPED = frozenset({"secrets_providers", "sourcePosition", "stackTrace"})
"""Parts of a state that no plugin sees, and that name places of the machine."""


def record(machine: Machine, name: str, stack: str) -> None:
    """Keep a stack's state and configuration under the version, where RECORD_STATES=1 asks for it."""
    if os.environ.get("RECORD_STATES") != "1":
        return
    exported = machine.pulumi("stack", "export", "--stack", stack)
    assert exported.code == 0, exported.text
    settings = (machine.checkout / "stacks" / f"Pulumi.{stack}.yaml").read_text()
    folder = STATES / VERSION
    folder.mkdir(parents=True, exist_ok=True)
    state = cleaned(json.loads(exported.text))
    (folder / f"{name}.json").write_text(json.dumps(state, indent=1, sort_keys=True) + "\n")
    (folder / f"{name}.yaml").write_text(cleaned_settings(settings))
    shutil.copyfile(ECR, folder / ECR.name)


def cleaned(value: Any) -> Any:
    """A part of a state without ciphertext, places in sources, and the machine's folders and authorities."""
    if isinstance(value, dict):
        if "ciphertext" in value and SECRET in value:
            return "a secret"
        return {key: cleaned(part) for key, part in value.items() if key not in DROPPED}
    if isinstance(value, list):
        return [cleaned(part) for part in value if not _is_authority(part)]
    return _neutral(value) if isinstance(value, str) else value


def _is_authority(value: Any) -> bool:
    """True for a variable of a container that follows from a setting which is left out."""
    return isinstance(value, str) and value.startswith(
        ("WORKSPACE_CA_", *(f"{name}={AUTHORITIES}" for name in TRUSTING))
    )


def cleaned_settings(text: str) -> str:
    """A stack's YAML without its salt, and without what is only this machine's."""
    config = yaml.safe_load(text)["config"]
    kept = {key: cleaned(value) for key, value in config.items() if key not in LEFT_OUT}
    return yaml.safe_dump({"config": kept}, sort_keys=False)


def _neutral(text: str) -> str:
    for folder, neutral in FOLDERS.items():
        # An address can have a user of a folder's name: ssh://root@…
        text = re.sub(rf"{re.escape(folder)}(?![\w@.-])", neutral, text)
    return text
