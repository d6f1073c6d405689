"""`skyinfra review` and `apply` with the real plugins: a node's setting, from its commit to its container."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from catalogue.exit_codes import OTHER
from review.approval import is_token
from tests.e2e.machine import Machine, Result

pytestmark = pytest.mark.long

NAME, PORT = "approved", 16437
NODE = f"skycoin-{NAME}"
WALLET = f"{NODE}-wallet"
TEXT = json.dumps({"meta": {"label": "precious", "type": "deterministic"}, "entries": [{"address": "2a"}]})
GROWN = TEXT.replace('{"address": "2a"}', '{"address": "2a"}, {"address": "2b"}')
FILE = "stacks/Pulumi.local.yaml"
AUTHOR = ("-c", "user.name=tests", "-c", "user.email=tests@localhost")


@pytest.fixture
def approved(up: Machine) -> Iterator[Machine]:
    """The stack with a node whose wallet the state knows, and with a commit of another flag of that node."""
    with up.another_node(NAME, PORT):
        put(up, TEXT)
        assert up.make("up").code == 0
        settings = up.settings()
        nodes = settings["skycoin:nodes"]
        up.change(
            {**settings, "skycoin:nodes": {**nodes, NAME: {**nodes[NAME], "args": ["-log-level=debug"]}}}
        )
        # The file of the stack `local` is ignored by git, that of a stack with reviews is not.
        for command in (("add", "--force", FILE), (*AUTHOR, "commit", "-q", "-m", "Another log level")):
            assert up.run("git", *command).code == 0
        yield up
        assert up.run("git", "reset", "-q", "HEAD~1").code == 0
        up.change(settings)


def put(up: Machine, text: str) -> None:
    script = 'umask 077; cat > "/wallet/a b.wlt"'
    up.pipe("docker", "exec", "-i", NODE, "sh", "-c", script, given=text.encode())


def apply(up: Machine, token: str) -> Result:
    return up.skyinfra("apply", "-s", "local", "--review", token)


def life(container: Any) -> tuple[str, str]:
    return container["Id"], container["State"]["StartedAt"]


def test_a_reviewed_setting_of_a_node_is_applied_once_and_the_node_is_handed_over_once(
    approved: Machine,
) -> None:
    """Its wallet grows after the review, which is not a difference."""
    page = approved.skyinfra("review", "-s", "local")
    assert page.code == 0, page.text
    assert "## Stack local: restarts 1 node for at most " in page.text
    assert "args: none → -log-level=debug" in page.text
    token = page.text.rpartition("Review: ")[2].partition("\n")[0].strip("`")
    assert is_token(token), page.text
    before, images = approved.inspect("container", NODE), approved.outputs()["images"]
    count, others = approved.copies(NODE), life(approved.inspect("container", "skycoin-node-1"))

    put(approved, GROWN)
    done = apply(approved, token)
    assert done.code == 0, done.text
    after = approved.inspect("container", NODE)
    assert after["Id"] != before["Id"]
    assert "-log-level=debug" in after["Args"]
    assert after["RestartCount"] == 0
    assert approved.copies(NODE) == count + 1
    assert approved.containers_with(WALLET) == [NODE]
    assert life(approved.inspect("container", "skycoin-node-1")) == others
    assert after["State"]["Health"]["Status"] == "healthy"
    assert approved.docker("exec", NODE, "cat", "/wallet/a b.wlt").text == GROWN
    assert after["Config"]["Image"] == before["Config"]["Image"]
    assert approved.outputs()["images"] == images
    assert approved.run("git", "status", "--porcelain").text == ""

    again = apply(approved, token)
    assert again.code == OTHER, again.text
    assert "error: This review was applied already, on 20" in again.text
    options = ("--refresh", "--expect-no-changes", "--run-program", "--stack", "local")
    preview = approved.pulumi("preview", *options)
    assert preview.code == 0, preview.text
    second = approved.make("up")
    assert second.code == 0, second.text
    assert " unchanged (" in second.text
    assert life(approved.inspect("container", NODE)) == life(after)
    assert approved.copies(NODE) == count + 1
