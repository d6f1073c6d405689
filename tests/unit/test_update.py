"""Progress text of an update, from events of real runs (tests/unit/updates, shortened)."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.live import Live

from display.build import Build, gist
from display.changes import changes, step_of
from display.update import Row, Update
from local.pulumi.screen import Terminal
from mocks.previews import KEPT, PROTECTED

UPDATES = Path(__file__).with_name("updates")
STACK = "urn:pulumi:local::skycoin::pulumi:pulumi:Stack::skycoin-local"
CONTAINER = "docker:index/container:Container"
CREATING = "    … creating node-1-container"
NODE = "urn:pulumi:local::skycoin::skycoin:index:Node$docker:index/container:Container::node-1-container"
LOG = "/state/logs/pulumi.log"
BUILDS = "[build 1/3] RUN go mod download, go build"
UNPACKS = "[unpack 4/4] RUN update-debian, unpack-busybox"
CHANGED_ARGUMENTS = ["buildArgs.A 1 → none", "buildArgs.B 1 → 2"]
SCRIPT = (
    "apt-get update && apt-get install -y --no-install-recommends tree; "
    "echo {q}compiling{q}; echo {q}main.go:3:2: undefined: x{q} >&2; exit 2"
)


def recorded(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (UPDATES / f"{name}.ndjson").read_text().splitlines()]


def shown(events: list[dict[str, Any]], code: int = 0, *, stopped_at: int | None = None) -> str:
    """Lines as printed into a pipe, with a clock tick every second."""
    update, now, lines = Update(0), 0, list[str]()
    for event in events:
        while now < event["timestamp"]:
            now += 1
            lines += update.beats(now)
        if now == stopped_at:
            lines += update.interrupt()
            stopped_at = None
        lines += update.take(event, now)
        lines += update.beats(now)
    return "\n".join([*lines, *update.end(code, now, LOG)])


def test_a_first_update_reports_long_operations_and_is_never_silent_for_15_seconds() -> None:
    goes_on = [
        f"    … creating skycoin-arm32v6-image: {step} ({seconds} s)"
        for seconds, step in (
            (30, "[abi-gate 2/2] RUN go build -trimpath -o /usr/local/bin/abi-gate ."),
            (44, "[abi-gate 2/2] RUN go build -trimpath -o /usr/local/bin/abi-gate ."),
            (58, "[abi-gate 2/2] RUN go build -trimpath -o /usr/local/bin/abi-gate ."),
            *((seconds, BUILDS) for seconds in range(72, 199, 14)),
            (212, "exporting to image"),
        )
    ]
    assert shown(recorded("first")).splitlines() == [
        "    … creating busybox-arm32v7-image",
        f"    … creating busybox-arm32v7-image: {UNPACKS} (14 s)",
        "    … creating skycoin-arm32v6-image",
        f"    … creating busybox-arm32v7-image: {UNPACKS} (36 s); 1 more running",
        "    ✓ created busybox-arm32v7-image (38 s)",
        "    ✓ created busybox-arm32v7-verification (0.0 s)",
        *goes_on,
        "    ✓ created skycoin-arm32v6-image (212 s)",
        "    ✓ created skycoin-arm32v6-verification (0.0 s)",
        "    ✓ created skycoin-local-latest-tag (0.0 s)",
        "    ✓ created node-1-preflight (1.0 s)",
        "    ✓ created node-1-data (0.0 s)",
        "    ✓ created node-1-pulled (0.0 s)",
        "    ✓ created node-1-wallet (0.0 s)",
        "    ✓ created node-1-network (0.0 s)",
        "    ✓ created node-1-wallet-backup (0.0 s)",
        "    … creating node-1-container, and waiting until it is healthy",
        "    ✓ created node-1-container (11 s)",
        "    55 created (250 s)",
    ]


def test_unchanged_resources_are_counted_and_not_listed() -> None:
    assert shown(recorded("unchanged")) == "    55 unchanged (6.0 s)"


def test_a_change_is_named_by_its_property_and_hashes_are_not_shown() -> None:
    """Before, two hashes of the wallet's copy were shown in place of the memory."""
    assert shown(recorded("memory")).splitlines() == [
        "    previewed: 3 to update, 52 unchanged (3.0 s)",
        "    ✓ updated node-1-preflight (0.0 s)",
        "    ✓ updated node-1-wallet-backup (0.0 s)",
        "    … updating node-1-container, and waiting until it is healthy",
        "    ✓ updated node-1-container: memory 2048 → 1024 (0.0 s)",
        "    3 updated, 52 unchanged (8.0 s)",
    ]


