"""On one engine, a node and a workspace with a nested engine refuse each other; on a board, over ssh.

Images are empty and containers are only created, since stopped ones count too. Real workspaces:
test_workspace_open.py.
"""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

import pytest

from catalogue.neighbours import NODE_TITLES
from catalogue.titles import TITLE, with_docker
from catalogue.workspaces import DIND_CAPABILITIES, WORKSPACES
from clients.engine import connect
from clients.errors import SilentHostError
from clients.host_checks import Level
from clients.host_facts import HostError, ask_host
from clients.neighbours import nested_engines, nodes_on
from fleet.check import check
from local.machine.layout import read_layout
from local.machine.steps import SetupError
from local.workspace_place import WorkspacePlace, behind_ssh, refuse_beside_nodes
from providers.kind import URN, ProviderError, Values
from providers.skycoin.host_findings import HostFindings, planned_host
from providers.skycoin.preflight import Preflight
from providers.skycoin.workspace_preflight import WorkspacePreflight
from tests.e2e.boards import Board, lone_board
from tests.e2e.states import STATES
from tests.e2e.upgrades import make_pulumi, preview

NODE_IMAGE, DIND_IMAGE, PLAIN_IMAGE = "tests/node:1", "tests/dind:1", "tests/plain:1"
[NODE_TITLE] = NODE_TITLES
TITLES = {NODE_IMAGE: NODE_TITLE, DIND_IMAGE: with_docker(WORKSPACES["python"].title), PLAIN_IMAGE: "plain"}
RIGHTS = tuple(word for name in DIND_CAPABILITIES for word in ("--cap-add", name))
WALLET = "skycoin-one-wallet"
WORKSPACE = {"container": "skycoin-workspace-cli", "folder": "/home/me/work", "nestedEngine": True}
"""Inputs of a workspace's preflight."""


@pytest.fixture(scope="module")
def board() -> Iterator[Board]:
    """A board whose engine has three empty images, each with a title."""
    with lone_board("engine-inside", 67) as made:
        for image, title in TITLES.items():
            label = f'LABEL {TITLE}="{title}"'
            made.run(
                "sh", "-c", 'tar c -T /dev/null | docker import --change "$1" - "$2"', "sh", label, image
            )
        yield made


@contextmanager
def there(board: Board, name: str, image: str, *options: str) -> Iterator[None]:
    """Create a container without starting it, and remove it afterwards."""
    board.docker("create", "--name", name, *options, image, "sh")
    try:
        yield
    finally:
        board.docker("rm", "--volumes", name)


def inputs(board: Board, **more: object) -> Values:
    """Inputs of a resource on the board."""
    return {"host": "shed", "engine": board.engine, "sshOptions": board.ssh_options, **more}


@pytest.mark.parametrize(
    ("image", "options"),
    [(NODE_IMAGE, ()), (PLAIN_IMAGE, ("--label", "skycoin.node=urn:pulumi:other::skycoin"))],
    ids=["of 0.1.0, by its image", "by its label"],
)
def test_a_workspace_is_refused_on_a_host_with_a_node_of_any_version(
    board: Board, image: str, options: tuple[str, ...]
) -> None:
    kind, wanted = WorkspacePreflight(print), inputs(board, **WORKSPACE)
    with there(board, "skycoin-node-1", image, *options), there(board, "web", PLAIN_IMAGE):
        for act in (lambda: kind.create(wanted), lambda: kind.planned(wanted, None)):
            with pytest.raises(ProviderError, match=r"^host shed has the node skycoin-node-1, and anyone "):
                act()
        found = kind.read("shed/skycoin-workspace-cli", wanted, wanted)
        assert found is not None
        assert "has the node skycoin-node-1" in found.state["fault"]
    assert kind.create(wanted) == ("shed/skycoin-workspace-cli", wanted)


@pytest.mark.parametrize("nested", [True, False])
def test_a_folder_with_the_volumes_of_a_real_engine_is_refused(board: Board, *, nested: bool) -> None:
    kind = WorkspacePreflight(print)
    data = PurePosixPath(board.docker("info", "-f", "{{.DockerRootDir}}").strip())
    for folder in (data, data.parent, data / "volumes" / "skycoin-node-1-wallet" / "_data"):
        wanted = inputs(board, **{**WORKSPACE, "folder": str(folder), "nestedEngine": nested})
        refused = rf"^host shed: the folder {folder} is not mounted: .*{data}, "
        with pytest.raises(ProviderError, match=refused):
            kind.create(wanted)
        with pytest.raises(ProviderError, match=refused):
            kind.planned(wanted, None)
    wanted = inputs(board, **{**WORKSPACE, "folder": f"{data}-of-others", "nestedEngine": nested})
    assert kind.create(wanted)[1] == wanted


