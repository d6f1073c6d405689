"""The review page of a preview. The previews are from pulumi 3.259, reduced to what is read."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from catalogue.arch import ARCHES
from catalogue.exit_codes import FAILED, REFUSED
from review.causes import SAVED, Cause
from review.changes import Rebuild, read_changes
from review.complete import PreviewError
from review.first_screen import FAILS, NOTHING_LOST, PULLS
from review.markdown import ENDLESS, LIMIT, page
from review.summary import summary
from review.values import difference
from tests.unit.command_line import Skyinfra
from tests.unit.previews import complete
from tests.unit.yaml_like import DIGEST

IMAGE = "skycoin:index:Image$skycoin:index:Variant$docker-build:index:Image"
TAG = "skycoin:index:Image$skycoin:index:ManifestList$skycoin:index:Tag"
CONTAINER = "skycoin:index:Node$skycoin:index:NodeContainer"
EXPORTER_CONTAINER = "skycoin:index:Exporter$docker:index/container:Container"
VOLUME = "skycoin:index:Node$docker:index/volume:Volume"
PREFLIGHT = "skycoin:index:Node$skycoin:index:Preflight"
HERE = "urn:pulumi:release::skycoin::pulumi:providers:docker::here::6ed0fd"
KEPT = {"protect": True, "retainOnDelete": True, "provider": HERE}
"""Options of a wallet volume; on other resources, they have no effect here."""
LIMITS: Mapping[str, Any] = {"stopTimeout": 60, "waitTimeout": 300}


def step(
    op: str,
    kind: str,
    name: str,
    old: Mapping[str, Any] | None = None,
    new: Mapping[str, Any] | None = None,
    paths: tuple[str, ...] = (),
) -> dict[str, Any]:
    return {
        "op": op,
        "urn": f"urn:pulumi:release::skycoin::{kind}::{name}",
        **({"oldState": {"inputs": old, **KEPT}} if old is not None else {}),
        **({"newState": {"inputs": new, **KEPT}} if new is not None else {}),
        "detailedDiff": {path: {"kind": "update", "inputDiff": True} for path in paths} or None,
    }


def build(arch: str, op: str = "update", **arguments: str) -> dict[str, Any]:
    old, new = {"buildArgs": {"LAYERS": "2"}}, {"buildArgs": {"LAYERS": "2", **arguments}}
    return step(op, IMAGE, f"skycoin-{arch}-image", old, new, ("buildArgs",))


def tag(name: str, op: str, *, immutable: bool = False) -> dict[str, Any]:
    inputs = {
        "repository": "docker.io/skycoin/skycoin",
        "tag": name,
        "immutable": immutable,
        "variants": [{"arch": arch} for arch in ("amd64", "arm32v7")],
    }
    old, new = (inputs if op != "create" else None), (inputs if op != "delete" else None)
    return step(op, TAG, f"skycoin-hub-{name}-tag", old, new, ("variants",))


def node(op: str, old: Mapping[str, Any], new: Mapping[str, Any], *paths: str) -> dict[str, Any]:
    name = {"name": "skycoin-attic"}
    return step(op, CONTAINER, "attic-container", {**name, **old}, {**name, **new}, paths)


def rendered(*steps: Mapping[str, Any]) -> str:
    return page(read_changes(complete(*steps)), "release")


def test_nothing_changes() -> None:
    same = [build("amd64", op="same"), tag("latest", "same"), step("read", PREFLIGHT, "x")]
    assert rendered(*same) == "## Stack release: safe\n\nNothing changes.\n"


def test_variants_that_are_built_for_the_same_reason_are_one_row_in_the_tables_order() -> None:
    """Four variants are built for one argument and the fifth for another, so there are two rows."""
    steps = [build(arch, LAYERS="1") for arch in sorted(ARCHES, reverse=True) if arch != "arm32v6"]
    changes = read_changes(complete(*steps, build("arm32v6", EXTRA="x|y")))
    assert changes.rebuilds == (
        Rebuild(
            image="skycoin",
            arches=("amd64", "arm32v5", "arm32v7", "arm64v8"),
            causes=(Cause("LAYERS: 2 → 1"),),
        ),
        Rebuild(image="skycoin", arches=("arm32v6",), causes=(Cause("EXTRA: none → x|y"),)),
    )
    assert summary(changes) == "5 variants rebuilt"
    assert "| skycoin | arm32v6 | EXTRA: none → x\\|y |" in page(changes, "release")


@pytest.mark.parametrize("name", ["extra", "extra-image", "skycoin-sparc-image"])
def test_every_build_is_counted_whatever_its_name_is(name: str) -> None:
    """“Nothing changes”, said the page about a build that was called unlike all others."""
    changes = read_changes(complete(step("create", IMAGE, name, None, {})))
    assert [(rebuild.image, rebuild.arches) for rebuild in changes.rebuilds] == [
        (name, ("an unknown architecture",))
    ]
    assert summary(changes) == "1 variant rebuilt"
    one = build("amd64", X="1")
    elsewhere = {**one, "urn": one["urn"].replace(IMAGE, f"house:index:Images${IMAGE}")}
    assert summary(read_changes(complete(one, elsewhere))) == "2 variants rebuilt"


def test_other_reasons_of_a_build_are_reported() -> None:
    source = step("update", IMAGE, "skycoin-amd64-image", {}, {}, ("contextHash", "labels"))
    fresh = step("create", IMAGE, "skycoin-arm32v5-image", None, {})
    one = step("update", IMAGE, "skycoin-arm32v6-image", {"buildArgs": {"A": "1"}}, {}, ("buildArgs.A",))
    assert [entry.why for entry in read_changes(complete(source, fresh, one)).rebuilds] == [
        (f"files of its folder ({SAVED})",),
        ("new",),
        ("A: 1 → none",),
    ]


def test_new_and_moving_tags_are_distinguished_and_a_withdrawn_tag_stays() -> None:
    text = rendered(tag("0.27.1", "create", immutable=True), tag("latest", "update"), tag("0.26", "delete"))
    lines = text.splitlines()
    assert lines[:3] == ["## Stack release: safe", "", "1 tag new to the stack, 1 tag moved."]
    exact = "new to the stack, then never changes; its registry was not asked"
    assert f"| `docker.io/skycoin/skycoin:0.27.1` |  | {exact} | amd64, arm32v7 | new |" in lines
    assert "| `docker.io/skycoin/skycoin:latest` |  | moves | amd64, arm32v7 |  |" in lines
    assert "- No longer in the stack, kept in the registry: `docker.io/skycoin/skycoin:0.26`" in lines


def test_a_replaced_container_has_its_reason_and_its_longest_downtime() -> None:
    old = {"image": f"repo/skycoin@{DIGEST}", "command": ["-a", "-b=1"], "memory": 1, "ports": [{"a": 1}]}
    new = {"image": UNKNOWN, "command": ["-a", "-b=2"], "memory": 2, "ports": [{"a": 2}], **LIMITS}
    text = rendered(node("update", old, new, "image", "command", "memory", "ports"))
    assert text.startswith("## Stack release: restarts 1 node for at most 6 min\n\n1 container replaced.\n")
    why = "image: skycoin@dddddddddddd → what would be built; args: -b=1 → -b=2; memory: 1 → 2 MiB; ports"
    how_long = "t most 6 min (1 min to stop, then 5 min to become healthy)"
    assert (
        f"- A{how_long}: node `skycoin-attic` on host here (last replacement: unknown). Why: {why}\n" in text
    )
    assert f"| skycoin-attic | here | replaced, a{how_long} |  | {why} |" in text
    assert f"### What can be lost\n\n{NOTHING_LOST}" in text
    assert f"{PULLS} {FAILS}" in text


def test_a_new_wallet_volume_is_reported_as_possibly_empty() -> None:
    """With `new-wallet: true`, a lost wallet looks like this: the container is replaced, on a new volume."""
    wallet = step("create", VOLUME, "attic-wallet", None, {"name": "skycoin-attic-wallet"})
    text = rendered(wallet, node("update", {}, {}, "image"))
    said = (
        "- New: wallet volume `skycoin-attic-wallet` on host here, empty unless the host has a "
        "volume of that name"
    )
    assert said in text.splitlines()


def test_an_exporter_that_is_replaced_has_no_wallet() -> None:
    exporter = step("replace", EXPORTER_CONTAINER, "attic-exporter-container", {}, {}, ("image",))
    text = rendered(exporter)
    assert "a node's wallet" not in text
    assert "restarts 1 other container for an unknown time\n" in text


def test_the_steps_of_one_replacement_are_one_row() -> None:
    operations = ("create-replacement", "replace", "delete-replaced")
    steps = [
        step(op, EXPORTER_CONTAINER, "x", {"name": "skycoin-attic"}, {"name": "skycoin-attic"})
        for op in operations
    ]
    [restart] = read_changes(complete(*steps)).restarts
    assert (restart.container, restart.op) == ("skycoin-attic", "replace")


def test_the_pending_delete_of_an_interrupted_replacement_is_not_a_change() -> None:
    left = step("delete-replaced", TAG, "skycoin-hub-latest-tag", {"tag": "latest"})
    assert rendered(left) == "## Stack release: safe\n\nNothing changes.\n"


def test_a_container_changed_in_place_is_a_change() -> None:
    text = rendered(node("update", {"memory": 1}, {"memory": 2}, "memory"))
    assert text.startswith("## Stack release: safe\n")
    assert "| skycoin-attic | here | changed in place |  | memory: 1 → 2 MiB |" in text


@pytest.mark.parametrize("path", ["image", "command[3]", "healthcheck.retries", "ports"])
def test_an_update_that_a_running_container_can_not_get_is_a_replacement(path: str) -> None:
    assert "| skycoin-attic | here | replaced |" in rendered(node("update", {}, {}, path))


def test_a_resource_of_an_earlier_version_that_only_leaves_the_state_is_not_a_change() -> None:
    left = step("delete", "skycoin:index:Node$skycoin:index:WalletBackup", "attic-wallet-backup", {})
    assert rendered(left) == "## Stack release: safe\n\nNothing changes.\n"


def test_new_and_removed_containers_are_counted_apart() -> None:
    new = step("create", CONTAINER, "shed-container", None, {"name": "skycoin-shed"})
    gone = step("delete", CONTAINER, "attic-container", {"name": "skycoin-attic"})
    text = rendered(new, gone)
    assert text.startswith(
        "## Stack release: stops 1 node for good\n\n1 container new, 1 container removed.\n"
    )
    assert "- For good: node `skycoin-attic` on host here\n" in text
    assert "| skycoin-attic | here | removed |  |" in text


def test_a_volume_that_would_be_removed_is_reported_first() -> None:
    gone = step("delete", VOLUME, "attic-wallet", {"name": "skycoin-attic-wallet"})
    gone["oldState"]["retainOnDelete"] = False
    text = rendered(build("amd64", X="1"), gone)
    assert text.splitlines()[:7] == [
        "## Stack release: WALLET AT RISK",
        "",
        "1 variant rebuilt.",
        "",
        "### What can be lost",
        "",
        "- The wallet volume `skycoin-attic-wallet` on host here would be removed, with its data.",
    ]


def test_a_kept_volume_that_leaves_the_stack_and_a_changed_one_are_not_a_loss() -> None:
    kept = step("delete", VOLUME, "attic-wallet", {"name": "skycoin-attic-wallet"})
    changed = step("update", VOLUME, "attic-data", {"name": "skycoin-attic-data"}, {}, ("labels",))
    first, *lines = rendered(kept, changed).splitlines()
    assert first == "## Stack release: safe"
    assert (
        "- Kept: wallet volume `skycoin-attic-wallet` on host here, and its copies in "
        "`skycoin-attic-wallet-backups`, leaves the stack, and stays on its host"
    ) in lines
    assert "- Changed in place: volume `skycoin-attic-data` on host here" in lines


def test_a_new_volume_is_not_an_alarm() -> None:
    assert "RISK" not in rendered(step("create", VOLUME, "attic-wallet", None, {}))


def test_other_resources_are_counted() -> None:
    """Before, the title had the number of table rows."""
    new = [step("create", PREFLIGHT, name, None, {}) for name in ("a", "c")]
    text = rendered(*new, step("update", PREFLIGHT, "b", {}, {}))
    assert text.startswith("## Stack release: safe\n\nNothing rebuilt, published or restarted.\n")
    assert "<summary>Other resources (verifications, networks, providers …): 3</summary>" in text
    assert "| new | 2 |\n| changed in place | 1 |\n" in text


def test_a_refused_preview_shows_what_was_refused_and_not_its_aftermath() -> None:
    said = [
        {"severity": "error", "message": "error: 0.27.1 is published as sha256:1\n"},
        {"severity": "error", "message": "error: Preview failed: 0.27.1 is published as sha256:1\n"},
        {
            "severity": "error",
            "message": "an unhandled error occurred: program exited with non-zero exit code: 1",
        },
        {"severity": "warning", "message": "something else"},
    ]
    changes = read_changes(complete(diagnostics=said))
    assert changes.faults == ("0.27.1 is published as sha256:1",)
    assert page(changes, "release").startswith("## Stack release: refused\n\n### `pulumi up` would stop")


def errors(*messages: str) -> list[dict[str, str]]:
    return [{"severity": "error", "message": f"error: {message}\n"} for message in messages]


def test_a_refusal_of_a_provider_is_not_followed_by_the_engines_own_words_for_it() -> None:
    """Pages of the real engine used to end the refusal with `preview failed`."""
    changes = read_changes(complete(diagnostics=errors("the wallet is gone", "preview failed")))
    assert changes.faults == ("the wallet is gone",)
    alone = read_changes(complete(diagnostics=errors("preview failed")))
    assert alone.faults == ("preview failed",), "or the page would call it safe"


def test_a_refusal_that_ended_the_preview_before_any_change_says_so() -> None:
    """The page used to announce changes below, and there were none."""
    diagnostics = errors("the wallet is gone")
    assert page(read_changes(complete(diagnostics=diagnostics)), "mine") == (
        "## Stack mine: refused\n\n### `pulumi up` would stop with this, and change nothing\n\n"
        "```\nthe wallet is gone\n```\n\nThe preview stopped at this error before it reached any change.\n"
    )
    more = read_changes(complete(step("create", PREFLIGHT, "a", None, {}), diagnostics=diagnostics))
    assert "\nBelow are the changes `up` would make without this error, as far as the preview got.\n" in page(
        more, "mine"
    )


def test_a_long_refusal_is_broken_into_lines_but_no_command_and_no_excerpt() -> None:
    """A forge shows such a block without wrapping: what to do was outside the window."""
    command = "`./skyinfra wallet restore attic FILE -s fleet`"
    excerpt = f"    {'wallet ' * 20}".rstrip()
    fault = f"{'It held a wallet. ' * 5}{command} brings it back.\n{excerpt}\n{'x' * 120}"
    lines = page(read_changes(complete(diagnostics=errors(fault))), "mine").splitlines()
    assert lines[lines.index("```") + 1 :][:4] == [
        ("It held a wallet. " * 5).strip(),
        f"{command} brings it back.",
        excerpt,
        "x" * 120,
    ]


def test_each_warning_is_on_the_page_once() -> None:
    """A warning is a finding of a host's checks, or says that the host does not answer."""
    said = "host attic does not answer at ssh://pi@attic.lan: no route.\nWhat `up` would find is not known."
    warning = {"severity": "warning", "message": f"warning: {said}\n"}
    changes = read_changes(complete(diagnostics=[warning, warning, {"message": "said in passing"}]))
    assert page(changes, "mine") == (
        "## Stack mine: safe\n\nNothing changes.\n\n### Warnings\n\n- host attic does not answer at "
        "ssh://pi@attic.lan: no route. What `up` would find is not known.\n"
    )