def test_a_failed_build_says_why_once_and_where_the_whole_log_is() -> None:
    """`apt-get install` succeeded, so its output, which is half progress, is left out."""
    assert shown(recorded("failing-build"), 255).splitlines() == [
        "    previewed: 18 to update, 4 to replace, 41 unchanged (2.0 s)",
        "    … updating skycoin-amd64-image",
        "    … updating skycoin-arm32v6-image",
        "    ✗ updating skycoin-arm32v6-image failed (3.0 s)",
        "    ✗ updating skycoin-amd64-image failed (3.0 s)",
        "    failed; 35 unchanged (9.0 s)",
        "",
        "error: skycoin-arm32v6-image, skycoin-amd64-image:",
        f'failed to solve: process "/bin/sh -c {SCRIPT.format(q=chr(92) + chr(34))}" '
        "did not complete successfully: exit code: 2",
        f"  | [build 1/4] RUN {SCRIPT.format(q=chr(34))}",
        "  | main.go:3:2: undefined: x",
        "  | compiling",
        "",
        f"The whole log: {LOG}",
    ]


def test_wrong_settings_are_shown_in_the_programs_words() -> None:
    lines = shown(recorded("wrong-settings"), 255).splitlines()
    assert lines[:3] == ["    failed (1.0 s)", "", "error: 2 configuration errors, nothing was changed:"]
    assert lines[3].startswith('  - skycoin:images.skycoin.arches[0]: "amd65": allowed are amd64, arm32v5')
    assert lines[4].startswith("  - skycoin:images.skycoin.colour: unknown key")
    assert lines[5:] == ["", f"The whole log: {LOG}"], "and no talk of an unhandled error after them"


def test_an_interrupted_update_says_what_was_stopped() -> None:
    assert shown(recorded("interrupted"), 255, stopped_at=7).splitlines()[-9:] == [
        "    … updating skycoin-amd64-image",
        "    … updating skycoin-arm32v6-image",
        "",
        "    interrupted: pulumi finishes its running operations …",
        "    ✗ updating skycoin-arm32v6-image was stopped (1.0 s)",
        "    ✗ updating skycoin-amd64-image was stopped (1.0 s)",
        "    interrupted; 35 unchanged (7.0 s)",
        "",
        f"The whole log: {LOG}",
    ]


def step(op: str, **sides: Any) -> dict[str, Any]:
    """The body of an event of one container."""
    return {"metadata": {"op": op, "urn": NODE, **sides}}


def side(**inputs: Any) -> dict[str, Any]:
    return {"custom": True, "inputs": inputs}


@pytest.mark.parametrize(
    ("old", "new", "diff", "expected"),
    [
        ({"memory": 2048}, {"memory": 1024}, "memory", ["memory 2048 → 1024"]),
        ({}, {"memory": 1024}, "memory", ["memory none → 1024"]),
        ({"start": True}, {"start": False}, "start", ["start true → false"]),
        ({"settings": "7b" * 32}, {"settings": "48" * 32}, "settings", []),
        ({"token": "[secret]"}, {"token": "[secret]"}, "token", ["token"]),
        ({"token": "a"}, {"token": "[secret]"}, "token", ["token"]),
        ({"image": "x" * 80}, {"image": "y" * 80}, "image", ["image"]),
        ({"envs": ["A=1"]}, {"envs": ["A=2"]}, "envs[0]", ["envs"]),
        ({"buildArgs": {"A": 1, "B": 1}}, {"buildArgs": {"B": 2}}, "buildArgs", CHANGED_ARGUMENTS),
        ({}, {}, "contextHash", ["the files that it is built from"]),
        ({}, {}, "walletsCopied", ["a copy of its wallet"]),
    ],
)
def test_a_property_is_shown_in_words_that_people_can_read(
    old: dict[str, Any], new: dict[str, Any], diff: str, expected: list[str]
) -> None:
    found = step_of(step("update", old=side(**old), new=side(**new), detailedDiff={diff: {}}))
    assert found is not None
    assert changes(found) == expected


