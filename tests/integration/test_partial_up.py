"""`up` of a stack with dead hosts: the updates that it runs, and how it ends."""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from catalogue.exit_codes import FAILED, PART
from local.pulumi.partial_up import Target, bring_up_parts
from tests.unit.test_silent_engines import engine

STACK = "urn:pulumi:s::skycoin::"
NODE = f"{STACK}skycoin:index:Node"


@pytest.fixture(autouse=True)
def _private(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


@pytest.fixture
def engines() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


def node(name: str, host: str, address: str) -> list[dict[str, Any]]:
    """A node in a state, reduced to what is read."""
    inputs = {"host": host, "engine": address}
    return [
        {"urn": f"{NODE}::{name}", "type": "skycoin:index:Node"},
        {
            "urn": f"{NODE}$skycoin:index:Preflight::{name}-preflight",
            "type": "skycoin:index:Preflight",
            "inputs": inputs,
            "parent": f"{NODE}::{name}",
        },
    ]


def event_line(event: dict[str, Any]) -> str:
    """Line of a script that writes an event."""
    return f"printf '%s\\n' '{json.dumps(event)}' >> \"$events\""


class Bench:
    """A stack with a node on each of two engines, and a script in place of pulumi."""

    def __init__(self, folder: Path, *, far: str = "far.sock", state_far: str = "far.sock") -> None:
        self.folder = folder
        self.here, self.far = f"unix://{folder}/here.sock", f"unix://{folder}/{far}"
        self.resources = [
            *node("near", "here", self.here),
            *node("away", "far", f"unix://{folder}/{state_far}"),
        ]
        self.config: dict[str, Any] = {
            "skycoin:hosts": {"here": {"engine": "local"}, "far": {"engine": self.far}},
            "skycoin:nodes": {"near": {"host": "here"}, "away": {"host": "far"}},
        }
        self.interrupted = False
        self.script()

    def script(self, *lines: str) -> None:
        """Let pulumi record its arguments and run these lines; `$n` is the number of the call."""
        program = self.folder / "pulumi"
        counts = [f'echo "$@" >> {self.folder}/calls', f"n=$(wc -l < {self.folder}/calls)"]
        finds = 'while [ $# -gt 0 ]; do [ "$1" = --event-log ] && events=$2; shift; done'
        program.write_text("\n".join(["#!/bin/sh", *counts, finds, *lines, ""]))
        program.chmod(0o755)

    def event(self, op: str, urn: str, kind: str = "resOutputsEvent") -> str:
        """Line of a script for the end of a step, or for another of its events."""
        return event_line({kind: {"metadata": {"op": op, "urn": urn, "new": {"custom": True}}}})

    def up(self) -> int:
        target = Target(
            options=["--stack", "s"],
            config=self.config,
            env={"PATH": f"{self.folder}:{os.environ['PATH']}", "DOCKER_HOST": self.here},
            log=self.folder / "pulumi.log",
            resources=lambda: self.resources,
            is_interrupted=lambda: self.interrupted,
            again="make up",
        )
        return bring_up_parts(target, self.before, self.after)

    told: frozenset[str] = frozenset()
    succeeded = False

    def before(self, dead: Any) -> None:
        self.told = frozenset(address.engine for address in dead)

    def after(self) -> None:
        self.succeeded = True

    @property
    def calls(self) -> list[str]:
        """Arguments of each update, without those that all of them have."""
        lines = (self.folder / "calls").read_text().splitlines()
        return [line.partition(" --yes")[0] for line in lines]


def both_answer(engines: ExitStack, folder: Path) -> None:
    for name in ("here", "far"):
        engines.enter_context(engine(folder / f"{name}.sock"))


def table(text: str) -> list[str]:
    lines = [" ".join(line.split()) for line in text.splitlines()]
    return lines[lines.index("HOST RESULT") + 1 :]


WITHOUT_FAR = (
    f"--exclude-dependents --exclude {NODE}$skycoin:index:Preflight::away-preflight "
    "--exclude urn:pulumi:*::*::skycoin:index:Node::away "
    "--exclude urn:pulumi:*::*::skycoin:index:Exporter::away-exporter "
    "--exclude urn:pulumi:*::*::skycoin:index:Proxy::away-proxy"
)


def test_if_all_hosts_answer_nothing_is_skipped_and_no_host_stops_another(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path)
    both_answer(engines, tmp_path)
    urns = [f"{NODE}$skycoin:index:NodeContainer::{name}-container" for name in ("near", "away")]
    bench.script(
        bench.event("create", f"{STACK}pulumi:pulumi:Stack::skycoin-s", "resourcePreEvent"),
        bench.event("same", urns[0]),
        bench.event("update", urns[1]),
    )
    assert bench.up() == 0
    assert bench.calls == ["up --refresh --continue-on-error"]
    assert bench.succeeded
    assert table(capfd.readouterr().out) == ["here near unchanged", "far away updated"]


def test_a_dead_host_is_skipped_in_refresh_and_update_and_reported(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path)
    engines.enter_context(engine(tmp_path / "here.sock"))
    assert bench.up() == PART
    assert bench.calls == [f"up --refresh --continue-on-error {WITHOUT_FAR}"]
    assert bench.told == {bench.far}
    assert bench.succeeded
    output = capfd.readouterr().out
    reason = f"{bench.far} does not answer: No such file or directory"
    assert output.splitlines()[:2] == [
        f"• host far is skipped: {reason}",
        "  Start it on the host: `sudo systemctl enable --now docker`.",
    ]
    assert table(output)[1:] == [
        f"far away skipped: {reason}",
        "",
        "Skipped resources stay in the state unchanged. When a host answers again, `make up` catches up.",
    ]


def test_a_host_that_dies_during_an_update_is_skipped_by_a_second_one(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    """If one engine does not answer, the whole refresh fails, and no host would be updated."""
    bench = Bench(tmp_path)
    both_answer(engines, tmp_path)
    bench.script(f"[ $n = 1 ] || exit 0; rm {tmp_path}/far.sock; exit 1")
    assert bench.up() == PART
    assert bench.calls == [
        "up --refresh --continue-on-error",
        f"up --refresh --continue-on-error {WITHOUT_FAR}",
    ]
    assert "far away skipped" in table(capfd.readouterr().out)[1]


AWAY = f"{NODE}$skycoin:index:NodeContainer::away-container"


def changing(end: str, op: str = "update") -> list[str]:
    """Lines of a script for the beginning and the end of a step with the container on `far`."""
    metadata = {"op": op, "urn": AWAY, "new": {"custom": True}}
    return [event_line({kind: {"metadata": metadata}}) for kind in ("resourcePreEvent", end)]


def rollout(folder: Path, *first_update: str) -> Bench:
    """A rollout that begins on `far`; only its first update does anything."""
    bench = Bench(folder)
    bench.config["skycoin:rollout"] = {"first": "far", "waves": [1]}
    records = f'echo "$SKYCOIN_SKIPPED_HOSTS" >> {folder}/skips'
    bench.script(records, "[ $n = 1 ] || exit 0", *first_update, f"rm {folder}/far.sock", "exit 255")
    return bench


def test_a_rollout_ends_at_a_host_that_dies_of_the_change(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    """A new version that took down the board of the first wave was then rolled out to all others."""
    both_answer(engines, tmp_path)
    bench = rollout(tmp_path, *changing("resOpFailedEvent"))
    assert bench.up() == FAILED
    assert (tmp_path / "skips").read_text() == "\n", "no second update without that host"
    output = capfd.readouterr().out
    silent = f"{bench.far} does not answer: No such file or directory"
    assert f"• host far stopped answering when its node was changed: {silent}" in output
    assert "  The rollout ends here, because the change may have stopped the host" in output
    assert "run `make up` again, which skips it." in output
    assert table(output)[1] == f"far away failed: {silent}"


@pytest.mark.parametrize("op", ["refresh", "same", ""])
def test_a_rollout_skips_a_host_that_dies_before_its_node_is_changed(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str], op: str
) -> None:
    both_answer(engines, tmp_path)
    bench = rollout(tmp_path, *(changing("resOpFailedEvent", op=op) if op else ()))
    assert bench.up() == PART
    assert (tmp_path / "skips").read_text() == "\nfar\n"
    assert "far away skipped" in table(capfd.readouterr().out)[1]


def test_without_a_rollout_a_change_that_a_dying_host_broke_is_a_failure(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    both_answer(engines, tmp_path)
    bench = Bench(tmp_path)
    bench.script("[ $n = 1 ] || exit 0", *changing("resOpFailedEvent"), f"rm {tmp_path}/far.sock", "exit 255")
    assert bench.up() == FAILED
    assert len(bench.calls) == 2
    assert "far away failed" in table(capfd.readouterr().out)[1]


def test_a_failure_while_all_answer_is_not_tried_again(tmp_path: Path, engines: ExitStack) -> None:
    bench = Bench(tmp_path)
    both_answer(engines, tmp_path)
    bench.script("exit 4")  # Pulumi's code for a resource, PART of `skyinfra`
    assert bench.up() == FAILED
    assert len(bench.calls) == 1
    assert not bench.succeeded


BUSY = 'failed to solve: process "/bin/sh -c make" did not complete successfully: exit code: 4294967295'


def failed_image(error: str) -> str:
    """Lines of a script for an image whose build fails with an error, and for Pulumi's own message."""
    diagnostics = [
        {"urn": f"{STACK}docker-build:index:Image::a-image", "severity": "error", "message": error},
        {"urn": f"{STACK}pulumi:pulumi:Stack::skycoin-s", "severity": "error", "message": "update failed"},
    ]
    return "\n".join(event_line({"diagnosticEvent": each}) for each in diagnostics)


def test_an_image_that_a_busy_builder_did_not_start_is_built_by_a_second_update(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    """BuildKit ends a step that has not started within 10 s; this failed a first `make up` of 15 minutes."""
    bench = Bench(tmp_path)
    both_answer(engines, tmp_path)
    bench.script("[ $n = 1 ] || exit 0", failed_image(BUSY), "exit 255")
    assert bench.up() == 0
    assert len(bench.calls) == 2
    assert bench.succeeded
    assert "• the builder had not started a build step within 10 s" in capfd.readouterr().out


@pytest.mark.parametrize(
    ("errors", "calls"), [((BUSY,), 2), ((BUSY.replace("4294967295", "2"),), 1), ((BUSY, "port taken"), 1)]
)
def test_a_builder_that_stays_busy_or_another_failure_ends_the_run(
    tmp_path: Path, engines: ExitStack, errors: tuple[str, ...], calls: int
) -> None:
    bench = Bench(tmp_path)
    both_answer(engines, tmp_path)
    bench.script(*(failed_image(error) for error in errors), "exit 255")
    assert bench.up() == FAILED
    assert len(bench.calls) == calls


def test_a_failure_next_to_a_dead_host_is_a_failure(tmp_path: Path, engines: ExitStack) -> None:
    bench = Bench(tmp_path)
    engines.enter_context(engine(tmp_path / "here.sock"))
    bench.script("exit 255")
    assert bench.up() == FAILED


def test_a_run_without_any_host_fails_after_building_the_images(tmp_path: Path) -> None:
    bench = Bench(tmp_path)
    assert bench.up() == FAILED
    assert len(bench.calls) == 1, "images are built all the same"


def test_a_stack_of_one_engine_is_updated_without_a_table(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path)
    engines.enter_context(engine(tmp_path / "here.sock"))
    bench.resources = bench.resources[:2]
    for entries in (bench.config["skycoin:hosts"], bench.config["skycoin:nodes"]):
        entries.popitem()
    assert bench.up() == 0
    assert bench.calls == ["up --refresh"]
    assert "RESULT" not in capfd.readouterr().out


def test_a_host_that_left_the_file_stays_in_the_state_and_in_the_table(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    bench = Bench(tmp_path)
    engines.enter_context(engine(tmp_path / "here.sock"))
    for entries in (bench.config["skycoin:hosts"], bench.config["skycoin:nodes"]):
        entries.popitem()
    assert bench.up() == PART
    urn = f"{NODE}$skycoin:index:Preflight::away-preflight"
    assert bench.calls == [f"up --refresh --exclude-dependents --exclude {urn}"]
    assert "far - skipped" in "\n".join(table(capfd.readouterr().out))


def test_another_address_of_a_host_in_the_file_is_used_if_the_states_is_dead(
    tmp_path: Path, engines: ExitStack, capfd: pytest.CaptureFixture[str]
) -> None:
    """A refresh uses only the address in the state, so it would fail in every run."""
    bench = Bench(tmp_path, far="new.sock", state_far="old.sock")
    for name in ("here", "new"):
        engines.enter_context(engine(tmp_path / f"{name}.sock"))
    assert bench.up() == 0
    assert "because the address in the state does not answer: 1 resource\n" in capfd.readouterr().out
    urn = f"{NODE}$skycoin:index:Preflight::away-preflight"
    assert bench.calls == [f"refresh --exclude-dependents --exclude {urn}", "up --continue-on-error"]


def test_notes_of_a_killed_run_are_removed_without_asking_a_dead_host(
    tmp_path: Path, engines: ExitStack
) -> None:
    bench = Bench(tmp_path)
    engines.enter_context(engine(tmp_path / "here.sock"))
    bench.interrupted = True
    assert bench.up() == PART
    urn = f"{NODE}$skycoin:index:Preflight::away-preflight"
    assert bench.calls[0] == f"refresh --clear-pending-creates --exclude-dependents --exclude {urn}"
    assert len(bench.calls) == 2
