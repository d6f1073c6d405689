"""The first screen of a review page: its size limit and the page's, whatever the preview holds."""

import json
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from catalogue.exit_codes import AT_RISK
from review.changes import Changes, read_changes
from review.first_screen import INCOMPLETE, LIMIT, NOTHING_LOST, first_screen
from review.graph import Graph
from review.markdown import LIMIT as PAGE
from review.markdown import page
from review.mermaid import BOXES, mermaid
from review.risk import risk_of
from review.text_budget import fit_lines, length, shares
from tests.unit.command_line import Skyinfra
from tests.unit.previews import complete
from tests.unit.test_review import (
    CONTAINER,
    EXPORTER_CONTAINER,
    IMAGE,
    LIMITS,
    TAG,
    VOLUME,
    build,
    node,
    rendered,
    step,
)

A, B = (f"sha256:{letter * 64}" for letter in "ab")


def tags(old: dict[str, Any], new: dict[str, Any], **outputs: Any) -> dict[str, Any]:
    """A step that moves a tag from `old` to `new`, both {architecture: image}."""
    name = {"repository": "docker.io/skycoin/skycoin", "tag": "latest"}
    before, after = (
        {**name, "variants": [{"arch": arch, "ref": ref} for arch, ref in refs.items()]}
        for refs in (old, new)
    )
    moved = step("update", TAG, "latest-tag", before, after, ("variants",))
    moved["oldState"]["outputs"] = {"digest": A, "points": {"latest": A}, **outputs}
    return moved


def line_of(*steps: Any, **more: Any) -> str:
    return risk_of(read_changes(complete(*steps, **more))).line


def replaced(name: str = "attic", **inputs: Any) -> dict[str, Any]:
    given = {"name": f"skycoin-{name}", "host": name, **inputs}
    return step("update", CONTAINER, f"{name}-container", given, given, ("image",))


def screen(changes: Changes) -> list[str]:
    return first_screen(changes, "mine").text.splitlines()


# The line about the risk


def test_the_longest_bound_is_that_of_all_nodes() -> None:
    slow: dict[str, Any] = {**LIMITS, "waitTimeout": 640}
    assert line_of(replaced(**LIMITS)) == "restarts 1 node for at most 6 min"
    both = line_of(replaced(**LIMITS), replaced("shed", **slow))
    assert both == "restarts 2 nodes, each for at most 11 min 40 s"


@pytest.mark.parametrize(
    ("own", "said"),
    [(300, "10 min"), (10, "6 min"), (-1, "65 min"), (0, "6 min"), (None, "6 min"), (UNKNOWN, "6 min")],
)
def test_a_bound_counts_the_longer_time_to_stop_of_an_adopted_container(own: object, said: str) -> None:
    """The page said 6 min, and the old container got its own 5 min to stop."""
    adopted = replaced(**LIMITS)
    adopted["oldState"]["outputs"] = {**LIMITS, "stopTimeout": own}
    assert line_of(adopted) == f"restarts 1 node for at most {said}"


@pytest.mark.parametrize("limits", [{}, {"stopTimeout": 60}, {"stopTimeout": 60, "waitTimeout": UNKNOWN}])
def test_a_bound_that_the_preview_does_not_have_is_unknown(limits: dict[str, Any]) -> None:
    assert line_of(replaced(**limits)) == "restarts 1 node for an unknown time"
    both = line_of(replaced(**LIMITS), replaced("shed", **limits))
    assert both == "restarts 2 nodes, each for an unknown time"


def test_another_container_has_the_bound_of_its_own_inputs() -> None:
    old, new = {"destroyGraceSeconds": 10}, {"wait": True, "waitTimeout": 90}
    exporter = step("replace", EXPORTER_CONTAINER, "attic-exporter-container", old, new, ("image",))
    assert line_of(exporter) == "restarts 1 other container for at most 1 min 40 s"
    exporter["newState"]["inputs"] = {"wait": True}
    assert line_of(exporter) == "restarts 1 other container for at most 1 min 10 s"
    exporter["newState"]["inputs"] = {"waitTimeout": 90}
    assert line_of(exporter) == "restarts 1 other container for an unknown time"


def test_an_image_is_pulled_only_if_it_changes() -> None:
    """The page about a changed flag used to say that a host pulls the new image."""
    pulled = "A host pulls the new image, and a node's wallet is copied, while the old container runs."
    ran = "A node's wallet is copied while the old container runs."
    flag = replaced("shed", **LIMITS)
    flag["detailedDiff"] = {"command[1]": None}
    for steps, said in (([flag, replaced(**LIMITS)], pulled), ([flag], ran)):
        text = "\n".join(screen(read_changes(complete(*steps))))
        assert f"\n{said} If the new container fails, the old one is started again." in text


