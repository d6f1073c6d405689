"""Pages of docs/examples: what a review of the real program shows between two settings of a stack.

Those of a deployed stack are made by end-to-end tests (tests/e2e/example_pages.py).

`UPDATE_SNAPSHOTS=1 make unit` writes them; their diff is what a reviewer reads.
"""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from catalogue.bases import official_busybox
from catalogue.node_container import LAST_REPLACEMENT
from commands.known_vulnerabilities import judged
from commands.review.pages import EXIT_CODES, STOPS
from components.contexts import recorded_files
from components.image import FILES as FILES_OUTPUT
from components.image import REQUIRED
from components.variant import MODULES
from mocks.engine import BUILD, NODE_CONTAINER, PREFLIGHT, VERIFICATION, VOLUME
from mocks.previews import Preview, preview_of
from providers.skycoin.tag import _content_error
from release.vulnerabilities import by_module
from review.approval_words import ending, ending_without
from review.causes import Checkout
from review.changes import read_changes
from review.markdown import page
from review.published_modules import with_published_modules
from review.risk import Level, risk_of
from review.rulebook import rulebook
from review.rules import broken_rules, wanted
from review.setting_lines import SettingLines
from settings.places import StackFile
from tests.e2e.example_pages import REAL, stable
from tests.unit.engine import Engine
from tests.unit.previews import copies, recounted
from tests.unit.projects import (
    FILES,
    PROJECT,
    RELEASE_STACK,
    previewed,
    published,
    run_program,
    stack_settings,
    up,
)

FOLDER = PROJECT / "docs" / "examples"
CRYPTO, COME, GONE = "golang.org/x/crypto", "github.com/rs/cors", "github.com/gorilla/websocket"
KNOWN = [
    {
        "id": identity,
        "summary": summary,
        "affected": [
            {
                "package": {"name": module},
                "ranges": [{"events": [{"introduced": "0"}, *([{"fixed": fixed}] if fixed else [])]}],
            }
        ],
    }
    for identity, module, fixed, summary in (
        (
            "GO-2025-4135",
            CRYPTO,
            "0.45.0",
            "Malformed constraint may cause denial of service in golang.org/x/crypto/ssh/agent",
        ),
        ("GO-2099-0001", COME, "", "Made up for this example"),
        ("GO-2020-0019", GONE, "1.4.1", "Integer overflow in github.com/gorilla/websocket"),
    )
]
"""Two entries of Go's vulnerability database, reduced to what is read, and an invented one."""
DAY = "2026-11-05"
FORK, MADE = "https://github.com/example/skycoin.git", "2026-11-20T10:00:00Z"


def run(
    stack: str, *, preview: bool = False, stacks: Any = None, state: Engine | None = None, **more: Any
) -> Engine:
    """Run a committed stack with other values of some keys."""
    engine = Engine(preview=preview, stacks=stacks or published(), state=state)
    return run_program(engine, {**stack_settings(FILES[stack]), **more}, stack)


def with_image(stack: str, **more: Any) -> dict[str, Any]:
    """The stack's images, with further settings of skycoin (spelled with `_`)."""
    settings = {key.replace("_", "-"): value for key, value in more.items()}
    images = stack_settings(FILES[stack])["images"]
    return {"images": {**images, "skycoin": {**images["skycoin"], **settings}}}


def file_of(stack: str, old: str = "", new: str = "") -> StackFile:
    """The stack's file, with `old` replaced by `new`."""
    text = (PROJECT / "stacks" / FILES[stack]).read_text()
    assert old in text
    return StackFile(f"stacks/Pulumi.{stack}.yaml", text.replace(old, new, 1))


def built_again(preview: Preview, *paths: str) -> Preview:
    """Let every build run again because of these properties, which only the builder's plugin knows."""
    for step in preview["steps"]:
        if BUILD in step["urn"]:
            step |= {"op": "update", "detailedDiff": dict.fromkeys(paths)}
    return preview


def released_again() -> dict[str, Any]:
    """Outputs of the stack `release` with other digests, and with other modules in its program."""
    outputs = published()
    [program] = outputs[RELEASE_STACK]["modules"]["skycoin"]
    program["modules"] = {CRYPTO: "0.60.0", COME: "1.11.1", "stdlib": "1.26.11"}
    for number, one in enumerate(outputs[RELEASE_STACK]["images"]["skycoin"]["latest"]["variants"].values()):
        one["digest"] = f"sha256:{number + 11:x}{'0' * 63}"
        one["ref"] = f"docker.io/skycoin/skycoin@{one['digest']}"
    return outputs


