"""The review page over Pulumi's real engine and a recorded state; no Docker engine or registry answers.

To change the program, a test edits the copied checkout, as a pull request would.
"""

import json
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.exit_codes import AT_RISK, OTHER, REFUSED
from catalogue.images import GO_MODULE
from components.buildx import IMAGE_TYPE
from components.contexts import read_contexts, recorded_files
from components.image import FILES
from local.machine.layout import PROJECT
from local.machine.tools import DOCKER_BUILD, ensure_tool, find_go
from mocks.previews import KEPT, PROTECTED
from review.approval import PIECE, WHOLE, Part, is_token
from settings.pulumi_yaml import pulumi_text, pulumi_values
from tests.e2e.layouts import layout_in
from tests.e2e.states import STATES
from tests.e2e.test_upgrades import read
from tests.e2e.upgrades import PORT, made_stack, make_pulumi, run_in
from tests.unit.yaml_scalars import READ

LOCAL = STATES / "0.1.0" / "local.json"
BUSYBOX = ("./images/busybox", "./images/busybox/Dockerfile")
"""Context and Dockerfile of an image."""
RECORDED_REGISTRY, REGISTRY = "registry.localhost:15443", "registry.localhost:15449"


@dataclass(frozen=True, slots=True)
class Reviewed:
    """A stack with the recorded state, and a checkout that may be edited."""

    folder: Path
    env: Mapping[str, str]

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace text in a file of the checkout."""
        path = self.folder / "checkout" / file
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))

    def review(self, *options: str) -> subprocess.CompletedProcess[str]:
        """Run `skyinfra review` with the Pulumi of the environment."""
        command = ("./skyinfra", "review", "--backend", "pulumi", "-s", "local", *options)
        return run_in(self.folder, dict(self.env), *command)


def elsewhere(text: str) -> str:
    """Move the registry to a port where nothing listens; another test may use the recorded one."""
    assert RECORDED_REGISTRY in text
    return text.replace(RECORDED_REGISTRY, REGISTRY)


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Reviewed:
    folder = tmp_path_factory.mktemp("review")
    env = make_pulumi(folder / "pulumi")
    state, settings, name = read(LOCAL)
    state, settings = json.loads(elsewhere(json.dumps(state))), elsewhere(settings)
    env = made_stack(folder, env, state, settings, name)
    del env["SSL_CERT_FILE"]  # of a set-up that does not exist
    return Reviewed(folder, {**env, "SKYCOIN_STATE": "/nowhere"})


@pytest.fixture
def reviewed(stack: Reviewed) -> Iterator[Reviewed]:
    """The stack with the program as committed, which is restored afterwards."""
    yield stack
    for name in ("components", "program"):
        shutil.rmtree(stack.folder / "checkout" / name)
        shutil.copytree(PROJECT / name, stack.folder / "checkout" / name)


def test_an_upgrade_removes_no_protection(reviewed: Reviewed) -> None:
    done = reviewed.review("--no-refresh")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("## Stack local: restarts 1 node for at most 6 min\n")
    assert re.findall(r"\n\| (\S+) \| (ignores|is |no longer|runs)(.*) \|", done.stdout) == [
        ("node-1-network", "ignores", f" from now on a difference of {name}")
        for name in ("driver", "internal", "ipamConfigs", "labels", "name", "options")
    ], "0.1.0 replaced a network"
    assert (
        "\n| builder | reaches another engine: unix://…/docker.sock → that of the environment |"
        in done.stdout
    )
    assert "<summary>Options: 7</summary>" in done.stdout


@pytest.mark.parametrize(
    ("option", "gone", "said"),
    [
        ("protect=protect", "protect=False", "no longer protected"),
        ("retain_on_delete=True", "retain_on_delete=False", "no longer kept (`retain_on_delete`)"),
    ],
    ids=["protect", "retain"],
)
def test_a_program_that_drops_the_protection_of_a_wallet_is_reported(
    reviewed: Reviewed, option: str, gone: str, said: str
) -> None:
    """The page used to say nothing about the wallet, and the exit code was 0."""
    reviewed.edit("components/kept_volume.py", option, gone)
    done = reviewed.review("--no-refresh")
    assert done.returncode == AT_RISK, done.stderr
    assert done.stdout.startswith(
        "## Stack local: WALLET AT RISK, BREAKS 1 RULE, restarts 1 node for at most 6 min\n"
    )
    assert f"- The wallet volume `skycoin-node-1-wallet` on host here is {said}: " in done.stdout


def test_the_programs_promises_are_held_by_pulumi_as_a_policy_pack(reviewed: Reviewed) -> None:
    pack = ("--policy-pack", "review/policy-pack", "--stack", "local", "--non-interactive")
    reviewed.edit("components/kept_volume.py", "protect=protect", "protect=False")
    done = run_in(reviewed.folder, dict(reviewed.env), "pulumi", "preview", *pack)
    assert done.returncode != 0
    assert "[mandatory]  wallets-are-protected  (docker:index:Volume: node-1-wallet)" in done.stdout
    assert done.stdout.count("[mandatory]") == 1
    assert "[advisory]  volumes-stay" in done.stdout


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (lambda nodes: nodes["node-1"].update({"wallet-volume": "other"}), KEPT),
        (lambda nodes: nodes.clear(), PROTECTED),
    ],
    ids=["replace", "delete"],
)
def test_a_wallet_that_is_protected_is_refused_in_the_words_of_the_mocks(
    reviewed: Reviewed, change: Callable[[Any], None], refusal: str
) -> None:
    file = reviewed.folder / "checkout" / "stacks" / "Pulumi.local.yaml"
    text = file.read_text()
    stack = yaml.safe_load(text)
    change(stack["config"]["skycoin:nodes"])
    file.write_text(yaml.safe_dump(stack))
    command = ("pulumi", "preview", "--stack", "local", "--json", "--show-sames")
    done = run_in(reviewed.folder, dict(reviewed.env), *command)
    file.write_text(text)
    found = [
        diagnostic
        for diagnostic in json.loads(done.stdout)["diagnostics"]
        if diagnostic["severity"] == "error"
    ]
    wallet = "urn:pulumi:local::skycoin::skycoin:index:Node$docker:index/volume:Volume::node-1-wallet"
    assert [diagnostic["message"].strip() for diagnostic in found] == [
        refusal.format(wallet),
        "error: preview failed",
    ]


def test_pulumi_reads_a_stacks_file_as_pages_by_files_do(reviewed: Reviewed, tmp_path: Path) -> None:
    (tmp_path / "checkout").mkdir()
    (tmp_path / "checkout" / "Pulumi.yaml").write_text("name: skycoin\nruntime: python\n")
    lines = [f"  skycoin:key-{number}: {written}" for number, written in enumerate(READ)]
    text = "\n".join(["config:", *lines, ""])
    (tmp_path / "checkout" / "Pulumi.local.yaml").write_text(text)
    done = run_in(tmp_path, dict(reviewed.env), "pulumi", "config", "--json", "--stack", "local")
    assert done.returncode == 0, done.stderr
    given = {key: one.get("objectValue", one["value"]) for key, one in json.loads(done.stdout).items()}
    pages = pulumi_values(text)["config"].items()
    assert given == {
        key: value if isinstance(value, list | dict) else pulumi_text(value) for key, value in pages
    }


def test_a_dependency_that_a_program_drops_is_a_change(reviewed: Reviewed) -> None:
    reviewed.edit(
        "components/kept_volume.py",
        "retain_on_delete=True,\n        depends_on=list(depends_on),",
        "retain_on_delete=True,",
    )
    done = reviewed.review("--no-refresh")
    assert done.returncode == 0, done.stderr
    assert "| node-1-wallet | no longer waits for node-1-preflight |" in done.stdout


def test_neither_a_trace_nor_a_path_of_this_machine_is_on_the_page(reviewed: Reviewed) -> None:
    """The page used to show the exception with all its paths, and the engine's socket from the state."""
    reviewed.edit("program/nodes.py", " = Node(name", " = Nod(name")
    done = reviewed.review("--no-refresh")
    assert done.returncode == REFUSED, done.stderr
    assert "NameError: name 'Nod' is not defined" in done.stdout
    assert "(program/nodes.py, line " in done.stdout
    for hidden in ("Traceback", str(reviewed.folder), "site-packages"):
        assert hidden not in done.stdout