def test_possible_losses_are_reported_before_interruptions() -> None:
    gone = step("delete", VOLUME, "attic-data", {"name": "skycoin-attic-data"})
    gone["oldState"]["retainOnDelete"] = False
    lost = tags({"amd64": A, "arm32v5": A}, {"amd64": A})
    said = line_of(gone, lost, replaced(**LIMITS))
    assert said == "DATA AT RISK, TAGS LOSE ARCHITECTURES, restarts 1 node for at most 6 min"


def test_a_preview_that_leaves_things_out_is_not_called_safe() -> None:
    changes = read_changes({**complete(), "changeSummary": {"same": 3}})
    assert risk_of(changes).line == "no risk seen, but the preview is incomplete"
    assert INCOMPLETE in screen(changes)


SOUND: dict[str, Any] = {
    "image": f"repo/skycoin@{A}",
    "user": "10000:10000",
    "readOnly": True,
    "capabilities": {"drops": ["ALL"]},
    "securityOpts": ["no-new-privileges"],
}
"""Inputs of a container that break no rule."""


@pytest.mark.parametrize(
    ("steps", "code"),
    [
        ([], 0),
        ([replaced(**LIMITS, **SOUND)], 0),
        ([tags({"amd64": A}, {"amd64": B})], 0),
        ([tags({"amd64": A, "arm32v5": A}, {"amd64": A})], AT_RISK),
    ],
    ids=["nothing", "restart", "moved tag", "lost architecture"],
)
def test_the_exit_code_follows_from_the_risk(steps: list[Any], code: int, skyinfra: Skyinfra) -> None:
    """test_review.py and test_review_options.py test a refusal, a wallet at risk, and a missing preview."""
    given = json.dumps(complete(*steps))
    assert skyinfra("review", "-s", "mine", "--preview", "-", given=given).code == code


# Tags


def test_a_tag_shows_its_target_its_next_target_and_the_architectures_gained_and_lost() -> None:
    old = {"amd64": f"r/x@{A}", "arm32v5": f"r/x@{A}", "arm32v7": f"r/x@{A}"}
    new = {"amd64": f"r/x@{B}", "arm32v7": UNKNOWN, "arm64v8": UNKNOWN}
    lines = rendered(tags(old, new)).splitlines()
    said = (
        "moves to what would be built for arm32v7, arm64v8, `x@bbbbbbbbbbbb` (amd64); gains arm64v8; "
        "**loses arm32v5**"
    )
    why = "its variants are verified again; other architectures; a variant has another image"
    assert f"- `docker.io/skycoin/skycoin`: `latest` (now `aaaaaaaaaaaa`): {said}. Why: {why}" in lines
    row = f"| `docker.io/skycoin/skycoin:latest` | aaaaaaaaaaaa | {said} | amd64, arm32v7, arm64v8 | {why} |"
    assert row in lines
    assert lines[6].startswith("- In `docker.io/skycoin/skycoin`, arm32v5 would be gone from `latest`: ")


@pytest.mark.parametrize(
    ("outputs", "shown"),
    [
        ({"points": {"latest": B}}, "`latest` (now `bbbbbbbbbbbb`)"),
        ({"points": {"latest": ""}}, "`latest`"),
        ({"points": {}}, "`latest` (now `aaaaaaaaaaaa`)"),
        ({"failure": "503"}, "`latest`"),
    ],
    ids=["moved by somebody", "removed", "never looked at", "never written"],
)
def test_a_tags_target_is_the_one_seen_last(outputs: dict[str, Any], shown: str) -> None:
    text = rendered(tags({"amd64": A}, {"amd64": B}, **outputs))
    assert f"- `docker.io/skycoin/skycoin`: {shown}: moves" in text


# Nodes that stop


def test_the_duration_of_the_last_replacement_is_shown_if_the_state_has_it() -> None:
    known, unknown = replaced(**LIMITS), replaced("shed", **LIMITS)
    known["oldState"]["outputs"] = {"lastReplacement": 75}
    lines = rendered(known, unknown).splitlines()
    names = (
        "node `skycoin-attic` on host attic (last replacement: 1 min 15 s), "
        "node `skycoin-shed` on host shed (last replacement: unknown)"
    )
    assert any(line.startswith("- At most 6 min (") and names in line for line in lines)
    assert any(line.startswith("| skycoin-attic | attic | replaced, at most 6 min ") for line in lines)
    assert any("| 1 min 15 s |" in line for line in lines)