@pytest.mark.parametrize(
    ("name", "image", "options"),
    [
        ("skycoin-workspace-cli", PLAIN_IMAGE, RIGHTS),
        ("angry_knuth", DIND_IMAGE, RIGHTS),
        ("angry_knuth", DIND_IMAGE, ("--privileged",)),
    ],
)
def test_a_node_is_refused_on_a_host_with_a_workspace_with_a_nested_engine(
    board: Board, name: str, image: str, options: tuple[str, ...]
) -> None:
    """The node is refused before its wallet volume is created. `fleet check` and a refresh report it too."""
    URN.set("urn:pulumi:fleet::skycoin::skycoin:index:Node$skycoin:index:Preflight::one-preflight")
    said: list[str] = []
    wanted = inputs(board, image=NODE_IMAGE, probe=["true"], container="skycoin-one", wallet=WALLET)
    words = rf"^host shed has the workspace {name} with a nested Docker .+ \(skycoin:nodes\.one\.host\)\.$"
    with there(board, name, image, *options):
        with pytest.raises(ProviderError, match=words):
            Preflight(HostFindings(said.append)).create(wanted)
        assert WALLET not in board.docker("volume", "ls", "--quiet")
        [checked] = check([planned_host(wanted, None)])
        assert checked.state == Level.REFUSED
        HostFindings(said.append).remark(wanted)
        assert any(f"has the workspace {name} " in message for message in said)
    with there(board, name, image):
        assert not any(
            container.nested_engine for container in ask_host(board.engine, board.ssh_options).containers
        )


def test_containers_without_such_rights_or_of_other_programs_are_ignored(board: Board) -> None:
    client = connect(inputs(board))
    with there(board, "skycoin-workspace-cli", DIND_IMAGE), there(board, "somebodys", PLAIN_IMAGE, *RIGHTS):
        assert (nested_engines(client), nodes_on(client)) == ([], [])


def test_another_machine_is_asked_for_folder_ids_and_processor_and_for_nodes(
    board: Board, tmp_path: Path
) -> None:
    folder = Path("/srv/skycoin-engine-inside")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    try:
        shutil.chown(folder, 1234, 1235)
        (tmp_path / "link").symlink_to(folder)
        place = behind_ssh(board.engine, board.ssh_options, str(tmp_path / "link"))
        assert place == WorkspacePlace(
            folder=str(folder),
            user="1234:1235",
            machine="x86_64",
            engine=board.engine,
            ssh_options=tuple(board.ssh_options),
        )
        with pytest.raises(SetupError, match=r"none on ssh://root@\S+ is not opened: "):
            behind_ssh(board.engine, board.ssh_options, str(folder / "none"))
    finally:
        shutil.rmtree(folder)
    refuse_beside_nodes(read_layout(), place, "cli")
    with (
        there(board, "skycoin-node-1", NODE_IMAGE),
        pytest.raises(SetupError, match=r"^ssh://root@\S+ has the node skycoin-node-1, and "),
    ):
        refuse_beside_nodes(read_layout(), place, "cli")


def test_a_preview_is_refused_next_to_a_node_and_passes_without_one(board: Board, tmp_path: Path) -> None:
    """The state of version 0.1.0 has the workspace open already; no part of it is replaced."""
    file = STATES / "0.1.0" / "opened-dind.json"
    state, settings = json.loads(file.read_text()), file.with_suffix(".yaml").read_text()
    stack = state["deployment"]["resources"][0]["urn"].split(":")[2]
    env = {**make_pulumi(tmp_path / "pulumi"), "DOCKER_HOST": board.docker_host}
    with there(board, "skycoin-node-1", NODE_IMAGE):
        refused = preview(tmp_path / "beside", env, state, settings, stack)
    assert refused.code != 0
    assert "host here has the node skycoin-node-1, and anyone in a workspace with" in refused.text
    alone = preview(tmp_path / "alone", env, state, settings, stack)
    assert alone.code == 0, alone.text
    changed = {step["urn"].rpartition("::")[2]: step["op"] for step in alone.said["steps"]}
    assert changed["cli-workspace-on-local-preflight"] == "create"
    assert changed["cli-workspace-on-local-container"] in ("same", "update")


def test_a_host_that_is_silent_is_unknown_in_a_preview_and_an_error_in_up(board: Board) -> None:
    said: list[str] = []
    kind, wanted = WorkspacePreflight(said.append), inputs(board, **WORKSPACE)
    silent = {**wanted, "engine": f"{board.engine}:2"}
    assert kind.planned(silent, None) == silent
    assert "Whether host shed accepts the workspace is unknown." in said[0]
    with pytest.raises(SilentHostError):
        kind.create(silent)
    with pytest.raises(HostError):
        ask_host(silent["engine"], board.ssh_options)