def test_input_that_is_not_a_preview_is_refused() -> None:
    with pytest.raises(PreviewError, match="no steps"):
        read_changes({"images": {}})


@pytest.mark.parametrize(
    "given",
    [
        "",
        "[]",
        "{}",
        b"\xff\xfe\xfd",
        '{"steps": [{"op": "create"}]}',
        '{"steps": [{"op": "create", "urn": "x", "newState": {"inputs": {}}}]}',
        '{"steps": ["x"]}',
        pytest.param("[" * 100_000, id="deep"),  # before, an internal error
    ],
)
def test_the_command_names_the_input_that_it_requires(given: str | bytes, skyinfra: Skyinfra) -> None:
    ran = skyinfra("review", "-s", "release", "--preview", "-", given=given)
    said = "The input is not a preview: give it the output of `pulumi preview --json --show-sames`."
    assert ran.code == FAILED == 1
    assert ran.out == f"## Stack release: no preview\n\nNothing is known about this change. {said}\n"
    assert ran.err == f"error: {said}\n"


def test_the_command_prints_the_page(skyinfra: Skyinfra) -> None:
    given = json.dumps(complete(tag("latest", "update")))
    ran = skyinfra("review", "-s", "release", "--preview", "-", given=given)
    assert ran.code == 0
    assert ran.out.startswith("## Stack release: safe\n\n1 tag moved.\n")