SETS = "READ,TXN,STATUS,NET_CTRL,PROMETHEUS,STORAGE"
PORTS = [{"internal": 6420, "external": 6420, "ip": "127.0.0.1"}]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            {"command": ["-disable-networking"]},
            {"command": ["-port=6000"]},
            "network: none → mainnet (**it joins the public network**)",
        ),
        (
            {"command": ["-port=6000", "-x=1"]},
            {"command": ["-disable-networking", "-x=1"]},
            "network: mainnet → none (it leaves the public network)",
        ),
        (
            {"command": ["-enable-api-sets=READ", "-host-whitelist=a"]},
            {"command": ["-enable-api-sets=READ,TXN", "-enable-gui", "-host-whitelist=b"]},
            "api-sets: READ → READ,TXN; gui: none → on",
        ),
        (
            {"command": [f"-enable-api-sets={SETS}"]},
            {"command": [f"-enable-api-sets={SETS},INSECURE_WALLET_SEED,DEPRECATED_WALLET_SPEND"]},
            f"api-sets: {SETS} → {SETS},INSECURE_WALLET_SEED,DEPRECATED_WALLET_SPEND (**the API can then "
            "give away seeds and spend from wallets**)",
        ),
        (
            {"command": [f"-enable-api-sets={SETS},INSECURE_WALLET_SEED"]},
            {"command": ["-enable-api-sets=READ,INSECURE_WALLET_SEED"]},
            f"api-sets: {SETS},INSECURE_WALLET_SEED → READ,INSECURE_WALLET_SEED",
        ),
        ({"command": ["-a"]}, {"command": ["-b=<1>"]}, "args: -a → -b=&lt;1>"),
        (
            {"newWallet": False, "image": "a"},
            {"newWallet": True, "image": "b"},
            "newWallet: false → true; image: a → b",
        ),
        ({"command": ["-a"]}, {"command": UNKNOWN}, "command"),
        (
            {"ports": PORTS},
            {
                "ports": [
                    {**PORTS[0], "external": 6421},
                    {"internal": 6000, "external": 7000, "ip": "0.0.0.0"},
                ]
            },
            "peer-port: none → 0.0.0.0:7000; rpc-port: 127.0.0.1:6420 → 127.0.0.1:6421",
        ),
        (
            {"ports": PORTS[:1]},
            {"ports": []},
            "rpc-port: 127.0.0.1:6420 → its proxy's (behind a login)",
        ),
    ],
    ids=[
        "joins",
        "leaves",
        "interface",
        "wallets",
        "wallets as before",
        "further flags",
        "no setting of a container",
        "not known",
        "ports",
        "gui",
    ],
)
def test_a_nodes_change_is_described_by_its_settings(old: Any, new: Any, said: str) -> None:
    start = "- For an unknown time: node `skycoin-attic` on host here (last replacement: unknown). Why: "
    assert f"{start}{said}\n" in rendered(node("update", old, new, *old))


@pytest.mark.parametrize(
    ("flags", "said"),
    [
        (["-enable-api-sets=READ,INSECURE_WALLET_SEED"], "give away seeds"),
        (["-enable-api-sets=WALLET"], "create wallets and sign with them"),
        (["-enable-api-sets=WALLET", "-enable-gui"], ""),  # behind a login
        (["-enable-api-sets=READ,TXN"], ""),
    ],
)
def test_a_new_node_whose_api_opens_wallets_is_on_the_first_screen(flags: list[str], said: str) -> None:
    """Its wallet volume may exist already; the page said nothing of its API."""
    text = rendered(node("create", {}, {"command": flags}))
    sets = flags[0].partition("=")[2]
    line = f"- new node `skycoin-attic` on host here: api-sets: {sets} (**the API can then {said}**)\n"
    assert ("### What is opened" in text, line in text) == (bool(said), bool(said))


def nodes_with_other_flags(count: int, *flags: str) -> list[dict[str, Any]]:
    """Nodes with long names whose flags differ."""
    steps = []
    for number in range(count):
        names = {"name": f"skycoin-greenhouse-{number}-{'n' * 60}", "host": f"greenhouse-{number}-{'h' * 60}"}
        old = {**names, **LIMITS, "command": ["-enable-api-sets=READ,TXN"]}
        new = {**old, "command": [*flags, f"-x={number}"]}
        steps.append(step("update", CONTAINER, f"greenhouse-{number}-container", old, new, ("command",)))
    return steps