def with_last_time(preview: Preview, seconds: int, name: str) -> Preview:
    """Add to a preview's state how long a node's last replacement took."""
    for step in preview["steps"]:
        if NODE_CONTAINER in step["urn"] and step["urn"].endswith(f"::{name}-container"):
            step["oldState"]["outputs"][LAST_REPLACEMENT] = seconds
    return preview


def without(preview: Preview, **options: bool) -> Preview:
    """Give the wallets of a preview other options than the program does."""
    for step in preview["steps"]:
        if VOLUME in step["urn"] and step["urn"].endswith("-wallet"):
            step["newState"] |= options
    return preview


def nothing() -> Preview:
    return preview_of(up("fleet"), up("fleet"))


def release() -> Preview:
    again = with_image("release", revision=1, build_args={"EXTRA": "x"})
    again["images"]["skycoin"]["arches"] = ["amd64", "arm32v6", "arm32v7", "arm64v8"]
    return preview_of(up("release"), run("release", preview=True, **again))


def build_argument() -> Preview:
    changed = with_image("local", build_args={"EXTRA": "x"})
    return preview_of(up("local"), run("local", preview=True, **changed))


def image_file() -> Preview:
    """An edit in the image's own folder: the state has another hash of the file."""
    preview = built_again(preview_of(up("local"), previewed("local")), "contextHash")
    text = json.dumps(preview)
    files = recorded_files("./images/skycoin", "./images/skycoin/Dockerfile", {}, {})
    before = f'"images/skycoin/docker-entrypoint.sh": "{files["images/skycoin/docker-entrypoint.sh"]}"'
    assert before in text
    found: Preview = json.loads(
        text.replace(before, before.replace(files["images/skycoin/docker-entrypoint.sh"], "0" * 12))
    )
    return found


def base_moved() -> Preview:
    """A new digest of amd64's base; the state has the old one."""
    preview = preview_of(up("local"), previewed("local"))
    moved = official_busybox("amd64")
    for step in preview["steps"]:
        if BUILD in step["urn"] and step["oldState"]["inputs"]["buildArgs"]["IMAGE_FROM"] == moved:
            step["oldState"]["inputs"]["buildArgs"]["IMAGE_FROM"] = (
                moved.partition("@")[0] + f"@sha256:{'1' * 64}"
            )
            step |= {"op": "update", "detailedDiff": {"buildArgs.IMAGE_FROM": None}}
    return preview


def modules() -> Preview:
    """An edit of the image's go.mod; the state has the modules that were required and linked before."""
    preview = built_again(preview_of(up("local"), previewed("local")), "contextHash")
    for step in preview["steps"]:
        before = step.get("oldState", {}).get("outputs") or {}
        if step["urn"].endswith("::skycoin") and REQUIRED in before:
            now = before[REQUIRED]
            before[FILES_OUTPUT] |= {"images/skycoin/go.mod": "0" * 12, "images/skycoin/go.sum": "0" * 12}
            before[REQUIRED] = {**now, CRYPTO: "0.30.0", GONE: "1.2.0"}
            del before[REQUIRED][COME]
        if VERIFICATION in step["urn"]:
            its = {CRYPTO: "0.30.0", GONE: "1.2.0", "stdlib": "1.26.5"}
            linked = {"skycoin": its, "skycoin-cli": {CRYPTO: "0.30.0", "stdlib": "1.26.5"}}
            before["report"] = {MODULES: linked}
    return preview


def rebuilt() -> Preview:
    """A build that the plugin repeats, although no argument, setting or file has changed."""
    return built_again(preview_of(up("local"), previewed("local")), "contextHash")


def boards() -> Preview:
    return with_last_time(preview_of(up("fleet"), run("fleet", stacks=released_again())), 48, "attic")


def wallet_at_risk() -> Preview:
    return without(nothing(), protect=False)


def node_removed() -> Preview:
    """One node is removed; the other joins the network, and gets another port."""
    nodes = stack_settings(FILES["fleet"])["nodes"]
    before = run("fleet", nodes={**nodes, "attic": {**nodes["attic"], "network": "none"}})
    return preview_of(before, run("fleet", nodes={"attic": {**nodes["attic"], "rpc-port": 6421}}))


def rules_broken() -> Preview:
    """A program that publishes the nodes' API on all addresses, and runs one of them privileged."""
    preview = nothing()
    for step in preview["steps"]:
        if NODE_CONTAINER in step["urn"]:
            inputs = step["newState"]["inputs"]
            step |= {"op": "update", "detailedDiff": dict.fromkeys(("ports", "privileged"))}
            inputs["ports"] = [{**inputs["ports"][0], "ip": "0.0.0.0"}, *inputs["ports"][1:]]
            inputs["privileged"] = step["urn"].endswith("::attic-container")
    return preview


