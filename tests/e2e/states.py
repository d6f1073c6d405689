"""States of this version, recorded as fixtures for the law of upgrades (tests/e2e/test_upgrades.py).

A test that has shown that a second `up` changes nothing passes its stack to `record`. `make states` runs only
these tests, and writes their stacks to tests/states; any other run records nothing.
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
from local.machine.layout import PROJECT
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
"""Folders of the machine → neutral names; a folder precedes those that contain it.
The digest of a node's settings remains that of the machine: behind ssh, where keys have paths, a preview
checks the host again and copies the wallet again.
"""
LEFT_OUT = ("skycoin:build-ca",)
"""Settings that only some machines have; inputs of builds are not compared."""
SECRET = "4dabf18193072939515e22adb298388d"
"""Key that marks a special value, such as a secret, in Pulumi's state (`resource.SigKey`)."""
DROPPED = frozenset({"secrets_providers", "sourcePosition", "stackTrace"})
"""Parts of a state that no plugin sees and that contain paths of the machine."""


def record(machine: Machine, name: str, stack: str) -> None:
    """Record a stack's state and configuration for this version, if RECORD_STATES=1."""
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
    """Remove ciphertext, source positions, and the machine's folders and authorities from part of a state."""
    if isinstance(value, dict):
        if "ciphertext" in value and SECRET in value:
            return "a secret"
        return {key: cleaned(part) for key, part in value.items() if key not in DROPPED}
    if isinstance(value, list):
        return [cleaned(part) for part in value if not _is_authority(part)]
    return _neutral(value) if isinstance(value, str) else value


def _is_authority(value: Any) -> bool:
    """True for a container's variable that results from a setting in LEFT_OUT."""
    return isinstance(value, str) and value.startswith(
        ("WORKSPACE_CA_", *(f"{name}={AUTHORITIES}" for name in TRUSTING))
    )


def cleaned_settings(text: str) -> str:
    """A stack's YAML without its salt and without what is specific to this machine."""
    config = yaml.safe_load(text)["config"]
    kept = {key: cleaned(value) for key, value in config.items() if key not in LEFT_OUT}
    return yaml.safe_dump({"config": kept}, sort_keys=False)


def _neutral(text: str) -> str:
    for folder, neutral in FOLDERS.items():
        # The user in an address may have the name of a folder: ssh://root@…
        text = re.sub(rf"{re.escape(folder)}(?![\w@.-])", neutral, text)
    return text