@pytest.mark.parametrize("count", [1, 6, 200])
def test_what_is_opened_is_never_cut_off_the_first_screen(count: int) -> None:
    """Behind six long names, or after other nodes, neither the API sets nor the network were there."""
    sets = f"{SETS},{'X' * 700},INSECURE_WALLET_SEED"
    changed = nodes_with_other_flags(count, f"-enable-api-sets={sets}", "-enable-gui")
    screen = first_screen(read_changes(complete(*changed)), "mine").text
    [line] = [line for line in screen.splitlines() if "(**the API can then give away seeds**)" in line][:1]
    assert line.startswith("- node `skycoin-greenhouse-0-nn")
    assert f": api-sets: READ,TXN → {SETS}," in line
    assert len(line) <= 600
    assert (f" and {count - 1} more: api-sets" in line) == (count > 1)


def test_the_reasons_of_a_stop_are_shown_and_its_names_are_cut() -> None:
    changed = nodes_with_other_flags(6, "-enable-api-sets=READ,TXN,STATUS")
    for one in changed:
        one["newState"]["inputs"]["command"] = ["-enable-api-sets=READ,TXN,STATUS"]
    screen = first_screen(read_changes(complete(*changed)), "mine").text
    assert "…. Why: api-sets: READ,TXN → READ,TXN,STATUS\n" in screen


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            ["-enable-api-sets=READ,WALLET", "-enable-gui"],
            ["-enable-api-sets=READ,WALLET"],
            "gui: on → none (**the API can then create wallets and sign with them**)",
        ),
        (
            ["-enable-api-sets=READ"],
            ["-enable-api-sets=READ", "--enable-api-sets=READ,INSECURE_WALLET_SEED"],
            "api-sets: READ → READ,INSECURE_WALLET_SEED (**the API can then give away seeds**)",
        ),
        (
            ["-a"],
            ["-a", "-enable-all-api-sets"],
            "all api-sets: none → on (**the API can then create wallets and sign with them**)",
        ),
        (
            ["-disable-networking"],
            ["-disable-networking", "--disable-networking=false"],
            "network: none → mainnet (**it joins the public network**)",
        ),
    ],
    ids=["login", "twice", "all", "no longer offline"],
)
def test_a_node_is_opened_by_flags_as_it_reads_them(old: list[str], new: list[str], said: str) -> None:
    """Go takes `-x` and `--x`, and of two flags the last one. None of this was named."""
    text = rendered(node("update", {"command": old}, {"command": new}, "command"))
    assert f"### What is opened\n\n- node `skycoin-attic` on host here: {said}\n" in text


def exporter(op: str, old: list[Any] | None, new: Any, *paths: str) -> dict[str, Any]:
    """A container beside a node, with published ports."""
    before = {"name": "skycoin-exporter", **({} if old is None else {"ports": old})}
    after = {"name": "skycoin-exporter", "ports": new}
    return step(op, EXPORTER_CONTAINER, "attic-exporter", before if op != "create" else None, after, paths)


HERE_ONLY = {"internal": 7979, "external": 7979, "ip": "127.0.0.1"}
OPEN = "port 7979: 127.0.0.1:7979 → 0.0.0.0:7979"
REACHED = "(**other machines can reach it**)"


