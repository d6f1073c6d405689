"""`skyinfra fleet clean`: what it shows, asks, removes and keeps."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from docker.errors import APIError

from catalogue import exit_codes
from catalogue.node_container import LAST_HEALTHY
from clients.errors import SilentHostError
from clients.stored_images import VERSION
from commands.fleet import clean
from fleet.images import ImageHost, image_hosts, named_images
from local.machine.layout import Layout
from local.stacks.lock import exclusive
from tests.unit.command_line import Skyinfra
from tests.unit.image_store import ImageStore, digest, ref
from tests.unit.test_wallets import child

ATTIC, SHED = "ssh://pi@attic.lan", "ssh://pi@shed.lan"
EXPORTER = "registry.example/skycoin/exporter"
INPUTS = {"host": "attic", "engine": ATTIC, "sshOptions": ["-p", "2222"], "image": ref("a")}
RESOURCES = [
    child("skycoin:index:NodeContainer", "one-container", inputs=INPUTS, outputs={"lastHealthy": ref("b")}),
    child(
        "skycoin:index:PulledImage",
        "one-exporter-pulled",
        inputs={**INPUTS, "image": ref("e", EXPORTER), "pullFrom": "mirror.example/skycoin/exporter"},
        outputs={"ref": ref("e", "127.0.0.1:5443/exporter")},
    ),
    child("skycoin:index:NodeContainer", "two-container", inputs={**INPUTS, "host": "shed", "engine": SHED}),
    child("docker:index/container:Container", "one-exporter-container", inputs={"image": "x"}),
]


@pytest.fixture
def engines(set_up: Layout, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Engines by address; an error in place of an engine is raised when it is connected to."""
    found: dict[str, Any] = {ATTIC: ImageStore(), SHED: ImageStore()}

    def client(engine: Any) -> Any:
        one = found[engine._host]
        if isinstance(one, Exception):
            raise one
        return one

    monkeypatch.setattr("commands.backend.resources", lambda *_: RESOURCES)
    monkeypatch.setattr("commands.backend.present_file", lambda _: None)
    monkeypatch.setattr("fleet.images.Engine.client", client)
    for store in found.values():
        for letter in "abc":
            store.add(letter, ref(letter))
        store.use("a", **{LAST_HEALTHY: ref("b")})
    found[ATTIC].add("exporter", ref("d", EXPORTER), Size=5_000_000)
    found[ATTIC].add("exporter-now", ref("e", EXPORTER), Size=5_000_000)
    return found


def test_an_engine_is_one_host_whatever_it_is_called() -> None:
    again = child("skycoin:index:PulledImage", "x", inputs={**INPUTS, "host": "z", "engine": f"{ATTIC}:22"})
    attic, shed = image_hosts([*RESOURCES, again])
    assert attic == ImageHost(
        name="attic",
        engine=ATTIC,
        ssh_options=("-p", "2222"),
        repositories=frozenset(
            {
                "registry.example/skycoin/skycoin",
                EXPORTER,
                "mirror.example/skycoin/exporter",
                "127.0.0.1:5443/exporter",
            }
        ),
    )
    assert (shed.name, shed.engine) == ("shed", SHED)


def test_every_digest_that_a_state_names_stays() -> None:
    assert named_images(RESOURCES) == [f"named@{digest(letter)}" for letter in "abe"]


def test_without_an_answer_it_is_shown_and_nothing_is_removed(
    engines: dict[str, Any], skyinfra: Skyinfra
) -> None:
    ran = skyinfra("fleet", "clean")
    assert ran.code == exit_codes.FAILED
    assert ran.out.splitlines() == [
        "HOST   IMAGE                          VERSION  SIZE",
        "attic  skycoin/exporter@dddddddddddd  0.27.1   5.0 MB",
        "attic  skycoin/skycoin@cccccccccccc   0.27.1   27.0 MB",
        "shed   skycoin/skycoin@cccccccccccc   0.27.1   27.0 MB",
        "",
        f"3 images on 2 hosts, 59.0 MB at most, would be removed. {clean.STAYS}",
        "Nothing was removed: --yes removes them.",
    ]
    assert engines[ATTIC].removed == engines[SHED].removed == []


def test_with_yes_exactly_the_images_shown_are_removed(engines: dict[str, Any], skyinfra: Skyinfra) -> None:
    ran = skyinfra("fleet", "clean", "--yes")
    assert ran.code == 0
    assert ran.out.splitlines()[-1] == "3 images on 2 hosts, 59.0 MB at most, removed."
    assert engines[ATTIC].removed == ["exporter", "c"]
    assert engines[SHED].removed == ["c"]
    again = skyinfra("fleet", "clean", "--yes")
    assert (again.code, again.out) == (0, "No host has an older image of this program.\n")