def node_setting() -> Preview:
    """Another flag for one node."""
    nodes = stack_settings(FILES["fleet"])["nodes"]
    changed = {**nodes, "attic": {**nodes["attic"], "args": ["-log-level=debug"]}}
    return preview_of(up("fleet"), run("fleet", nodes=changed))


def node_renamed() -> Preview:
    """Another name for a node, whose volumes stay."""
    nodes = stack_settings(FILES["fleet"])["nodes"]
    changed = {"loft": {**nodes["attic"], "renamed-from": "attic"}, "shed": nodes["shed"]}
    return preview_of(up("fleet"), run("fleet", state=up("fleet"), nodes=changed))


def source() -> Preview:
    """A newer commit of a feature branch."""

    def built_from(commit: str) -> dict[str, Any]:
        git = {"git": FORK, "version": "v0.28.0", "commit": commit, "branch": "fees", "date": MADE}
        return with_image("local", source=git, channel="feature", feature="fees")

    before = run("local", **built_from("1" * 40))
    return preview_of(before, run("local", preview=True, **built_from("2" * 40)))


def drift() -> Preview:
    """A container that somebody removed: a refresh has taken it out of the state."""
    preview = nothing()
    for step in preview["steps"]:
        if step["urn"].endswith("::shed-container"):
            preview["steps"].insert(0, {**step, "op": "refresh"})
            del step["oldState"]
            step["op"] = "create"
            break
    return preview


def tag_moved() -> Preview:
    """A moving tag that somebody pointed elsewhere, as a refresh finds it."""
    preview = preview_of(up("release"), up("release"))
    for step in preview["steps"]:
        if step["urn"].endswith("::skycoin-hub-latest-tag"):
            outputs = step["oldState"]["outputs"]
            outputs["points"] = {"latest": f"sha256:{'9' * 64}"}
            step |= {"op": "update", "detailedDiff": {"points": None}}
    return preview


def order_dropped() -> Preview:
    """A program whose nodes no longer wait for their preflights."""
    preview = nothing()
    for step in preview["steps"]:
        if "newState" in step:
            kept = [
                dependency for dependency in step["newState"]["dependencies"] if PREFLIGHT not in dependency
            ]
            step["newState"]["dependencies"] = kept
    return preview


def hook_dropped() -> Preview:
    """A program that no longer runs its hook before a node's wallet is deleted."""
    preview = nothing()
    for step in preview["steps"]:
        if step["urn"].endswith("::attic-wallet"):
            step["oldState"]["resourceHooks"] = {"BeforeDelete": ["copy-wallet"]}
    return preview


def refused() -> Preview:
    changed = with_image("release", build_args={"EXTRA": "x"})
    preview = preview_of(up("release"), run("release", preview=True, **changed))
    tag = next(step["oldState"] for step in preview["steps"] if step["urn"].endswith("hub-0.27.1-tag"))
    said = _content_error(tag["inputs"], {tag["inputs"]["tag"]: tag["outputs"]["digest"]})
    return {**preview, "diagnostics": [{"severity": "error", "message": said}]}


def many(count: int = 200) -> Preview:
    """A fleet of `count` hosts with a node each; every third host does not answer."""
    said = (
        "host attic-{0:03} does not answer at ssh://pi@attic-{0:03}.lan: no route. "
        "What `up` would find there is unknown."
    )
    warnings = [{"severity": "warning", "message": said.format(number)} for number in range(0, count, 3)]
    return {**copies(node_removed(), "attic", count), "diagnostics": warnings}