@pytest.mark.parametrize(
    ("kind", "inputs", "expected"),
    [
        (
            "skycoin:index:NodeContainer",
            {"waitTimeout": 300},
            [f"{CREATING}, and waiting until it is healthy"],
        ),
        (CONTAINER, {"wait": True, "waitTimeout": 300}, [f"{CREATING}, and waiting until it is healthy"]),
        (CONTAINER, {"wait": False, "waitTimeout": 300}, [CREATING]),
        (CONTAINER, {}, [CREATING]),
        ("docker:index/volume:Volume", {}, []),
    ],
)
def test_a_long_operation_is_reported_when_it_begins(
    kind: str, inputs: dict[str, Any], expected: list[str]
) -> None:
    update = Update(0)
    body = step("create", new=side(**inputs))
    body["metadata"]["urn"] = NODE.replace(CONTAINER, kind)
    update.take({"resourcePreEvent": body}, 1)
    assert update.beats(2) == expected
    assert update.beats(3) == [], "and only then"


def test_many_changed_properties_are_counted() -> None:
    found = step_of(step("update", old=side(), new=side(), diffs=list("abcdefgh")))
    assert found is not None
    assert changes(found) == ["8 properties"]


def test_a_replacement_is_one_line_and_a_kept_resource_is_not_called_removed() -> None:
    update = Update(0)
    steps = [
        ("resourcePreEvent", "delete-replaced", 0),
        ("resOutputsEvent", "delete-replaced", 5),
        ("resourcePreEvent", "create-replacement", 5),
        ("resOutputsEvent", "create-replacement", 16),
        ("resourcePreEvent", "delete", 20),
        ("resOutputsEvent", "delete", 21),
    ]
    kept = {**side(), "retainOnDelete": True}
    lines = [
        line
        for kind, op, now in steps
        for line in update.take({kind: step(op, old=kept, new=side(memory=1), diffs=["memory"])}, now)
    ]
    assert lines == [
        "    ✓ replaced node-1-container: memory none → 1 (16 s)",
        "    ✓ deleted node-1-container [retain: it stays where it is] (1.0 s)",
    ]


def test_colours_and_moves_of_the_cursor_are_left_out() -> None:
    update = Update(0)
    said = "\x1b[2K\x1b[1Ared \x1b[31malert\x1b[0m\x1b]0;title\x07\n"
    update.take({"diagnosticEvent": {"severity": "info", "message": said}}, 1)
    assert update.end(0, 2, LOG)[0] == "    red alert"


def test_a_warning_is_reported_once_at_the_end_with_all_its_resources() -> None:
    update = Update(0)
    for urn in (STACK, STACK, NODE, NODE.replace("-container", "-data"), NODE):
        warning = {"urn": urn, "severity": "warning", "message": "<{%fg 3%}>careful<{%reset%}>\n"}
        assert update.take({"diagnosticEvent": warning}, 1) == []
    assert update.end(0, 2, LOG) == [
        "    warning: node-1-container, node-1-data: careful",
        "    nothing to do (2.0 s)",
    ]


def test_images_of_an_emptied_registry_are_one_line_without_the_registrys_json() -> None:
    """After `make down ALL=1`, `make up` used to print 300 characters of JSON for each of ten images."""
    update = Update(0)
    for arch in ("arm32v5", "arm64v8"):
        urn = f"urn:pulumi:local::skycoin::docker-build:index:Image::skycoin-{arch}-image"
        answer = (
            f"failed to get manifest registry.localhost:5443/skycoin/skycoin:latest@sha256:{arch}: "
            'request failed: not found [http 404]: {"errors":[{"code":"MANIFEST_UNKNOWN"}]}'
        )
        update.take({"diagnosticEvent": {"urn": urn, "severity": "warning", "message": answer}}, 1)
    assert update.end(0, 2, LOG)[0] == (
        "    warning: skycoin-arm32v5-image, skycoin-arm64v8-image: "
        "registry.localhost:5443/skycoin/skycoin:latest is no longer in the registry, so it is built again"
    )


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"resourcePreEvent": None},
        {"resourcePreEvent": {"metadata": 7}},
        {"resOutputsEvent": {"metadata": {"op": "update", "urn": "no urn", "old": [], "diffs": "x"}}},
        {"resOutputsEvent": {"metadata": {"op": "update", "urn": NODE, "new": {"custom": 1}, "diffs": 7}}},
        {"resOutputsEvent": {"metadata": {"op": 3, "urn": []}}},
        {"resOpFailedEvent": {}},
        {"diagnosticEvent": {"message": None, "urn": 5}},
        {"summaryEvent": {"resourceChanges": ["same"]}},
        {"summaryEvent": {"resourceChanges": {"same": "many"}, "isPreview": True}},
        {"somethingNew": {"metadata": {}}},
    ],
)
def test_an_event_of_another_form_breaks_nothing(event: dict[str, Any]) -> None:
    update = Update(0)
    for line in update.take(event, 1) + update.beats(2) + update.end(255, 3, LOG):
        assert isinstance(line, str)


