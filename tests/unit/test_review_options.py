"""Resource options on the review page: a preview calls a step `same` even if they change."""

import json
from typing import Any

import pytest
from pulumi.runtime.rpc import UNKNOWN

from catalogue.exit_codes import AT_RISK, REFUSED
from review.changes import read_changes
from review.first_screen import NOTHING_LOST, first_screen
from review.markdown import page
from review.options import Loss, Options, read_options
from tests.unit.command_line import Skyinfra
from tests.unit.previews import complete
from tests.unit.test_review import HERE, IMAGE, TAG, VOLUME

NODE = "skycoin:index:Node"
CONTAINER = f"{NODE}$skycoin:index:NodeContainer"
PREFLIGHT = f"{NODE}$skycoin:index:Preflight"


def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:mine::skycoin::{kind}::{name}"


def state(kind: str, name: str, **options: Any) -> dict[str, Any]:
    """A resource with its options, as a preview has it."""
    return {"urn": urn(kind, name), "type": kind.rpartition("$")[2], **options}


def step(old: dict[str, Any] | None, new: dict[str, Any] | None, op: str = "same") -> dict[str, Any]:
    one = new or old or {}
    return {"op": op, "urn": one["urn"], "oldState": old, "newState": new}


def wallet(**options: Any) -> dict[str, Any]:
    given = {"protect": True, "retainOnDelete": True, "provider": HERE, **options}
    return state(VOLUME, "attic-wallet", inputs={"name": "skycoin-attic-wallet"}, **given)


def losses(*steps: dict[str, Any]) -> list[Loss]:
    return list(read_options({"steps": list(steps)}).losses)


def changes(*steps: dict[str, Any]) -> list[tuple[str, str]]:
    return list(read_options({"steps": list(steps)}).changes)


@pytest.mark.parametrize("op", ["update", "replace"])
def test_an_exact_tag_that_may_get_other_content_from_now_on_is_a_loss(op: str) -> None:
    """`kind: local` with the address of a public registry was `safe`, and overwrote a published release."""
    place = {"repository": "docker.io/skycoin/skycoin", "tag": "0.27.1", "immutable": True}
    old = state(TAG, "skycoin-hub-0.27.1-tag", inputs=place)
    moving = state(TAG, "skycoin-hub-0.27.1-tag", inputs={**place, "immutable": False})
    assert [loss.text for loss in losses(step(old, moving, op))] == [
        "The tag `docker.io/skycoin/skycoin:0.27.1` was published as an exact one, and may get other content "
        "from now on: people who have pulled it would get another image under its name."
    ]
    assert losses(step(old, old)) == losses(step(moving, moving)) == []
    elsewhere = state(
        TAG, "x", inputs={**place, "immutable": False, "repository": "registry.localhost:5443/a"}
    )
    assert losses(step(old, elsewhere, op)) == []


UNPROTECTED = (
    "The wallet volume `skycoin-attic-wallet` on host here is no longer protected: Pulumi would not "
    "refuse to take its node out of the stack, or to destroy the stack."
)
NOT_KEPT = (
    "The wallet volume `skycoin-attic-wallet` on host here is no longer kept (`retain_on_delete`): if "
    "Pulumi deletes it, its data is lost."
)


@pytest.mark.parametrize(
    ("option", "said"), [("protect", UNPROTECTED), ("retainOnDelete", NOT_KEPT)], ids=["protect", "retain"]
)
@pytest.mark.parametrize("op", ["same", "update"])
def test_a_wallet_that_loses_its_protection_is_the_first_thing_on_the_page(
    option: str, said: str, op: str, skyinfra: Skyinfra
) -> None:
    """The page used to say “nothing changes”, with exit code 0: Pulumi calls such a step `same`."""
    given = complete(step(wallet(), wallet(**{option: False}), op))
    ran = skyinfra("review", "-s", "mine", "--preview", "-", given=json.dumps(given))
    assert ran.code == AT_RISK == 5
    assert ran.out.splitlines()[:7] == [
        "## Stack mine: WALLET AT RISK, BREAKS 1 RULE",
        "",
        "Nothing rebuilt, published or restarted.",
        "",
        "### What can be lost",
        "",
        f"- {said}",
    ]