@pytest.fixture
def set_up(stack: Reviewed) -> Path:
    """State folder of a set-up with the stack `local`, as `make up` leaves it."""
    state = stack.folder / "pulumi"
    env = {**stack.env, "PULUMI_BACKEND_URL": f"file://{state / 'backend'}"}
    kept = ("PATH", "PULUMI_", "DOCKER_", "SSL_", "BUILDX_")
    remembered = {name: value for name, value in env.items() if name.startswith(kept)}
    (state / "environment.json").write_text(json.dumps(remembered))
    shutil.copytree(stack.folder / "backend", state / "backend", dirs_exist_ok=True)
    return state


def stacks_of(state: Path) -> list[str]:
    return sorted(path.name for path in (state / "backend" / ".pulumi" / "stacks").rglob("*.json"))


def in_set_up(stack: Reviewed, state: Path, *command: str) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        command,
        cwd=stack.folder / "checkout",
        env={**stack.env, "SKYCOIN_STATE": str(state), "PULUMI_BACKEND_URL": ""},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("name", ["develop", "nowhere"])
def test_a_review_of_a_stack_that_was_never_up_leaves_none_behind(
    reviewed: Reviewed, set_up: Path, name: str
) -> None:
    """A review used to leave an empty stack, or no stack selected. A failed one leaves no stack either."""
    before = {path.name for path in set_up.iterdir()}
    done = in_set_up(reviewed, set_up, "./skyinfra", "review", "--backend", "set-up", "-s", name)
    page, said = done.communicate(timeout=120)
    assert (done.returncode, page[:17]) == ((0, "## Stack develop:") if name == "develop" else (1, "")), said
    assert stacks_of(set_up) == ["local.json"]
    assert {path.name for path in set_up.iterdir()} - before <= {"logs"}