def test_a_build_is_at_the_step_that_it_reported_last() -> None:
    build = Build()
    assert build.step == ""
    build.feed(
        "#1 [a 1/2] RUN --mount=type=cache,target=/x   with-build-ca   retry go build .\n#1 0.1 working"
    )
    assert build.step == "[a 1/2] RUN go build ."
    build.feed(f"#2 [b 1/1] FROM base/busybox@sha256:{'0' * 64}\n#2 CACHED\n")
    assert build.step == "[a 1/2] RUN go build ."
    build.feed("#1 DONE 3.0s\n")
    assert build.step == "[a 1/2] RUN go build ."


def test_rows_are_the_long_operations_or_the_whole_update_if_there_are_none() -> None:
    update = Update(0)
    assert update.rows(3) == [Row("previewing", "", 3)]
    quick = {
        "metadata": {
            "op": "create",
            "urn": NODE.replace("Container::node-1-container", "Volume::node-1-data"),
            "new": side(),
        }
    }
    update.take({"resourcePreEvent": quick}, 4)
    assert update.rows(4.5) == [Row("updating", "", 4.5)]
    update.take({"resourcePreEvent": step("create", new=side())}, 4.5)
    assert [row.doing for row in update.rows(4.75)] == ["creating node-1-container"]
    assert update.rows(6) == [
        Row("creating node-1-data", "", 2),
        Row("creating node-1-container", "", 1.5),
    ], "the oldest first"


def test_a_resource_other_than_a_build_shows_its_last_line_and_fails_only_with_its_error() -> None:
    update = Update(0)
    update.take({"resourcePreEvent": step("create", new=side())}, 1)
    assert update.beats(1) == [CREATING]
    for said in ("copies the wallet", "waits for it to be healthy: starting, 9 of 300 s"):
        update.take({"diagnosticEvent": {"urn": NODE, "ephemeral": True, "message": said}}, 2)
    assert update.beats(20) == [f"{CREATING}: waits for it to be healthy: starting, 9 of 300 s (19 s)"]
    update.take({"diagnosticEvent": {"urn": NODE, "severity": "error", "message": "it ended"}}, 21)
    assert update.take({"resOpFailedEvent": step("create", new=side())}, 21) == [
        "    ✗ creating node-1-container failed (20 s)"
    ]
    assert update.end(1, 22, LOG)[1:3] == ["", "error: node-1-container: it ended"]
    assert not [line for line in update.end(1, 22, LOG) if line.startswith("  | ")]


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        ("[a 1/1] COPY go.mod go.sum ./", "[a 1/1] COPY go.mod go.sum ./"),
        ("[a 1/1] RUN go build -o /x . || true", "[a 1/1] RUN go build -o /x . || true"),
        (f"[a 1/1] RUN mkdir -p /{'x' * 90} && npm ci; if true; then y; fi", "[a 1/1] RUN npm ci"),
        (f"[a 1/1] RUN mkdir /{'x' * 90}", f"[a 1/1] RUN mkdir /{'x' * 69} …"),
        (f"exporting {'x' * 90}", f"exporting {'x' * 78} …"),
    ],
)
def test_a_long_script_is_named_by_its_slow_programs(step: str, expected: str) -> None:
    assert gist(step) == expected


def test_a_terminal_has_rows_for_running_operations_and_cuts_the_step_not_the_name() -> None:
    console = Console(force_terminal=True, width=60, height=5, no_color=True, file=(said := StringIO()))
    with Live(console=console, auto_refresh=False, transient=True) as live:
        terminal = Terminal(live)
        terminal.say(["    ✓ created a (1.0 s)", ""])
        rows = [Row(f"creating skycoin-{number}-image", "[build 1/3] RUN go " * 5, 61) for number in range(9)]
        console.print(terminal.table(rows))
    text = said.getvalue()
    assert "✓ created a (1.0 s)" in text
    assert re.search(r"creating skycoin-0-image \S*\[build 1/3\].+…\S* 61 s", text), text
    assert "skycoin-2-image" in text
    assert "skycoin-3-image" not in text
    assert "and 6 more" in text


