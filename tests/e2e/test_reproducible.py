"""Promise 5: same inputs, same digests: two builders, two checkouts, another umask, another day."""

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.arch import ARCHES
from local import services
from local.builder import builder_service
from local.tools import BUILDKIT, tool_path
from tests.e2e.machine import HOME, Machine

OTHER = "builder-2"
LONG_AGO = 1_000_000_000
"""2001-09-09, as the time of every file of the second checkout."""
PROGRAM = """\
package main

import "fmt"

var Version, Commit, Branch string

func main() { fmt.Println("tiny", Version, Commit, Branch) }
"""
SOURCE = {
    "path": "tiny",
    "version": "v1.2.3",
    "commit": "1" * 40,
    "branch": "main",
    "date": "2020-11-23T01:01:48Z",
}


@pytest.fixture
def other_builder(up: Machine) -> Iterator[str]:
    """A second BuildKit with nothing in its caches."""
    root, layout = HOME / OTHER, replace(up.layout, state=up.layout.state / OTHER, builder_root=HOME / OTHER)
    subprocess.run(["rm", "-rf", "--one-file-system", str(root)], check=True)
    service = builder_service(layout, tool_path(up.layout, BUILDKIT))
    trusting = replace(service, name=OTHER, env={"SSL_CERT_FILE": str(up.layout.trust)})
    services.start(up.layout, trusting)
    instances = up.layout.docker_config / "buildx" / "instances"
    [known] = [json.loads(path.read_text()) for path in instances.iterdir() if path.name != OTHER]
    node = {**known["Nodes"][0], "Name": f"{OTHER}0", "Endpoint": f"unix://{layout.builder_socket}"}
    (instances / OTHER).write_text(json.dumps({**known, "Name": OTHER, "Nodes": [node]}))
    yield OTHER
    services.stop(up.layout, OTHER)


@pytest.fixture
def other_checkout(up: Machine) -> Machine:
    """The same files elsewhere, readable by their owner alone, from another day."""
    target = HOME / "another-checkout-under-a-longer-name"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(up.checkout, target, ignore=shutil.ignore_patterns(".git"))
    for path in (target, *target.rglob("*")):
        os.utime(path, (LONG_AGO, LONG_AGO))
        path.chmod(path.stat().st_mode & 0o700)
    return replace(up, checkout=target)


def publish(machine: Machine, name: str, **changed: Any) -> Any:
    """Build the tiny program for all five in a stack of its own; its tag in the outputs."""
    config = {key: value for key, value in machine.settings().items() if key != "skycoin:nodes"}
    image = {
        "source": SOURCE,
        "arches": list(ARCHES),
        "channel": "feature",
        "feature": "tiny",
        "gui": False,
        "repository": f"skycoin/{name}",
    }
    wanted = {**config, "skycoin:hosts": {}, "skycoin:images": {"skycoin": image}, **changed}
    tiny, stack = machine.checkout / "tiny", machine.checkout / "stacks" / f"Pulumi.{name}.yaml"
    for command in ("skycoin", "skycoin-cli"):
        folder: Path = tiny / "cmd" / command
        folder.mkdir(parents=True)
        (folder / "main.go").write_text(PROGRAM)
    stack.write_text(yaml.safe_dump({"config": wanted}))
    try:
        assert machine.pulumi("stack", "init", "--no-select", name).code == 0
        result = machine.pulumi("up", "--yes", "--skip-preview", "--stack", name)
        assert result.code == 0, result.text
        outputs = json.loads(machine.pulumi("stack", "output", "--json", "--stack", name).text)
    finally:
        shutil.rmtree(tiny)
        stack.unlink()
    return outputs["images"]["skycoin"]["feature-tiny"]


def test_two_builders_make_equal_digests(up: Machine, other_builder: str, other_checkout: Machine) -> None:
    first = publish(up, "once")
    again = publish(other_checkout, "again", **{"skycoin:builder": other_builder})
    digests = [
        {arch: variant["digest"] for arch, variant in published["variants"].items()}
        for published in (first, again)
    ]
    assert digests[0] == digests[1]
    assert sorted(digests[0]) == sorted(ARCHES)
    assert again["digest"] == first["digest"]
    assert "/skycoin/again:" in again["ref"]