def test_text_that_does_not_fit_on_a_page_is_in_the_file_of_the_complete_page(
    skyinfra: Skyinfra, tmp_path: Path
) -> None:
    steps = [tag(f"{number:03}-{'n' * 100}", "update") for number in range(400)]
    for number, one in enumerate(steps):
        one["urn"] += str(number)
    file = tmp_path / "whole.md"
    asked = ["review", "-s", "release", "--preview", "-"]
    ran = skyinfra(*asked, "--whole", str(file), given=json.dumps(complete(*steps)))
    [cut] = [line for line in ran.out.splitlines() if line.startswith("**Cut here: ")]
    shown = ran.out.count("\n| `")
    said = "A review has at most 60,000 characters; the complete page is the file `whole.md`."
    assert cut == f"**Cut here: {400 - shown} more lines. {said}**"
    assert len(ran.out) <= LIMIT
    text = file.read_text()
    assert len(text) > LIMIT
    assert text.count("\n| `") == 400
    assert "**Cut here" not in text
    first, end = ran.out.partition("<details>")[0], ran.out[-100:]
    assert text.startswith(first)
    assert text.endswith(end)
    plain = skyinfra(*asked, given=json.dumps(complete(*steps))).out
    assert "60,000 characters; `--whole FILE` writes the complete page.**" in plain


