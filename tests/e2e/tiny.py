"""A stack for the tests that publishes a tiny program instead of the node: in seconds, not minutes."""

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from catalogue.arch import ARCHES
from tests.e2e.machine import Machine, Result

PROGRAM = """\
package main

import "fmt"

var Version, Commit, Branch string

func main() {{ fmt.Println("{word}", Version, Commit, Branch) }}
"""
SOURCE = {
    "path": "tiny",
    "version": "v1.2.3",
    "commit": "1" * 40,
    "branch": "main",
    "date": "2020-11-23T01:01:48Z",
}
TWO = ("amd64", "arm32v6")
"""Architectures of a release: two, so that it is published in seconds."""
FEATURE = {"channel": "feature", "feature": "tiny"}


def write_program(checkout: Path, word: str = "tiny") -> Path:
    """Write the program into the checkout, as a working copy."""
    folder = checkout / "tiny"
    for command in ("skycoin", "skycoin-cli"):
        (folder / "cmd" / command).mkdir(parents=True, exist_ok=True)
        (folder / "cmd" / command / "main.go").write_text(PROGRAM.format(word=word))
    return folder


@dataclass(frozen=True, slots=True)
class Tiny:
    """A stack with its own settings and the machine's for builds, and pulumi commands on it."""

    machine: Machine
    name: str

    @property
    def file(self) -> Path:
        return self.machine.checkout / "stacks" / f"Pulumi.{self.name}.yaml"

    def write(self, image: Mapping[str, Any], arches: Sequence[str] = tuple(ARCHES), **changed: Any) -> None:
        """Write the settings of the stack; if it exists, its salt stays."""
        config = {key: value for key, value in self.machine.settings().items() if key != "skycoin:nodes"}
        tiny = {"source": SOURCE, "arches": list(arches), "gui": False, **image}
        wanted = {**config, "skycoin:hosts": {}, "skycoin:images": {"skycoin": tiny}, **changed}
        kept = yaml.safe_load(self.file.read_text()) if self.file.exists() else {}
        self.file.write_text(yaml.safe_dump({**kept, "config": wanted}))

    def write_release(self, address: str, path: str, word: str, revision: int, **changed: Any) -> None:
        """Write settings that publish the program, with another word in it, as this revision."""
        write_program(self.machine.checkout, word)
        image = {"channel": "release", "revision": revision, "repository": path, **changed}
        registries = {"hosted": {"kind": "oci", "address": address}}
        self.write(image, TWO, **{"skycoin:registries": registries})

    def pulumi(self, *arguments: str) -> Result:
        """Run a pulumi command on the stack."""
        return self.machine.pulumi(*arguments, "--stack", self.name)

    def up(self) -> Result:
        """Run `pulumi up` without a preview."""
        return self.pulumi("up", "--yes", "--skip-preview")

    def outputs(self) -> Any:
        """Outputs of the stack."""
        return json.loads(self.pulumi("stack", "output", "--json").text)

    def resources(self) -> dict[str, Any]:
        """Resources in the state, by the last part of their URN."""
        exported = json.loads(self.pulumi("stack", "export").text)
        resources = exported["deployment"].get("resources") or []
        return {resource["urn"].rpartition("::")[2]: resource for resource in resources}

    def remove(self) -> None:
        """Remove the stack's file and the program, so that `git status` of the checkout is clean again."""
        self.file.unlink(missing_ok=True)
        shutil.rmtree(self.machine.checkout / "tiny", ignore_errors=True)