def test_the_outcome_of_each_resource_is_known_at_the_end() -> None:
    update = Update(0)
    for event in recorded("memory"):
        update.take(event, event["timestamp"])
    words = {urn.rpartition("::")[2]: word for urn, word in update.became.items()}
    assert words["node-1-container"] == "updated"
    assert words["node-1-wallet"] == "unchanged"


def test_the_changes_that_began_are_known_whatever_came_of_them() -> None:
    update = Update(0)
    for event in recorded("memory"):
        update.take(event, event["timestamp"])
    names = {urn.rpartition("::")[2] for urn in update.begun}
    assert "node-1-container" in names
    assert "node-1-wallet" not in names
    failed = Update(0)
    for event in recorded("failing-build"):
        failed.take(event, event["timestamp"])
    names = {urn.rpartition("::")[2] for urn in failed.begun}
    assert names == {"skycoin-amd64-image", "skycoin-arm32v6-image"}, "the container was only in its preview"


def test_a_resource_that_fails_in_a_preview_counts_as_failed() -> None:
    update = Update(0)
    for event in recorded("failing-build"):
        update.take(event, event["timestamp"])
    assert "failed" in update.became.values()


def test_an_update_is_stuck_if_a_replacement_failed_in_its_first_half() -> None:
    """Pulumi 3.259 goes on with the other resources, and then waits forever for the second half."""

    def step(kind: str, op: str, urn: str) -> dict[str, Any]:
        return {kind: {"metadata": {"op": op, "urn": urn, "new": {"custom": True}}}}

    other = NODE.replace("node-1", "node-2")
    update = Update(0)
    update.take(step("resourcePreEvent", "delete-replaced", NODE), 0)
    update.take(step("resourcePreEvent", "create", other), 1)
    assert not update.is_stuck(100)
    update.take(step("resOpFailedEvent", "delete-replaced", NODE), 101)
    assert not update.is_stuck(200), "another one goes on"
    update.take(step("resOutputsEvent", "create", other), 201)
    assert not update.is_stuck(205)
    assert update.is_stuck(211)


@pytest.mark.parametrize("stopped", [False, True])
def test_after_an_interrupt_only_errors_about_the_end_itself_are_left_out(stopped: bool) -> None:
    update = Update(0)
    for urn, text in (("::a", "port 6420 is taken"), ("::b", "rpc error: context canceled")):
        update.take({"diagnosticEvent": {"severity": "error", "message": text, "urn": f"{NODE}{urn}"}}, 0)
    if stopped:
        update.interrupt()
    lines = "\n".join(update.end(1, 2, LOG))
    assert "port 6420 is taken" in lines
    assert ("context canceled" in lines) == (not stopped)


@pytest.mark.parametrize(
    ("refusal", "remedy"),
    [(PROTECTED, "`./skyinfra node retire attic -s mine`"), (KEPT, "Restore the old `wallet-volume`")],
)
def test_nobody_is_told_to_unprotect_a_wallet(refusal: str, remedy: str) -> None:
    """Before, `make up` repeated Pulumi's advice, and a person who followed it unprotected the wallets."""
    node = "urn:pulumi:mine::skycoin::skycoin:index:Node$docker:index/volume:Volume::attic-wallet"
    text = refusal.format(node).removeprefix("error: ")
    update = Update(0)
    update.take({"diagnosticEvent": {"severity": "error", "message": text, "urn": node}}, 0)
    lines = "\n".join(update.end(1, 2, LOG))
    assert remedy in lines
    assert "unprotect" not in lines
    assert "`protect` flag" not in lines


def test_only_an_error_of_its_own_explains_why_an_update_failed() -> None:
    """Pulumi's output is printed if nothing else says why."""
    update = Update(0)
    update.take({"diagnosticEvent": {"severity": "error", "message": "update failed"}}, 0)
    assert not update.explained
    update.take({"diagnosticEvent": {"severity": "error", "message": "port 6420 is taken", "urn": NODE}}, 1)
    assert update.explained


def test_an_update_in_which_another_step_failed_is_not_stuck() -> None:
    update = Update(0)
    update.take({"resOpFailedEvent": {"metadata": {"op": "update", "urn": NODE, "new": {"custom": True}}}}, 0)
    assert not update.is_stuck(1000)