def test_a_single_line_that_does_not_fit_is_one_line() -> None:
    steps = [tag(f"{number:03}-{'n' * 1000}", "update") for number in range(40)]
    for number, one in enumerate(steps):
        one["urn"] += str(number)
    changes = read_changes(complete(*steps))
    whole = page(changes, "mine", limit=ENDLESS)
    assert "**Cut here: 1 more line. A review" in page(changes, "mine", limit=len(whole) - 1)


def test_a_page_that_is_not_shortened_is_the_complete_page(skyinfra: Skyinfra, tmp_path: Path) -> None:
    given, file = json.dumps(complete(tag("latest", "update"))), tmp_path / "whole.md"
    ran = skyinfra("review", "-s", "release", "--preview", "-", "--whole", str(file), given=given)
    assert file.read_text() == ran.out


def test_a_refused_preview_has_a_page_and_an_exit_code_of_its_own(skyinfra: Skyinfra) -> None:
    refused = {"steps": [], "diagnostics": [{"severity": "error", "message": "the tag is taken"}]}
    ran = skyinfra("review", "-s", "release", "--preview", "-", given=json.dumps(refused))
    assert ran.code == REFUSED
    assert ran.out.startswith("## Stack release: refused\n")
    assert "the tag is taken" in ran.out


@pytest.fixture
def plain(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a `pulumi` that prints $ANSWER, exits with $CODE, and writes a salt as the real one does."""
    program = tmp_path / "bin" / "pulumi"
    program.parent.mkdir()
    program.write_text(
        '#!/bin/sh\necho "$1" >> "${0%/*}/commands"\n'
        '[ "$1" = preview ] && { echo "$@" > "${0%/*}/asked"; env > "${0%/*}/env"; }\n'
        "while [ $# -gt 0 ]; do\n"
        '[ "$1" = --config-file ] && echo encryptionsalt: x >> "$2"; shift\ndone\n'
        'printf %s "$ANSWER"\nexit "${CODE:-0}"\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:/usr/bin:/bin")
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    monkeypatch.setattr("local.stacks.files.PROJECT", tmp_path)
    (tmp_path / "stacks").mkdir()
    monkeypatch.setenv("ANSWER", json.dumps(complete()))
    return program.parent


def test_a_stack_without_a_file_is_not_previewed(plain: Path, skyinfra: Skyinfra) -> None:
    """Pulumi would take the file for empty, and all resources for removed."""
    ran = skyinfra("review", "-s", "other")
    assert ran.code == FAILED
    assert "error: There is no stack 'other': stacks/Pulumi.other.yaml does not exist.\n" in ran.err
    assert not (plain / "asked").exists()


def test_a_container_that_a_refresh_did_not_find_is_called_gone() -> None:
    """The page used to call such a container new, without a reason."""
    found = step("refresh", CONTAINER, "attic-container", {"name": "skycoin-attic"})
    text = rendered(found, {**found, "op": "create", "oldState": None, "newState": found["oldState"]})
    assert text.startswith("## Stack release: safe\n\n1 container new.\n")
    gone = "- node `skycoin-attic` on host here: gone from its host, and would be created again\n"
    assert f"### Warnings\n\n{gone}" in text
    assert "| skycoin-attic | here | new |  | gone from its host |" in text


def test_a_container_that_is_gone_shows_what_differs_when_it_is_created_again() -> None:
    """The page had no word about its new API sets, network and flags, under the line `safe`."""
    flags = ["-enable-api-sets=READ", "-disable-networking"]
    found = node("refresh", {"command": flags, "__defaults": []}, {}) | {"newState": None}
    wider = ["-enable-api-sets=READ,INSECURE_WALLET_SEED", "-port=6000", "-log-level=debug"]
    text = rendered(found, node("create", {}, {"command": wider}) | {"oldState": None})
    joins = "network: none → mainnet (**it joins the public network**)"
    sets = "api-sets: READ → READ,INSECURE_WALLET_SEED (**the API can then give away seeds**)"
    name = "- node `skycoin-attic` on host here: "
    again = f"{name}gone from its host, and would be created again, with other settings: "
    args = "args: none → -log-level=debug"
    assert f"### What is opened\n\n{name}{joins}\n{name}{sets}\n" in text
    assert f"### Warnings\n\n{again}{joins}; {sets}; {args}\n" in text
    assert f"| new |  | gone from its host; {joins}; {sets}; {args} |" in text


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("1" * 40, f"{'2' * 40}-dirty", f"X: {'1' * 12} → {'2' * 12}-dirty"),
        (None, True, "X: none → true"),
        (None, None, "X"),
        ({"a": 1}, True, "X"),
    ],
)
def test_a_difference_is_short_and_has_its_values(before: object, after: object, expected: str) -> None:
    assert difference("X", before, after) == expected