@pytest.mark.parametrize(
    ("old", "new", "why", "opened"),
    [
        ([HERE_ONLY], [{**HERE_ONLY, "ip": "0.0.0.0"}], OPEN, OPEN),
        ([HERE_ONLY], [{"internal": 7979, "external": 7979}], OPEN, OPEN),
        ([HERE_ONLY], [{**HERE_ONLY, "ip": "::"}], "port 7979: 127.0.0.1:7979 → [::]:7979", "port 7979: 127"),
        (
            [HERE_ONLY],
            [{"internal": 7979, "ip": "192.168.1.7"}, HERE_ONLY],
            "port 7979: 127.0.0.1:7979 → 127.0.0.1:7979, 192.168.1.7:any port",
            "port 7979: 127.0.0.1:7979 → 127.0.0.1:7979, 192.168.1.7:any port",
        ),
        ([], [{**HERE_ONLY, "ip": "lan"}], "port 7979: none → lan:7979", "port 7979: none → lan:7979"),
        ([HERE_ONLY], [{**HERE_ONLY, "external": 1}], "port 7979: 127.0.0.1:7979 → 127.0.0.1:1", ""),
        ([HERE_ONLY], [{**HERE_ONLY, "ip": "::1"}], "port 7979: 127.0.0.1:7979 → [::1]:7979", ""),
        ([{**HERE_ONLY, "ip": "0.0.0.0"}], [], "port 7979: 0.0.0.0:7979 → none", ""),
        ([HERE_ONLY], UNKNOWN, "ports", ""),
    ],
)
@pytest.mark.parametrize("path", ["ports", "ports[0].ip"])
def test_a_container_that_other_machines_can_reach_from_now_on_is_on_the_first_screen(
    old: list[Any], new: Any, why: str, opened: str, path: str
) -> None:
    """“Why: ports” was all that the page said of a registry that listens on every address."""
    text = rendered(exporter("replace", old, new, path))
    assert f". Why: {why}\n" in text or f". Why: {path}\n" in text
    start = f"### What is opened\n\n- container `skycoin-exporter` on host here: {opened}"
    assert ("### What is opened" in text, start in text) == (bool(opened), bool(opened))
    assert (REACHED in text) == bool(opened)


def test_a_new_container_that_other_machines_can_reach_is_on_the_first_screen() -> None:
    text = rendered(exporter("create", None, [{**HERE_ONLY, "ip": "0.0.0.0"}]))
    said = f"- new container `skycoin-exporter` on host here: port 7979: 0.0.0.0:7979 {REACHED}\n"
    assert f"### What is opened\n\n{said}" in text
    assert "### What is opened" not in rendered(exporter("create", None, [HERE_ONLY]))


def test_a_value_that_may_be_a_secret_is_not_shown() -> None:
    secret = {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "ciphertext": "v1:abc"}
    old, new = {"buildArgs": {"TOKEN": "[secret]"}}, {"buildArgs": {"TOKEN": secret}}
    text = rendered(step("update", IMAGE, "skycoin-amd64-image", old, new, ("buildArgs",)))
    assert "TOKEN: [secret] → not shown" in text


# Limits


def crowd(count: int) -> dict[str, Any]:
    """A preview with `count` changes of every kind, and names as long as Docker takes them."""
    steps = [build("amd64", X="1")]
    for number in range(count):
        name = f"{number:03}-{'n' * 200}"
        lost = step("delete", VOLUME, f"{name}-wallet", {"name": f"{name}-wallet"})
        lost["oldState"]["retainOnDelete"] = False
        tag = tags({"amd64": A, "arm32v5": A}, {"amd64": UNKNOWN})
        tag["urn"] += str(number)
        tag["newState"]["inputs"]["tag"] = name
        container = replaced(name, stopTimeout=60, waitTimeout=number)
        kept = step("delete", VOLUME, f"{name}-data", {"name": f"{name}-data"})
        steps += [lost, tag, container, kept]
    warnings = [{"severity": "warning", "message": f"host {number} is away " * 30} for number in range(count)]
    return complete(*steps, diagnostics=warnings)


FAULT = {"severity": "error", "message": "\n".join(f"{line} ``` is wrong" * 9 for line in range(300))}


@pytest.mark.parametrize("count", [1, 3, 10, 300])
@pytest.mark.parametrize("faults", [[], [FAULT]], ids=["sound", "refused"])
def test_the_first_screen_and_the_page_keep_their_limits(count: int, faults: list[Any]) -> None:
    preview = crowd(count)
    preview["diagnostics"] += faults
    changes = read_changes(preview)
    text, first = page(changes, "s" * 100), first_screen(changes, "s" * 100).text
    assert len(first) <= LIMIT == 4000
    assert len(text) <= PAGE == 60_000
    assert text.startswith(first), "it is whole, and comes first"
    for title in (
        "What can be lost",
        "What stops, and for how long",
        "What is built, and why",
        "Published tags",
        "Volumes",
        "Warnings",
    ):
        assert f"\n### {title}\n" in first
    assert text.count("<details>") == text.count("</details>")
    if count != 10:
        assert ("**Cut here: " in text) is (count == 300)


def test_a_shortened_list_counts_the_missing_lines_and_is_complete_in_the_details() -> None:
    changes = read_changes(crowd(10))
    first = first_screen(changes, "mine").text
    shown = sum(line.startswith("- The wallet volume") for line in first.splitlines())
    assert 0 < shown < 10
    more = 10 + 1 - shown  # with the line on the tags
    assert f"\n- … and {more} more, in the details below\n" in first
    whole = page(changes, "mine").removeprefix(first)
    assert sum(line.startswith("- The wallet volume") for line in whole.splitlines()) == 10


