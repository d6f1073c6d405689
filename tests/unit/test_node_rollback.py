"""`skyinfra node rollback` and `lift-rollback`: the digest, the question, the stack's file and the update."""

import copy
import errno
import os
import re
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from docker.errors import ImageNotFound, NotFound

from catalogue.node_container import LAST_HEALTHY, NODE
from clients.errors import RegistryError, ServiceError
from commands.node import rollback as node_rollback
from commands.node import rollback_digest
from local.machine.layout import Layout
from tests.unit.command_line import Ran, Skyinfra
from tests.unit.test_wallets import PREFLIGHT, URN, child

TERMINAL = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))

REPOSITORY = "docker.io/skycoin/skycoin"
OLD, NEW, OTHER = (f"sha256:{digit * 64}" for digit in "abc")
TEXT = """\
config:
  skycoin:nodes:
    # Of the attic.
    one: {image: skycoin, host: attic} # first
    two:
      image: skycoin
      host: attic
"""


class Host:
    """The engine of both nodes' host, its registry, the state of their stack, and a fake pulumi."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.labels: dict[str, str] = {"one": f"{REPOSITORY}@{OLD}", "two": f"{REPOSITORY}@{OLD}"}
        self.by_hand = set[str]()
        """Nodes whose containers a person has created again, without labels."""
        self.images = {f"{REPOSITORY}@{OLD}", f"{REPOSITORY}@{NEW}"}
        self.published = set[str]()
        self.fails = set[str]()
        """Nodes whose handover fails."""
        self.preview_code = 0
        self.calls: list[list[str]] = []
        self.seen: list[str] = []
        """Text of the stack's file at each call."""
        self.meanwhile: Callable[[], None] = lambda: None
        self.resources = [resource for name in ("one", "two") for resource in node(name)]

    # docker-py

    @property
    def api(self) -> "Host":
        return self

    def inspect_container(self, name: str) -> dict[str, Any]:
        there = name.removeprefix("skycoin-")
        if there not in self.labels:
            raise NotFound(name)
        last = {LAST_HEALTHY: self.labels[there]} if self.labels[there] else {}
        return {
            "Config": {"Labels": {NODE: f"urn of {there}", **last} if there not in self.by_hand else None}
        }

    def inspect_image(self, name: str) -> dict[str, Any]:
        if name not in self.images:
            raise ImageNotFound(name)
        return {}

    # pulumi

    def pulumi(self, command: Sequence[str], *_: object) -> int:
        self.calls.append(list(command))
        given = Path(command[command.index("--config-file") + 1]).read_text()
        self.seen.append(given)
        if command[0] == "preview":
            return self.preview_code
        assert self.file.read_text() == given, "the file says what the update does"
        self.meanwhile()
        wanted = yaml.safe_load(given)["config"]["skycoin:nodes"]
        for resource in self.resources[2::3]:
            name = resource["urn"].rpartition("::")[2].removesuffix("-container")
            if name in wanted and name not in self.fails and resource["urn"] in command:
                pin = wanted[name].get("rollback")
                digest = pin["digest"] if pin else NEW
                resource["inputs"] |= {"rollback": pin, "image": f"{REPOSITORY}@{digest}"}
        return 1 if self.fails else 0


def node(name: str) -> list[dict[str, Any]]:
    """Resources of a node that runs NEW."""
    urn = f"{URN}skycoin:index:Node::{name}"
    container = {"name": f"skycoin-{name}", "image": f"{REPOSITORY}@{NEW}"}
    made = child("skycoin:index:NodeContainer", f"{name}-container", urn, inputs=container)
    return [
        {"urn": urn, "type": "skycoin:index:Node"},
        child("skycoin:index:Preflight", f"{name}-preflight", urn, inputs=PREFLIGHT),
        {**made, "outputs": {"lastHealthy": f"{REPOSITORY}@{OTHER}"}},
    ]