def test_an_apply_of_a_stack_that_was_never_up_is_held_to_its_review_and_leaves_none_behind(
    reviewed: Reviewed, set_up: Path
) -> None:
    """Only the part of the hash that stands for the stack's file differs; everything else is as reviewed."""
    choice = ("--backend", "set-up", "-s", "develop")
    page, said = in_set_up(reviewed, set_up, "./skyinfra", "review", *choice).communicate(timeout=120)
    token = page.rpartition("Review: ")[2].partition("\n")[0].strip("`")
    assert is_token(token), f"{page}\n{said}"
    place = WHOLE + PIECE * [*Part].index(Part.FILE)
    other = "0" * WHOLE + token[WHOLE:place] + "0" * PIECE + token[place + PIECE :]
    done = in_set_up(reviewed, set_up, "./skyinfra", "apply", *choice, "--review", other)
    _, said = done.communicate(timeout=120)
    assert done.returncode == OTHER, said
    assert [line for line in said.splitlines() if line.startswith("- ")] == ["- the stack's file"]
    assert stacks_of(set_up) == ["local.json"]


def test_a_review_that_is_interrupted_leaves_no_stack_behind(reviewed: Reviewed, set_up: Path) -> None:
    done = in_set_up(reviewed, set_up, "./skyinfra", "review", "--backend", "set-up", "-s", "develop")
    until = time.monotonic() + 60
    while not (made := list(set_up.glob("look-*/.pulumi/stacks/*/develop.json"))):
        assert done.poll() is None
        assert time.monotonic() < until
        time.sleep(0.1)
    done.send_signal(signal.SIGINT)
    done.communicate(timeout=60)
    assert done.returncode == 130
    assert not made[0].exists()
    assert list(set_up.glob("look-*")) == []
    assert stacks_of(set_up) == ["local.json"]


def test_hosts_and_registries_that_do_not_answer_are_reported_and_stop_no_review(reviewed: Reviewed) -> None:
    """Without an engine and a registry, the page of a refreshed preview used to be a refusal."""
    done = reviewed.review()
    assert done.returncode == 0, done.stderr + done.stdout
    warnings = done.stdout.partition("### Warnings")[2]
    assert "- host here runs no Docker engine at unix://…/docker.sock" in warnings
    assert "What `up` would find there is unknown." in warnings
    for name in ("skycoin/skycoin", "base/busybox"):
        assert f"- registry {REGISTRY} ({name}): " in warnings
    assert "Its state was not refreshed." in warnings


@pytest.fixture
def building(stack: Reviewed, tmp_path: Path) -> Reviewed:
    """The stack with the real docker-build plugin, but without an engine, a builder or a registry."""
    layout = layout_in(stack.folder / "pulumi", PORT)
    plugin = ensure_tool(layout, find_go(layout), DOCKER_BUILD)
    shutil.copytree(stack.folder / "pulumi" / "pulumi", tmp_path / "pulumi")
    plugins = (tmp_path / "pulumi" / "plugins").glob("resource-docker-build-*")
    [folder] = [path for path in plugins if path.is_dir()]  # the CLI keeps a file next to it
    launcher = folder / "pulumi-resource-docker-build"
    launcher.unlink()
    launcher.symlink_to(plugin)
    state, settings, name = read(LOCAL)
    sources = {"go-module": GO_MODULE}
    for resource in state["deployment"]["resources"]:
        if resource["type"] == IMAGE_TYPE:
            # The recorded state has no secrets: they were removed.
            resource["inputs"]["secrets"] = resource["outputs"]["secrets"] = {}
        if resource["urn"].endswith("::skycoin:index:Image::busybox"):
            # What `up` of this version writes; the recorded state is of an earlier version.
            resource["outputs"][FILES] = recorded_files(*BUSYBOX, sources, read_contexts(sources))
    env = made_stack(tmp_path, {**stack.env, "PULUMI_HOME": str(tmp_path / "pulumi")}, state, settings, name)
    return Reviewed(tmp_path, env)


def test_an_edit_in_an_images_own_folder_is_seen_without_an_engine(building: Reviewed) -> None:
    """The plugin hashes the folder itself; the resulting image is unknown before it is built."""
    before = building.review("--no-refresh")
    building.edit("images/busybox/Dockerfile", "# IMAGE_FROM is", "# Here IMAGE_FROM is")
    after = building.review("--no-refresh")
    for done in (before, after):
        assert done.returncode == 0, done.stdout + done.stderr
    rows = [
        line
        for done in (before, after)
        for line in done.stdout.splitlines()
        if line.startswith("| busybox | amd64, arm32v5")
    ]
    file = "file `images/busybox/Dockerfile`"
    assert [file in row for row in rows] == [False, True], rows
    assert "→ what would be built" in after.stdout