def test_a_wallet_that_never_was_protected_is_reported_too() -> None:
    bare = wallet(protect=False, retainOnDelete=False)
    for change in (step(None, bare, "create"), step(bare, bare)):
        assert [loss.text.partition(":")[0] for loss in losses(change)] == [
            "The wallet volume `skycoin-attic-wallet` on host here is not protected",
            "The wallet volume `skycoin-attic-wallet` on host here is not kept (`retain_on_delete`)",
        ]


def test_a_wallet_that_stays_protected_is_not_a_change() -> None:
    assert read_options({"steps": [step(wallet(), wallet()), step(wallet(), None, "delete")]}).losses == ()
    assert changes(step(wallet(), wallet())) == []


def test_a_lost_protection_of_an_image_a_tag_or_a_chain_is_reported_too() -> None:
    kept, free = {"retainOnDelete": True}, {"retainOnDelete": False}
    image = step(state(IMAGE, "skycoin-amd64-image", **kept), state(IMAGE, "skycoin-amd64-image", **free))
    tag = step(state(TAG, "hub-latest-tag", protect=True), state(TAG, "hub-latest-tag"))
    data = step(
        state(VOLUME, "attic-data", provider=HERE, **kept), state(VOLUME, "attic-data", provider=HERE)
    )
    assert losses(image, tag, data) == [
        Loss(
            text="The image `skycoin-amd64-image` is no longer kept (`retain_on_delete`): if it leaves the "
            "stack, Pulumi also deletes the real resource.",
            wallet=False,
        ),
        Loss(
            text="The tag `hub-latest-tag` is no longer protected: Pulumi would not refuse to delete it.",
            wallet=False,
        ),
        Loss(
            text="The volume `attic-data` on host here is no longer kept (`retain_on_delete`): if Pulumi "
            "deletes it, its data is lost.",
            wallet=False,
        ),
    ]
    text = page(read_changes(complete(data)), "mine")
    assert text.startswith("## Stack mine: DATA AT RISK\n")


def test_the_rest_of_an_interrupted_replacement_is_a_loss_if_it_is_not_kept() -> None:
    """The new volume is unchanged, and the old one is in the state to be deleted, by the next `up`."""
    same, old = step(wallet(), wallet()), wallet(retainOnDelete=False)
    said = (
        "The wallet volume `skycoin-attic-wallet` on host here, the old one of an interrupted replacement, "
        "would be removed, with its data."
    )
    for steps in ([same, step(old, None, "delete-replaced")], [step(old, None, "delete-replaced"), same]):
        assert losses(*steps) == [Loss(text=said, wallet=True)]
    assert losses(same, step(wallet(), None, "delete-replaced")) == []
    assert losses(same, step(old, None, "discard-replaced")) == []


def preflight(*, new_wallet: bool) -> dict[str, Any]:
    inputs = {"wallet": "skycoin-attic-wallet", "host": "attic", "newWallet": new_wallet}
    return state(PREFLIGHT, "attic-preflight", inputs=inputs)


@pytest.mark.case(35)
def test_a_wallet_that_is_newly_given_up_is_a_loss() -> None:
    """No other step shows it if the volume is there but empty: the container is only recorded."""
    said = (
        "The wallet volume `skycoin-attic-wallet` on host attic may be missing or empty from now on "
        "(`new-wallet: true`): `up` then accepts that its wallets are lost, and starts with none."
    )
    without, given = preflight(new_wallet=False), preflight(new_wallet=True)
    for change in (step(without, given, "update"), step(None, given, "create")):
        assert losses(change) == [Loss(text=said, wallet=True)]
        text = page(read_changes(complete(change)), "release")
        assert text.startswith("## Stack release: WALLET AT RISK\n")
        assert NOTHING_LOST not in text
    for change in (step(given, given), step(given, without, "update"), step(without, without)):
        assert losses(change) == []


def container(volume: str, target: str = "", **options: Any) -> dict[str, Any]:
    mounts = [{"type": "volume", "source": target or volume, "target": "/wallet"}]
    inputs = {"name": "skycoin-attic", "host": "attic", "wallet": volume, "mounts": mounts}
    return state(CONTAINER, "attic-container", inputs=inputs, **options)


def unmounted(node: dict[str, Any]) -> dict[str, Any]:
    return {**node, "inputs": {**node["inputs"], "mounts": []}}