PAGES: dict[str, tuple[str, Callable[[], Preview], Level]] = {
    "nothing": ("fleet", nothing, Level.SAFE),
    "release": ("release", release, Level.AT_RISK),
    "build-argument": ("local", build_argument, Level.RESTARTS),
    "image-file": ("local", image_file, Level.RESTARTS),
    "base-moved": ("local", base_moved, Level.RESTARTS),
    "modules": ("local", modules, Level.RESTARTS),
    "rebuilt": ("local", rebuilt, Level.RESTARTS),
    "boards": ("fleet", boards, Level.RESTARTS),
    "source": ("local", source, Level.RESTARTS),
    "node-setting": ("fleet", node_setting, Level.RESTARTS),
    "node-renamed": ("fleet", node_renamed, Level.RESTARTS),
    "drift": ("fleet", drift, Level.SAFE),
    "tag-moved": ("release", tag_moved, Level.SAFE),
    "order-dropped": ("fleet", order_dropped, Level.SAFE),
    "hook-dropped": ("fleet", hook_dropped, Level.SAFE),
    "wallet-at-risk": ("fleet", wallet_at_risk, Level.AT_RISK),
    "node-removed": ("fleet", node_removed, Level.REFUSED),
    "rules-broken": ("fleet", rules_broken, Level.AT_RISK),
    "refused": ("release", refused, Level.REFUSED),
    "200-nodes": ("fleet", many, Level.RESTARTS),
}
"""Name of the page → stack, its preview, and the risk on the page."""
ARGUMENT = ("channel: release\n", "channel: release\n      build-args: {EXTRA: x}\n")
ATTIC = "    attic: {image: skycoin, host: attic, network: mainnet}\n"
MODULE = """\
        module: github.com/skycoin/skycoin
        version: v0.27.1
        commit: 13141d81aaa5fa3c653522f6d462dfc851c962f2
        branch: master
        date: "2020-11-23T01:01:48Z"
"""
EDITS: dict[str, tuple[str, str]] = {
    "source": (
        MODULE,
        f'        git: {FORK}\n        version: v0.28.0\n        commit: "{"2" * 40}"\n'
        f'        branch: fees\n        date: "{MADE}"\n',
    ),
    "node-setting": (
        ATTIC,
        "    attic: {image: skycoin, host: attic, network: mainnet, args: [-log-level=debug]}\n",
    ),
    "node-renamed": (
        ATTIC,
        "    loft: {image: skycoin, host: attic, network: mainnet, renamed-from: attic}\n",
    ),
    "build-argument": ARGUMENT,
    "refused": ARGUMENT,
    "release": (ARGUMENT[0], f"{ARGUMENT[1]}      revision: 1\n"),
}
"""Name of the page → text of the stack's file, and its replacement."""


@pytest.mark.parametrize("name", PAGES)
def test_a_documented_example_matches_the_programs_output(name: str) -> None:
    stack, preview, level = PAGES[name]
    checkout = Checkout(SettingLines(file_of(stack, *EDITS.get(name, ()))), has_files=True)
    parsed = recounted(json.loads(json.dumps(preview())))
    changes = replace(read_changes(parsed, checkout), broken=broken_rules(wanted(parsed), rulebook()))
    changes = with_published_modules(changes, parsed, released_again().__getitem__)
    changes = judged(changes, by_module(KNOWN), DAY)
    # A real hash covers a checkout and a state; an example has neither.
    end = (
        ending_without(STOPS) if changes.faults else ending(stack, hashlib.sha256(name.encode()).hexdigest())
    )
    text, file = page(changes, stack, ending=end), FOLDER / f"{name}.md"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        FOLDER.mkdir(exist_ok=True)
        file.write_text(text)
    assert text == file.read_text(), "if this is meant: UPDATE_SNAPSHOTS=1 make unit"
    assert risk_of(changes).level is level


def test_the_engines_order_of_hosts_does_not_change_what_stops() -> None:
    """It differs from run to run; what stops for good is named first."""
    for preview in (boards(), node_removed()):
        turned = {**preview, "steps": [*reversed(preview["steps"])]}
        found = read_changes(preview).restarts
        assert len(found) == 2
        assert read_changes(turned).restarts == found
        assert [restart.op == "delete" for restart in found] == [
            preview["changeSummary"].get("delete", 0) > 0,
            False,
        ]


def test_every_example_is_generated_by_a_test_and_listed() -> None:
    assert {file.stem for file in FOLDER.glob("*.md")} == {*PAGES, *REAL, "README"}
    listed = (FOLDER / "README.md").read_text()
    rows = {name: f"| [{name}]({name}.md) | {EXIT_CODES[level]} |" for name, (_, _, level) in PAGES.items()}
    assert [row for row in (*rows.values(), *(f"({name}.md)" for name in REAL)) if row not in listed] == []


@pytest.mark.parametrize("name", REAL)
def test_a_page_of_a_deployed_stack_has_nothing_that_differs_from_run_to_run(name: str) -> None:
    text = (FOLDER / f"{name}.md").read_text()
    assert text == stable(text)


def test_digests_and_the_hash_at_the_end_of_a_page_are_named_by_their_place() -> None:
    one, two = "a" * 64, "b" * 64
    page = f"skycoin@{one[:12]} → sha256:{two}, now `{one[:12]}` @sha256:{one}\n\nReview: `{two}`\n"
    assert stable(page) == "skycoin@digest-1 → digest-2, now `digest-1` @digest-1\n\nReview: `HASH`\n"
