"""The real program, with the settings of a real stack."""

import copy
import functools
import json
import runpy
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.arch import ARCHES
from mocks.engine import MODULES
from tests.unit.aws import aws_by_moto
from tests.unit.engine import Engine
from tests.unit.yaml_like import DIGEST, as_pulumi_gives_it

PROJECT = Path(__file__).resolve().parents[2]
NAMESPACE = "skycoin:"
RELEASE_STACK = "organization/skycoin/release"
FILES = {
    "local": "local.example.yaml",
    "release": "Pulumi.release.yaml",
    "develop": "Pulumi.develop.yaml",
    "ecr": "Pulumi.ecr.yaml",
    "fleet": "Pulumi.fleet.yaml",
    "workspaces": "Pulumi.workspaces.yaml",
    "workspace": "workspace.example.yaml",
}
"""Every committed stack and its file."""


@functools.cache
def _config(file: str) -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((PROJECT / "stacks" / file).read_text())["config"]
    return config


def stack_settings(file: str) -> dict[str, Any]:
    """The `skycoin:` settings in a file of stacks/."""
    config = copy.deepcopy(_config(file))
    return {key.removeprefix(NAMESPACE): value for key, value in config.items() if key.startswith(NAMESPACE)}


def run_program(engine: Engine, settings: Mapping[str, Any], stack: str = "test") -> Engine:
    """Run `__main__.py` as Pulumi does: in the project's folder, with the configuration in the environment.

    Every run with Amazon's registry has its own empty AWS, unless the engine already has one.
    """
    config = json.dumps(as_pulumi_gives_it(settings))
    with pytest.MonkeyPatch.context() as patch, aws_by_moto() if "ecr" in config else nullcontext() as aws:
        engine.aws = engine.aws or aws
        patch.chdir(PROJECT)
        patch.setenv("PULUMI_CONFIG", config)
        engine.run(lambda: runpy.run_path(str(PROJECT / "__main__.py"), run_name="__main__"), stack=stack)
    return engine


def published(tag: str = "latest") -> dict[str, Any]:
    """Outputs of the release stack."""
    digests = {arch: f"sha256:{index:064x}" for index, arch in enumerate(ARCHES)}
    variants = {
        arch: {
            "ref": f"docker.io/skycoin/skycoin@{digest}",
            "digest": digest,
            "platform": ARCHES[arch].platform,
        }
        for arch, digest in digests.items()
    }
    entry = {"ref": f"docker.io/skycoin/skycoin:{tag}@{DIGEST}", "digest": DIGEST, "variants": variants}
    modules = [{"program": "skycoin", "variants": [*ARCHES], "modules": MODULES["skycoin"]}]
    return {RELEASE_STACK: {"images": {"skycoin": {tag: entry}}, "modules": {"skycoin": modules}}}


@functools.cache
def up(stack: str) -> Engine:
    """`pulumi up` of a committed stack, run once for all tests."""
    return run_program(Engine(stacks=published()), stack_settings(FILES[stack]), stack)


def up_with(stack: str, **more: Any) -> Engine:
    """`pulumi up` of a committed stack with other values for some keys, written with `_`."""
    changes = {key.replace("_", "-"): value for key, value in more.items()}
    return run_program(Engine(stacks=published()), {**stack_settings(FILES[stack]), **changes}, stack)


@functools.cache
def previewed(stack: str, *, unchanged: bool = False) -> Engine:
    engine = Engine(preview=True, unchanged=unchanged, stacks=published())
    return run_program(engine, stack_settings(FILES[stack]), stack)