@pytest.mark.parametrize(
    ("after", "other"),
    [
        (container("skycoin-purse"), "`skycoin-purse`"),
        (container("skycoin-attic-wallet", "skycoin-purse"), "`skycoin-purse`"),
        (container(UNKNOWN), "one that is not known yet"),
        (unmounted(container("skycoin-attic-wallet")), "`none`"),
    ],
    ids=["named", "mounted", "unknown", "not mounted"],
)
def test_a_node_that_gets_another_wallet_volume_is_a_loss(after: dict[str, Any], other: str) -> None:
    """The page said only that the node restarts: the old volume stays, protected, without a node."""
    before = container("skycoin-attic-wallet")
    said = (
        f"The node `skycoin-attic` on host attic would get another wallet volume, {other} in place of "
        "`skycoin-attic-wallet`: it would have other wallets, or none."
    )
    assert losses(step(before, after, "update")) == [Loss(text=said, wallet=True)]
    gone = [step(before, None, "refresh"), step(None, after, "create")]
    assert losses(*gone) == [Loss(text=said, wallet=True)], "also if its container is gone"
    assert losses(step(before, before), step(None, after, "create")) == []


def test_a_volume_that_a_refresh_did_not_find_is_a_loss() -> None:
    """The data of a hosted registry were called a new volume, under the line `safe`."""
    registry = "skycoin:index:HostedRegistry$docker:index/volume:Volume"
    data = state(registry, "own-data", inputs={"name": "own"}, provider=HERE, retainOnDelete=True)
    changed = [step(data, None, "refresh"), step(None, data, "create")]
    said = "The volume `own` on host here is gone from its host, and would be created empty."
    assert losses(*changed) == [Loss(text=said, wallet=False)]
    text = page(read_changes(complete(*changed)), "mine")
    assert text.startswith("## Stack mine: DATA AT RISK\n")
    assert "### Volumes" not in text
    found = [step(wallet(), None, "refresh"), step(None, wallet(), "create")]
    assert [loss.wallet for loss in losses(*found)] == [True]
    assert losses(step(None, data, "create")) == [], "a new one"


@pytest.mark.parametrize("op", ["replace", "create-replacement"])
def test_a_volume_that_is_replaced_is_a_loss_once(op: str) -> None:
    steps = [step(wallet(), None, "delete-replaced"), step(wallet(), wallet(), op)]
    assert losses(*steps) == [
        Loss(
            text="The wallet volume `skycoin-attic-wallet` on host here would be replaced by an empty "
            "volume.",
            wallet=True,
        )
    ]


def test_a_refresh_step_of_a_wallet_does_not_hide_its_lost_protection() -> None:
    """The step of a refresh has the state's options on both sides."""
    found = step(wallet(), wallet(), "refresh")
    assert [loss.text for loss in losses(found, step(wallet(), wallet(protect=False)))] == [UNPROTECTED]


def test_a_removed_dependency_is_a_change() -> None:
    guard, image = state(PREFLIGHT, "attic-preflight"), state(PREFLIGHT, "attic-pulled")
    waits = [guard["urn"], image["urn"]]
    old = state(CONTAINER, "attic-container", dependencies=waits)
    new = state(CONTAINER, "attic-container", dependencies=[image["urn"]])
    alone = [step(guard, guard), step(image, image)]
    assert changes(*alone, step(old, new)) == [("attic-container", "no longer waits for attic-preflight")]
    turned = state(CONTAINER, "attic-container", dependencies=waits[::-1])
    assert changes(*alone, step(old, turned)) == [], "their order says nothing"
    behind = state(PREFLIGHT, "attic-pulled", dependencies=[guard["urn"]])
    through = [step(guard, guard), step(image, behind)]
    assert changes(*through, step(old, new)) == [], "it waits through another one"
    assert changes(step(guard, None, "delete"), step(image, image), step(old, new)) == [], "that one is gone"


def test_an_order_is_followed_through_a_rename() -> None:
    former, today = state(f"{NODE}$docker:x:Y", "attic-pulled"), state(PREFLIGHT, "attic-pulled")
    old = state(CONTAINER, "attic-container", dependencies=[former["urn"]])
    new = state(CONTAINER, "attic-container", dependencies=[today["urn"]])
    assert changes(step(former, today, "update"), step(old, new)) == []
    free = state(CONTAINER, "attic-container")
    assert changes(step(former, today, "update"), step(old, free)) == [
        ("attic-container", "no longer waits for attic-pulled")
    ]