def test_an_image_that_a_stacks_file_names_stays(
    engines: dict[str, Any], skyinfra: Skyinfra, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rollback that was not applied yet lost its image, which only the host had."""
    rollback = {"digest": digest("c"), "reason": "x", "date": "2026-01-01T00:00:00Z"}
    nodes = {"one": {"host": "attic", "rollback": rollback}}
    file = tmp_path / "stacks" / "Pulumi.local.yaml"
    file.parent.mkdir()
    file.write_text(yaml.safe_dump({"config": {"skycoin:nodes": nodes}}))
    monkeypatch.setattr("local.registry_collection.PROJECT", tmp_path)
    assert skyinfra("fleet", "clean", "--yes").code == 0
    assert (engines[ATTIC].removed, engines[SHED].removed) == (["exporter"], [])


@pytest.mark.parametrize(("answer", "code", "removed"), [(True, 0, ["c"]), (False, exit_codes.FAILED, [])])
def test_confirmation_is_required(
    answer: bool,
    code: int,
    removed: list[str],
    engines: dict[str, Any],
    skyinfra: Skyinfra,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[str] = []

    def confirm(question: str) -> bool:
        asked.append(question)
        return answer

    monkeypatch.setattr("commands.agreement.click.confirm", confirm)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("commands.agreement.sys", terminal)
    assert skyinfra("fleet", "clean").code == code
    assert asked == ["Remove them?"]
    assert engines[SHED].removed == removed


def test_an_image_that_came_after_the_list_was_shown_is_not_removed(
    engines: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others may change the hosts while a person decides."""

    def meanwhile(*_: str) -> bool:
        engines[ATTIC].add("new", ref("f"))
        engines[ATTIC].use("c", "by-hand")
        return True

    monkeypatch.setattr(clean, "has_agreed", meanwhile)
    assert skyinfra("fleet", "clean").code == 0
    assert engines[ATTIC].removed == ["exporter"]
    assert {"new", "c"} <= set(engines[ATTIC].stored)


def test_a_dead_host_is_named_and_the_others_are_cleaned(engines: dict[str, Any], skyinfra: Skyinfra) -> None:
    engines[ATTIC] = SilentHostError(f"no Docker engine answers at {ATTIC}: No route to host.")
    ran = skyinfra("fleet", "clean", "--yes")
    assert ran.code == exit_codes.PART
    assert f"attic: no Docker engine answers at {ATTIC}: No route to host." in ran.err
    assert engines[SHED].removed == ["c"]


def test_an_image_that_an_engine_keeps_is_named_and_the_others_are_removed(
    engines: dict[str, Any], skyinfra: Skyinfra
) -> None:
    engines[ATTIC].fails[ref("c")] = APIError("409", explanation="conflict: it is in use")
    ran = skyinfra("fleet", "clean", "--yes")
    assert ran.code == exit_codes.PART
    assert "attic: skycoin/skycoin@cccccccccccc was not removed: conflict: it is in use" in ran.err
    assert engines[ATTIC].removed == ["exporter"]
    assert "2 images on 2 hosts, 32.0 MB at most, removed." in ran.out


def test_clean_is_refused_while_another_command_runs(
    set_up: Layout, engines: dict[str, Any], skyinfra: Skyinfra
) -> None:
    """An update may have pulled images whose containers do not exist yet."""
    with exclusive(set_up, "make up"):
        ran = skyinfra("fleet", "clean", "--yes")
    assert ran.code == exit_codes.FAILED
    assert "`make up`, process" in ran.err
    assert engines[ATTIC].removed == []


def test_a_stack_without_state_and_file_is_an_error(set_up: Layout, skyinfra: Skyinfra) -> None:
    """`-s nope` ended with code 0."""
    ran = skyinfra("fleet", "clean", "-s", "nope")
    assert ran.code == 1
    assert "There is no stack 'nope': stacks/Pulumi.nope.yaml does not exist." in ran.err


def test_hosts_that_do_not_answer_are_mentioned_only_if_there_are_any(
    engines: dict[str, Any], skyinfra: Skyinfra
) -> None:
    engines.update({ATTIC: ImageStore(), SHED: ImageStore()})
    ran = skyinfra("fleet", "clean")
    assert (ran.code, ran.out) == (0, "No host has an older image of this program.\n")
    engines[SHED] = SilentHostError("it sleeps")
    ran = skyinfra("fleet", "clean")
    assert ran.code == exit_codes.PART
    assert ran.out == "No host that answers has an older image of this program.\n"


@pytest.mark.parametrize(
    "listed", [{"Labels": 5}, {"Size": "27 MB"}, {"Size": 10**400}, {"Id": []}, {"RepoDigests": [5]}, "image"]
)
def test_a_host_that_lists_images_in_another_form_is_named_and_the_others_are_cleaned(
    listed: Any, engines: dict[str, Any], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One such board was an internal error, and no host was cleaned."""
    entry = {**engines[ATTIC].images()[2], **listed} if isinstance(listed, dict) else listed
    monkeypatch.setattr(engines[ATTIC], "images", lambda **_: [entry])
    ran = skyinfra("fleet", "clean", "--yes")
    assert ran.code == exit_codes.PART
    assert "attic: its engine does not list images and containers in Docker's form: " in ran.err
    assert engines[SHED].removed == ["c"]


def test_words_of_a_host_are_no_commands_for_a_terminal(engines: dict[str, Any], skyinfra: Skyinfra) -> None:
    labels = {**engines[ATTIC].images()[2]["Labels"], VERSION: "1.0\x1b]0;title\x07"}
    engines[ATTIC].add("d", ref("f"), Labels=labels)
    engines[ATTIC].fails[ref("c")] = APIError("409", explanation="conflict\x1b[2J\nremoved")
    engines[SHED] = SilentHostError("no Docker engine answers: \x1b[2J\nBanner")
    ran = skyinfra("fleet", "clean", "--yes")
    assert "\x1b" not in ran.out + ran.err
    assert "1.0?]0;title?" in ran.out
    assert "conflict?[2J removed\n" in ran.err
    assert "no Docker engine answers: ?[2J Banner\n" in ran.err