@pytest.fixture
def host(set_up: Layout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Host:
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.parent.mkdir()
    file.write_text(TEXT)
    for module in ("local.stacks.files", "local.stacks.stack", "local.stacks.missing_nodes"):
        monkeypatch.setattr(f"{module}.PROJECT", tmp_path)
    made = Host(file)
    monkeypatch.setattr("commands.backend.resources", lambda *_: copy.deepcopy(made.resources))
    monkeypatch.setattr(node_rollback, "pulumi", made.pulumi)
    monkeypatch.setattr(rollback_digest, "connect", lambda _: made)
    monkeypatch.setattr(rollback_digest, "known_as", lambda api, name: name if name in api.images else None)

    class Repository:
        def __init__(self, name: str) -> None:
            self.name = name

        def digest_of(self, digest: str) -> str | None:
            return digest if f"{self.name}@{digest}" in made.published else None

    monkeypatch.setattr(rollback_digest, "Repository", Repository)
    return made


def back(skyinfra: Skyinfra, *arguments: str) -> Ran:
    return skyinfra("node", "rollback", *arguments, "--reason", "stops at block 5")


def listed(host: Host, name: str) -> Any:
    return yaml.safe_load(host.file.read_text())["config"]["skycoin:nodes"][name].get("rollback")


def test_a_rollback_writes_the_file_and_is_previewed_before_the_update(
    host: Host, skyinfra: Skyinfra
) -> None:
    ran = back(skyinfra, "one", "--yes")
    assert ran.code == 0, ran.err
    pin = listed(host, "one")
    assert (pin["digest"], pin["reason"]) == (OLD, "stops at block 5")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", pin["date"])
    assert listed(host, "two") is None
    preview, update = host.calls
    assert (preview[0], "--refresh" in preview) == ("preview", True)
    assert (update[0], "--refresh" in update) == ("up", True)
    assert {"--yes", "--skip-preview", "--continue-on-error"} <= {*update}
    for call in host.calls:
        targets = [call[at + 1] for at, part in enumerate(call) if part == "--target"]
        assert targets == [resource["urn"] for resource in host.resources[:3]], "nothing of another node"
    assert host.seen[0] == host.seen[1] == host.file.read_text()
    assert "one on host attic: from sha256:bbbbbbbbbbbb to sha256:aaaaaaaaaaaa\n" in ran.out
    assert (
        f"one has been rolled back to sha256:aaaaaaaaaaaa since {pin['date']}: stops at block 5. "
        "`./skyinfra node lift-rollback one` lifts that. It is recorded in stacks/Pulumi.local.yaml.\n"
    ) in ran.out


def test_a_lift_restores_the_original_file(host: Host, skyinfra: Skyinfra) -> None:
    assert back(skyinfra, "one", "two", "--yes").code == 0
    assert listed(host, "two")["digest"] == OLD
    ran = skyinfra("node", "lift-rollback", "one", "two", "--yes")
    assert ran.code == 0, ran.err
    assert host.file.read_text() == TEXT
    assert "one on host attic: from sha256:aaaaaaaaaaaa to what the stack local has for it" in ran.out
    assert "one on host attic follows the stack local again, with sha256:bbbbbbbbbbbb." in ran.out


@pytest.mark.parametrize("answer", ["n\n", "\n"])
def test_answering_no_leaves_the_file_and_the_node_unchanged(
    answer: str, host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.agreement.sys", TERMINAL)
    ran = skyinfra("node", "rollback", "one", "--reason", "x", given=answer)
    assert ran.code == 1
    assert "Nothing was changed." in ran.err
    assert host.file.read_text() == TEXT
    assert [call[0] for call in host.calls] == ["preview"]


def test_answering_yes_starts_the_rollback(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commands.agreement.sys", TERMINAL)
    assert skyinfra("node", "rollback", "one", "--reason", "x", given="y\n").code == 0
    assert listed(host, "one")["reason"] == "x"


def test_without_a_terminal_a_rollback_changes_nothing(host: Host, skyinfra: Skyinfra) -> None:
    ran = back(skyinfra, "one")
    assert ran.code == 1
    assert "There is no terminal to ask: `--yes` proceeds." in ran.err
    assert host.file.read_text() == TEXT


def test_a_preview_that_fails_leaves_the_file_unchanged(host: Host, skyinfra: Skyinfra) -> None:
    host.preview_code = 255
    ran = back(skyinfra, "one", "--yes")
    assert ran.code == 1
    assert "The preview failed: stacks/Pulumi.local.yaml is unchanged." in ran.err
    assert host.file.read_text() == TEXT


@pytest.mark.case(6)
def test_only_nodes_whose_rollback_succeeds_keep_it_in_the_file(host: Host, skyinfra: Skyinfra) -> None:
    host.fails = {"two"}
    ran = back(skyinfra, "one", "two", "--yes")
    assert ran.code == 1
    assert listed(host, "one")["digest"] == OLD
    assert listed(host, "two") is None
    said = "two on host attic failed: its state and its entry in stacks/Pulumi.local.yaml are as before. The "
    assert f"{said}error above says which container its host has." in ran.err, "its undo may have failed too"


def test_a_lift_that_fails_keeps_the_rollback(host: Host, skyinfra: Skyinfra) -> None:
    back(skyinfra, "one", "--yes")
    before = host.file.read_text()
    host.fails = {"one"}
    assert skyinfra("node", "lift-rollback", "one", "--yes").code == 1
    assert host.file.read_text() == before


@pytest.mark.parametrize("command", ["rollback", "lift-rollback"])
def test_an_edit_of_the_file_before_the_answer_is_kept(
    command: str, host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before, such an edit was overwritten silently."""
    if command == "lift-rollback":
        assert back(skyinfra, "one", "--yes").code == 0
    edited = f"{host.file.read_text()}# mine\n"
    host.calls.clear()

    def answered(*_: object, **__: object) -> bool:
        host.file.write_text(edited)
        return True

    monkeypatch.setattr(node_rollback, "proceeds", answered)
    reason = ("--reason", "x") if command == "rollback" else ()
    ran = skyinfra("node", command, "one", *reason)
    assert ran.code == 1
    assert ran.err.endswith(
        f"error: {host.file} was edited since this command read it, and was not changed. Run the same "
        "command again, which starts with the edited file.\n"
    )
    assert host.file.read_text() == edited
    assert [call[0] for call in host.calls] == ["preview"]
    assert list(host.file.parent.iterdir()) == [host.file]


def test_a_rollback_written_by_hand_while_the_host_is_asked_is_kept(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = f'rollback: {{digest: "{OTHER}", reason: theirs, date: "2026-11-26T14:00:00Z"}}'
    edited = TEXT.replace("host: attic}", f"host: attic, {theirs}}}")

    def connect(_: object) -> Host:
        host.file.write_text(edited)
        return host

    monkeypatch.setattr(rollback_digest, "connect", connect)
    ran = back(skyinfra, "one", "--yes")
    assert (ran.code, host.file.read_text()) == (1, edited)


def test_a_file_that_is_removed_before_the_answer_is_not_created_again(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(*_: object, **__: object) -> bool:
        host.file.unlink()
        return True

    monkeypatch.setattr(node_rollback, "proceeds", answered)
    ran = skyinfra("node", "rollback", "one", "--reason", "x")
    assert (ran.code, list(host.file.parent.iterdir())) == (1, [])
    assert f"error: {host.file} can't be written, and is unchanged: No such file or directory" in ran.err


def test_an_edit_of_the_file_during_a_failed_update_is_kept(host: Host, skyinfra: Skyinfra) -> None:
    def edit() -> None:
        host.file.write_text(host.file.read_text().replace("# first", "# second"))

    host.meanwhile, host.fails = edit, {"one"}
    back(skyinfra, "one", "--yes")
    assert host.file.read_text() == TEXT.replace("# first", "# second")


def test_an_interrupted_update_that_did_nothing_leaves_the_file_unchanged(
    host: Host, skyinfra: Skyinfra
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    host.meanwhile = interrupt
    assert back(skyinfra, "one", "--yes").code == 130
    assert host.file.read_text() == TEXT


def test_a_digest_that_is_given_is_on_the_host_or_in_the_registry(host: Host, skyinfra: Skyinfra) -> None:
    ran = back(skyinfra, "one", "--to", OTHER, "--yes")
    assert ran.code == 1
    assert ran.err.endswith(
        f"error: one: neither host attic nor {REPOSITORY} has {OTHER}. `--to` takes a digest, sha256: and 64 "
        f"hexadecimal digits, that is in {REPOSITORY} or on host attic (`docker images --digests`)\n"
    )
    host.published.add(f"{REPOSITORY}@{OTHER}")
    assert back(skyinfra, "one", "--to", OTHER, "--yes").code == 0
    assert listed(host, "one")["digest"] == OTHER


def test_a_last_healthy_image_that_is_gone_everywhere_is_reported(host: Host, skyinfra: Skyinfra) -> None:
    host.images.clear()
    ran = back(skyinfra, "one", "--yes")
    assert f"neither host attic nor {REPOSITORY} has {OLD}. `--to` takes" in ran.err
    assert host.calls == []


def test_a_node_that_knows_no_other_image_needs_one(host: Host, skyinfra: Skyinfra) -> None:
    """The state names one, but what the container records takes precedence, also that there is none.

    After an `up` that was killed, it may run the one in the state, which it had left because it failed.
    """
    host.labels["one"] = ""
    ran = back(skyinfra, "one", "--yes")
    assert ran.code == 1
    assert "one: no earlier healthy image with another digest is recorded." in ran.err
    assert "`--to` takes a digest, sha256: and 64 hexadecimal digits, that is in" in ran.err


@pytest.mark.parametrize("by_hand", [True, False], ids=["created by hand", "missing"])
def test_a_rollback_without_a_container_of_this_program_uses_the_state(
    by_hand: bool, host: Host, skyinfra: Skyinfra
) -> None:
    """For one that was created by hand, the message was that no healthy image is recorded."""
    if by_hand:
        host.by_hand.add("one")
    else:
        del host.labels["one"]
    host.images.add(f"{REPOSITORY}@{OTHER}")
    ran = back(skyinfra, "one", "--yes")
    assert ran.code == 0, ran.err
    assert listed(host, "one")["digest"] == OTHER
    assert (
        "one: host attic has no container skycoin-one that this program created, so the last healthy image "
        "is the one in the stack's state.\n"
    ) in ran.out


def test_a_given_digest_needs_no_record(host: Host, skyinfra: Skyinfra) -> None:
    host.by_hand.add("one")
    ran = back(skyinfra, "one", "--to", OLD, "--yes")
    assert (ran.code, listed(host, "one")["digest"]) == (0, OLD)
    assert "stack's state" not in ran.out


def test_a_second_rollback_is_another_digest_or_none(host: Host, skyinfra: Skyinfra) -> None:
    assert back(skyinfra, "one", "--yes").code == 0
    refused = back(skyinfra, "one", "--yes")
    assert refused.code == 1
    assert "error: one has been rolled back to sha256:aaaaaaaaaaaa since " in refused.err
    assert "lifts that. `--to` selects another digest." in refused.err
    assert back(skyinfra, "one", "--to", NEW, "--yes").code == 0
    assert listed(host, "one")["digest"] == NEW


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ServiceError("ssh://pi@attic.lan: no route"), "ssh://pi@attic.lan: no route"),
        (RegistryError("registry down"), "registry down"),
        (OSError("cut"), "one: host attic: cut"),
    ],
)
def test_a_host_that_does_not_answer_is_an_error_before_anything(
    error: Exception, said: str, host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(_: object) -> Any:
        raise error

    monkeypatch.setattr(rollback_digest, "connect", fails)
    ran = back(skyinfra, "one", "--yes")
    assert (ran.code, host.calls) == (1, [])
    assert f"error: {said}\n" in ran.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("--to", "latest"), "Invalid value for '--to': a digest is sha256: and 64 hexadecimal digits"),
        (
            ("--reason", "a\nb"),
            "Invalid value for '--reason': a reason is one line of 1 to 200 printable characters",
        ),
        (("--reason", " "), "a reason is one line"),
        (("--reason", "x" * 201), "a reason is one line"),
    ],
)
def test_an_option_value_that_no_stack_accepts_is_a_usage_error(
    arguments: tuple[str, ...], expected: str, host: Host, skyinfra: Skyinfra
) -> None:
    ran = skyinfra("node", "rollback", "one", "--reason", "x", *arguments)
    assert (ran.code, host.calls) == (2, [])
    assert expected in ran.err


def test_a_node_without_a_rollback_is_not_lifted(host: Host, skyinfra: Skyinfra) -> None:
    ran = skyinfra("node", "lift-rollback", "one", "--yes")
    assert (ran.code, host.calls) == (1, [])
    assert "error: one is not rolled back in stacks/Pulumi.local.yaml: nothing was changed" in ran.err


def test_a_rollback_that_up_would_refuse_is_not_changed(host: Host, skyinfra: Skyinfra) -> None:
    host.file.write_text(TEXT.replace("host: attic}", "host: attic, rollback: {digest: x}}"))
    for command in ("lift-rollback", "rollback"):
        reason = ("--reason", "x") if command == "rollback" else ()
        ran = skyinfra("node", command, "one", *reason, "--yes")
        assert (ran.code, host.calls) == (1, [])
        assert "`up` would refuse the rollback of one: `pulumi preview` says why" in ran.err


def test_a_missing_node_is_reported_with_those_that_the_stack_has(host: Host, skyinfra: Skyinfra) -> None:
    ran = back(skyinfra, "one", "three", "--yes")
    assert (ran.code, host.calls) == (1, [])
    assert "'three' is not a node of the stack local; its nodes are: one, two" in ran.err


def test_a_node_without_a_container_can_not_go_back(host: Host, skyinfra: Skyinfra) -> None:
    host.resources = [
        resource for resource in host.resources if not resource["urn"].endswith("one-container")
    ]
    ran = back(skyinfra, "one", "--yes")
    assert "one on host attic is not deployed: `up` creates its container again" in ran.err


def test_a_node_that_has_left_the_file_is_refused(host: Host, skyinfra: Skyinfra) -> None:
    host.file.write_text(TEXT.replace("    one:", "    three:"))
    ran = back(skyinfra, "one", "--yes")
    assert (ran.code, host.calls) == (1, [])
    assert "'one' has no entry in skycoin:nodes" in ran.err


def test_the_ends_of_lines_stay(host: Host, skyinfra: Skyinfra) -> None:
    host.file.write_bytes(TEXT.replace("\n", "\r\n").encode())
    host.preview_code = 1
    back(skyinfra, "one", "--yes")
    assert host.file.read_bytes().count(b"\r\n") == TEXT.count("\n")


def test_a_full_disk_leaves_the_file_unchanged(
    host: Host, skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr("local.stacks.files.os.fsync", full)
    ran = back(skyinfra, "one", "--yes")
    assert ran.code == 1
    assert "can't be written, and is unchanged: No space left on device" in ran.err
    assert host.file.read_text() == TEXT