HOOKS = {"BeforeCreate": ["guard"], "AfterDelete": ["tell"]}
"""As Pulumi's engine writes them into a state and a preview."""


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ({"provider": HERE}, {"provider": HERE.replace("here", "attic")}, ["provider here → attic"]),
        ({"provider": HERE}, {"provider": HERE.replace("6ed0fd", UNPROTECTED)}, []),
        ({}, {"provider": HERE}, ["provider none → here"]),
        (
            {"resourceHooks": HOOKS},
            {},
            [
                "no longer runs the hook guard (before create)",
                "no longer runs the hook tell (after delete)",
            ],
        ),
        ({}, {"resourceHooks": {"BeforeCreate": ["guard"]}}, ["runs the hook guard (before create)"]),
        (
            {"ignoreChanges": ["driver", "labels"]},
            {"ignoreChanges": ["driver"]},
            ["no longer ignores a difference of labels"],
        ),
        ({}, {"replaceOnChanges": ["init"]}, ["is replaced from now on where this differs: init"]),
        (
            {"replaceOnChanges": ["init"]},
            {"ignoreChanges": ["driver"]},
            ["ignores from now on a difference of driver"],
        ),
        (
            {"additionalSecretOutputs": ["token"]},
            {},
            ["no longer keeps secret the output token"],
        ),
        (
            {"replacementTrigger": 1},
            {"replacementTrigger": 2, "replaceWith": [urn(NODE, "attic")]},
            [
                "is replaced from now on together with attic",
                "is replaced because its `replacement_trigger` differs",
            ],
        ),
        (
            {"deletedWith": urn(NODE, "attic")},
            {},
            ["is deleted implicitly with attic → nothing (`deleted_with`)"],
        ),
        (
            {},
            {"protect": True, "retainOnDelete": True},
            ["is protected from now on", "is kept from now on (`retain_on_delete`)"],
        ),
    ],
)
def test_changed_resource_options_are_changes(
    before: dict[str, Any], after: dict[str, Any], expected: list[str]
) -> None:
    name = "attic-network"
    assert changes(step(state(NODE, name, **before), state(NODE, name, **after))) == [
        (name, loss) for loss in expected
    ]


def test_a_provider_that_reaches_another_engine_is_a_change() -> None:
    kind = "pulumi:providers:docker"
    old, new = (state(kind, "here", inputs={"host": host}) for host in ("ssh://a", "ssh://b"))
    assert changes(step(old, new, "update")) == [("here", "reaches another engine: ssh://a → ssh://b")]
    assert changes(step(old, old)) == []


@pytest.mark.parametrize(
    ("inputs", "place"),
    [({"host": "ssh://pi@loft.lan"}, "ssh://pi@loft.lan"), ({"context": "loft"}, "context loft")],
)
def test_a_provider_that_leaves_the_environments_engine_is_a_change(
    inputs: dict[str, Any], place: str
) -> None:
    """Before, the page did not say that containers and logins would go to another machine."""
    old, new = (state("pulumi:providers:docker", "here", inputs=one) for one in ({}, inputs))
    there, back = f"that of the environment → {place}", f"{place} → that of the environment"
    assert changes(step(old, new, "update")) == [("here", f"reaches another engine: {there}")]
    assert changes(step(new, old, "update")) == [("here", f"reaches another engine: {back}")]
    screen = first_screen(read_changes(complete(step(old, new, "update"))), "mine").text
    assert f"### Warnings\n\n- host here: reaches another engine: {there}\n" in screen


def test_an_output_that_is_no_longer_secret_is_on_the_first_screen() -> None:
    """It was among the options further down, under the line `safe`."""
    before, after = state(NODE, "attic", additionalSecretOutputs=["token"]), state(NODE, "attic")
    screen = first_screen(read_changes(complete(step(before, after))), "mine").text
    said = "attic no longer keeps secret the output token: states, logs and pages may show it"
    assert f"### Warnings\n\n- {said}\n" in screen