def test_a_first_screen_with_room_repeats_nothing() -> None:
    changes = read_changes(complete(replaced(**LIMITS)))
    assert first_screen(changes, "mine").cut == ()
    assert NOTHING_LOST in screen(changes)


def test_an_error_can_not_end_its_code_block() -> None:
    said = [{"severity": "error", "message": "```\n</details> <!--"}]
    text = page(read_changes(complete(diagnostics=said)), "mine")
    assert "\n````\n```\n</details> <!--\n````\n" in text


def test_a_warning_hides_nothing_behind_a_comment() -> None:
    said = [{"severity": "warning", "message": "host <!-- a"}]
    assert "- host &lt;!-- a\n" in page(read_changes(complete(diagnostics=said)), "mine")


def test_a_backup_that_falls_short_is_on_the_first_screen() -> None:
    text = first_screen(read_changes(complete()), "mine", [("attic", "**none**"), ("shed", "1 h")]).text
    assert text.endswith("### Warnings\n\n- newest backup of attic: **none**\n")


def test_space_is_shared_and_unused_space_is_given_to_the_others() -> None:
    assert shares([10, 500, 400], 700) == [10, 345, 345]
    assert shares([10, 20], 700) == [10, 20]
    assert shares([], 700) == []
    lines = ["a" * 9, "b" * 9, "c" * 9]
    assert fit_lines(lines, 30, str) == lines
    assert fit_lines(lines, 29, str) == [*lines[:2], "1"]
    assert length(fit_lines(lines, 15, str)) <= 15
    assert fit_lines(["aaa", "bbb", "ccc"], 6, str) == ["aaa", "2"], "what just fits is shown"


# The graph


def test_the_graph_connects_changes_across_unchanged_resources() -> None:
    image, moved, container = build("amd64", X="1"), tags({}, {"amd64": UNKNOWN}), replaced()
    pulled = step("same", "skycoin:index:PulledImage", "attic-pulled", {}, {})
    moved["newState"]["dependencies"] = [image["urn"]]
    pulled["newState"]["dependencies"] = [moved["urn"]]
    container["newState"]["dependencies"] = [pulled["urn"], "urn:not:there"]
    changes = read_changes(complete(container, pulled, moved, image))
    assert changes.graph == Graph(
        (
            "image skycoin: 1 variant",
            "docker.io/skycoin/skycoin: 1 tag",
            "skycoin-attic on attic: replaced",
        ),
        ((0, 1), (1, 2)),
    )
    assert "```mermaid\ngraph LR\n" in page(changes, "mine")


def test_a_volume_that_would_be_lost_is_in_the_graph_and_a_kept_one_is_not() -> None:
    lost = step("delete", VOLUME, "attic-wallet", {"name": "skycoin-attic-wallet"})
    lost["oldState"]["retainOnDelete"] = False
    kept = step("delete", VOLUME, "attic-data", {"name": "skycoin-attic-data"})
    assert read_changes(complete(lost, kept)).graph.boxes == (
        "volume skycoin-attic-wallet: removed, DATA LOST",
    )


def test_a_graph_without_edges_shows_nothing() -> None:
    assert mermaid(Graph(("a", "b"))) == []


def test_a_graph_has_fifty_boxes_at_most_and_counts_the_others() -> None:
    boxes = tuple(f"box {number}" for number in range(200))
    edges = tuple((0, number) for number in range(1, 200))
    lines = mermaid(Graph(boxes, edges))
    assert sum('["' in line for line in lines) == BOXES == 50
    assert lines[49] == '  b49["and 151 more"]'
    assert lines[-1] == "  b0 --> b49"
    assert sum("-->" in line for line in lines) == 49
    assert sum('["' in line for line in mermaid(Graph(boxes[:50], edges[:1]))) == 50


def test_a_name_can_not_end_its_label() -> None:
    assert mermaid(Graph(('a"]<b>#\n`' + "x" * 99, "c"), ((0, 1),)))[0] == f"  b0[\"a']‹b›＃ '{'x' * 50}…\"]"
    assert (
        mermaid(Graph((r"&lt; %%{init} $$x$$ \n", "c"), ((0, 1),)))[0]
        == '  b0["＆lt; ％％{init} ＄＄x＄＄ ＼n"]'
    )