def test_a_host_that_is_reached_elsewhere_or_otherwise_is_on_the_first_screen() -> None:
    """It was below, or nowhere, under the line `safe`: another machine may answer there, and get logins."""
    kind, strict = "pulumi:providers:docker", '["-o","StrictHostKeyChecking=yes"'
    ways = [f"{strict}]", f'{strict},"-o","UserKnownHostsFile=stacks/keys","-p","2202"]']
    inputs = [{"host": host, "sshOpts": way} for host, way in zip(("ssh://a", "ssh://b"), ways, strict=True)]
    before, after = (state(kind, "attic", inputs=one) for one in inputs)
    screen = first_screen(read_changes(complete(step(before, after, "update"))), "mine").text
    assert "### Warnings\n\n- host attic: reaches another engine: ssh://a → ssh://b\n" in screen
    said = "other ssh options: none → -o UserKnownHostsFile=stacks/keys -p 2202"
    assert f"- host attic: is reached with {said}\n" in screen


def test_a_type_that_moves_to_another_plugin_may_have_another_provider() -> None:
    old = state(f"{NODE}$docker:x:Y", "attic-container", provider=HERE)
    new = state(CONTAINER, "attic-container", provider=HERE.replace("here", "default"))
    assert changes(step(old, new, "update")) == []


def test_options_are_those_of_the_state_though_a_refresh_has_taken_the_programs() -> None:
    """It runs the program (`--run-program`), so the page said nothing of any of these."""
    name = "attic-network"
    first = state(NODE, "attic-preflight")
    before = state(NODE, name, dependencies=[first["urn"]], protect=True, resourceHooks=HOOKS)
    after = state(NODE, name)
    refresh = {**step(before, after, "refresh"), "urn": before["urn"]}
    read = read_options(complete(step(first, first), refresh, step(after, after)))
    assert [loss.text for loss in read.losses] == [
        f"The Node `{name}` is no longer protected: Pulumi would not refuse to delete it."
    ]
    assert read.changes == (
        (name, "no longer waits for attic-preflight"),
        (name, "no longer runs the hook guard (before create)"),
        (name, "no longer runs the hook tell (after delete)"),
    )
    left = {**refresh, "oldState": {**before, "delete": True}}
    assert read_options(complete(step(first, first), left, step(after, after))) == Options()


def test_changed_options_are_listed_and_counted_as_a_change() -> None:
    hook = step(state(NODE, "attic", resourceHooks=HOOKS), state(NODE, "attic", resourceHooks={}))
    text = page(read_changes(complete(hook)), "mine")
    left_out = ": whatever it checks or does is left out from now on"
    assert text == (
        "## Stack mine: safe\n\n1 resource with other options.\n\n### What can be lost\n\n"
        f"{NOTHING_LOST}\n\n### Warnings\n\n"
        f"- attic no longer runs the hook guard (before create){left_out}\n"
        f"- attic no longer runs the hook tell (after delete){left_out}\n\n"
        "<details><summary>Options: 2</summary>\n\n"
        "| resource | what changes |\n| --- | --- |\n"
        "| attic | no longer runs the hook guard (before create) |\n"
        "| attic | no longer runs the hook tell (after delete) |\n\n</details>\n"
    )


def test_a_preview_that_leaves_unchanged_resources_out_is_not_trusted_for_them() -> None:
    """Without `--show-sames`, a preview only counts unchanged resources."""
    some = {**complete(), "changeSummary": {"same": 51}}
    assert not read_options(some).complete
    assert "Not checked: the protection, order, providers and hooks of unchanged resources" in page(
        read_changes(some), "mine"
    )
    assert not read_options({**some, "steps": [step(wallet(), wallet())]}).complete
    assert read_options(complete(step(wallet(), wallet()))).complete
    assert read_options({"steps": [], "changeSummary": {"create": 1}}).complete


def test_the_exit_code_of_a_refused_preview_takes_precedence(skyinfra: Skyinfra) -> None:
    """After a refusal, `up` does nothing at all; the page still reports the lost protection."""
    given = {
        "steps": [step(wallet(), wallet(protect=False))],
        "diagnostics": [{"severity": "error", "message": "the tag is taken"}],
    }
    ran = skyinfra("review", "-s", "mine", "--preview", "-", given=json.dumps(given))
    assert ran.code == REFUSED
    assert UNPROTECTED in ran.out
