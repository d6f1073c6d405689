"""`make workspace` over a person's folder: opened, entered, opened again, stopped; and by other tools."""

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from catalogue.workspaces import DIND_CAPABILITIES
from tests.e2e.boards import Board, start_board
from tests.e2e.loopback import asked_on_loopback
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.e2e.states import record
from tests.e2e.tools import devcontainer_cli, devfiles_read
from tests.e2e.workspaces import GID, PROJECTS, UID, load_busybox, project

PERSON = {"SUDO_UID": str(UID), "SUDO_GID": str(GID)}
"""The tests run as root, as if by sudo of a user whom this machine does not know."""
NAME = "skycoin-workspace-cli"
STACK = "workspace-cli"

"""Output of an update that changes nothing; a slow machine prints a sign of life in between."""


def asks(machine: Machine, target: str, *arguments: str) -> Result:
    return machine.run("make", "--no-print-directory", target, *arguments, env=PERSON)


def entered(machine: Machine, *command: str) -> Result:
    """Run a command like the printed one, but without a terminal."""
    return machine.docker("exec", "--user", f"{UID}:{GID}", NAME, *command)


def owner(path: Path) -> tuple[int, int]:
    return path.stat().st_uid, path.stat().st_gid


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """The folder that the person works on."""
    yield project("project")
    shutil.rmtree(PROJECTS)


@pytest.fixture(scope="module")
def opened(machine: Machine, folder: Path) -> Iterator[Result]:
    """Result of `make workspace NAME=cli`; `make up` need not have run before."""
    result = asks(machine, "workspace", "NAME=cli", f"FOLDER={folder}")
    assert result.code == 0, result.text
    yield result
    assert asks(machine, "destroy", f"STACK={STACK}").code == 0
    for volume in machine.docker("volume", "ls", "--quiet", "--filter", f"name={NAME}").text.split():
        machine.docker("volume", "rm", volume)


def test_an_unknown_workspace_is_refused_with_the_known_names(machine: Machine) -> None:
    result = asks(machine, "workspace", "NAME=java")
    assert result.code != 0
    assert "'java' is not one of 'cli', 'python', 'dotnet', 'vscode'" in result.text
    assert "•" not in result.text, "no step began"


@pytest.mark.case(43)
def test_the_checkout_is_not_opened_and_nothing_is_begun(machine: Machine) -> None:
    """The checkout used to be opened by default, and the passphrase could be read from inside."""
    for words in ((), (f"FOLDER={machine.checkout / 'docs'}",), (f"FOLDER={machine.checkout.parent}",)):
        result = asks(machine, "workspace", "NAME=cli", *words)
        assert result.code != 0
        assert re.search(r"is not opened: .*give a folder", result.text), result.text
        assert "•" not in result.text, "no step began"


def test_an_opened_workspace_says_how_to_enter_it(opened: Result, folder: Path) -> None:
    end = opened.text[-600:]
    assert f"open over {folder} (/work inside), as {UID}:{GID}:" in end
    assert f"docker exec -it --user {UID}:{GID} {NAME} bash" in end
    assert 'eval "$(make -s env)"' in end, "the tests' engine is not the system's"


@pytest.mark.usefixtures("opened")
def test_a_workspace_is_confined_and_sees_one_folder(machine: Machine, folder: Path) -> None:
    """Its confinement, as the engine reports it."""
    container = machine.inspect("container", NAME)
    host = container["HostConfig"]
    assert container["Config"]["User"] == f"{UID}:{GID}"
    assert "@sha256:" in container["Config"]["Image"]
    assert (host["Privileged"], host["CapDrop"], host["SecurityOpt"]) == (
        False,
        ["ALL"],
        ["no-new-privileges"],
    )
    assert not host["CapAdd"]
    assert (host["Init"], host["Memory"]) == (True, 4096 * 1024 * 1024)
    assert not host["PortBindings"]
    mounts = {
        (mount["Type"], mount["Destination"]): mount.get("Name", mount["Source"])
        for mount in container["Mounts"]
    }
    assert mounts == {("bind", "/work"): str(folder), ("volume", "/home/developer"): f"{NAME}-home"}
    assert list(container["NetworkSettings"]["Networks"]) == [NAME]


@pytest.mark.case(41)
@pytest.mark.usefixtures("opened")
def test_a_workspace_can_not_reach_a_server_on_the_hosts_loopback(machine: Machine) -> None:
    def asks(url: str) -> bool:
        return entered(machine, "curl", "-fsS", "--max-time", "3", "-o", "/dev/null", url).code == 0

    assert asks("file:///etc/hostname"), "control"
    assert asked_on_loopback(asks) == ["/control"]


@pytest.mark.usefixtures("opened")
def test_a_workspace_trusts_the_networks_certificate_authorities(machine: Machine) -> None:
    """Before, only the build had these: `go mod download` inside failed behind a proxy that ends TLS."""
    own = machine.layout.build_ca.read_text()
    if not own:
        pytest.skip("this machine trusts no authority of its own")
    joined = entered(machine, "sh", "-c", 'cat "$SSL_CERT_FILE"').text
    assert joined.endswith(own)
    assert joined.count("-----BEGIN CERTIFICATE-----") > 100
    image = machine.inspect("container", NAME)["Config"]["Image"]
    assert "WORKSPACE_CA" not in str(machine.inspect("image", image)["Config"]["Env"])


@pytest.mark.usefixtures("opened")
def test_files_created_in_a_workspace_belong_to_the_person_who_opened_it(
    machine: Machine, folder: Path
) -> None:
    made = entered(machine, "sh", "-c", "echo made > /work/made && touch ~/mine && whoami && pwd")
    assert made.code == 0, made.text
    assert made.text.split() == ["developer", "/work"]
    assert owner(folder / "made") == (UID, GID)
    refused = entered(machine, "touch", "/etc/made")
    assert refused.code != 0


@pytest.mark.records
@pytest.mark.usefixtures("opened")
def test_opening_it_again_changes_nothing(machine: Machine, folder: Path) -> None:
    before = machine.inspect("container", NAME)
    result = asks(machine, "workspace", "NAME=cli", f"FOLDER={folder}")
    assert result.code == 0, result.text
    assert result.changed_nothing, result.text
    after = machine.inspect("container", NAME)
    assert (after["Id"], after["State"]["StartedAt"]) == (before["Id"], before["State"]["StartedAt"])
    assert machine.run("git", "status", "--porcelain").text == ""
    record(machine, "opened", STACK)


@pytest.mark.usefixtures("opened")
def test_the_files_of_other_tools_are_written_once_and_accepted_by_them(
    machine: Machine, folder: Path
) -> None:
    for word in ("written", "unchanged"):
        result = asks(machine, "workspace-files", "NAME=cli", f"FOLDER={folder}")
        assert result.code == 0, result.text
        assert result.text.count(f": {word}") == 2
    assert owner(folder / "devfile.yaml") == owner(folder / ".devcontainer") == (UID, GID)
    command = [*devcontainer_cli(machine.layout), "read-configuration", "--workspace-folder", str(folder)]
    read = json.loads(machine.pipe(*command))["configuration"]
    image = machine.inspect("container", NAME)["Config"]["Image"]
    assert (read["image"], read["workspaceFolder"], read["remoteUser"]) == (image, "/work", "developer")
    assert devfiles_read(machine.layout, folder / "devfile.yaml") == "2.2.0 skycoin-cli: 2 components\n"
    (folder / "devfile.yaml").write_text("mine\n")
    refused = asks(machine, "workspace-files", "NAME=cli", f"FOLDER={folder}")
    assert refused.code != 0
    assert "not written by this command, or edited since; nothing was written" in refused.text
    assert (folder / "devfile.yaml").read_text() == "mine\n"
    (folder / "devfile.yaml").unlink()


@pytest.fixture(scope="module")
def developers(folder: Path) -> Path:
    """A folder of the image's user: if root opens it, the devcontainer command keeps the image's ids."""
    assert folder.parent == PROJECTS  # removed together with `folder`
    return project("developers", 1000, 1000)


@pytest.mark.usefixtures("opened")
def test_the_devcontainer_command_opens_it_too(machine: Machine, developers: Path) -> None:
    written = asks(machine, "workspace-files", "NAME=cli", f"FOLDER={developers}")
    assert written.code == 0, written.text
    with devcontainer(machine, developers) as name:
        host = machine.inspect("container", name)["HostConfig"]
        assert (host["Privileged"], host["CapDrop"], host["Init"]) == (False, ["ALL"], True)
        script = "id -un && go version && touch /work/made ~/made"
        completed = machine.docker("exec", "--user", "developer", name, "sh", "-c", script)
        assert completed.text.startswith("developer\ngo version go1."), completed.text
        assert completed.code == 0, completed.text
    assert owner(developers / "made") == (1000, 1000)


@contextmanager
def devcontainer(machine: Machine, folder: Path) -> Iterator[str]:
    """Id of the container that `devcontainer up` started; removed afterwards."""
    command = [*devcontainer_cli(machine.layout), "up", "--workspace-folder", str(folder)]
    done = subprocess.run(
        command,
        env={**os.environ, **machine.environment()},
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    document = json.loads(done.stdout.splitlines()[-1])
    try:
        assert (document["outcome"], document["remoteUser"], document["remoteWorkspaceFolder"]) == (
            "success",
            "developer",
            "/work",
        )
        yield document["containerId"]
    finally:
        machine.docker("rm", "--force", document["containerId"])


@pytest.mark.usefixtures("opened")
def test_only_the_opened_workspace_is_stopped_and_opening_it_starts_it_again(
    machine: Machine, folder: Path
) -> None:
    """`make down` would stop the nodes too."""
    stopped = asks(machine, "workspace-stop", "NAME=cli")
    assert stopped.code == 0, stopped.text
    assert stopped.text.splitlines()[-1] == f"{NAME}: stopped"
    assert not machine.inspect("container", NAME)["State"]["Running"]
    other = asks(machine, "workspace-stop", "NAME=python")
    assert other.code != 0
    assert "python is not open: the stack workspace-python has no container" in other.text
    result = asks(machine, "workspace", "NAME=cli", f"FOLDER={folder}")
    assert result.code == 0, result.text
    assert machine.inspect("container", NAME)["State"]["Running"]


@pytest.mark.usefixtures("opened")
def test_down_stops_it_and_opening_it_starts_it_again(machine: Machine, folder: Path) -> None:
    down = machine.make("down")
    assert down.code == 0, down.text
    assert re.search(r"container skycoin-workspace-cli on \S+\n\s+stopped", down.text), down.text
    result = asks(machine, "workspace", "NAME=cli", f"FOLDER={folder}")
    assert result.code == 0, result.text
    assert machine.inspect("container", NAME)["State"]["Running"]
    assert entered(machine, "test", "-e", "/home/developer/mine").code == 0


@contextmanager
def asked_for_an_engine(machine: Machine) -> Iterator[None]:
    """Set `dind: true` in the stack's file, as a user does who works without `skyinfra`."""
    file = machine.checkout / "stacks" / f"Pulumi.{STACK}.yaml"
    before = file.read_text()
    whole = yaml.safe_load(before)
    workspace = whole["config"]["skycoin:workspaces"]["cli"]
    workspace["dind"] = workspace["open"]["dind"] = True
    file.write_text(yaml.safe_dump(whole, sort_keys=False))
    try:
        yield
    finally:
        file.write_text(before)


@pytest.mark.usefixtures("opened")
def test_a_nested_engine_is_refused_next_to_the_set_ups_own_node(up: Machine, folder: Path) -> None:
    """The node belongs to another stack, and used to go unnoticed."""
    before = up.inspect("container", NAME)["Id"]
    result = asks(up, "workspace", "NAME=cli", f"FOLDER={folder}", "DIND=1")
    assert result.code != 0
    assert "this machine has the node skycoin-node-1, and anyone in a workspace with " in result.text
    assert "•" not in result.text, "no step began"
    said = r"host here has the node skycoin-node-1, and anyone in a workspace with .+--engine ssh://USER@HOST"
    with asked_for_an_engine(up):
        for words in (("preview", "--refresh"), ("up", "--yes", "--skip-preview")):
            refused = up.pulumi(*words, "--stack", STACK)
            assert refused.code != 0, refused.text
            assert re.search(said, refused.text), refused.text
    assert up.inspect("container", NAME)["Id"] == before
    assert up.docker("volume", "inspect", f"{NAME}-docker").code != 0


@pytest.fixture(scope="module")
def board(machine: Machine, opened: Result) -> Iterator[Board]:
    """A board without nodes."""
    assert opened.code == 0
    made = start_board(machine.layout, "shed", 66)
    yield made
    made.end()


def asks_for_an_engine(machine: Machine, board: Board, folder: Path) -> Result:
    """Run `skyinfra workspace open --dind` for the board; its user is root, so the folder's owner counts."""
    options = [f"--ssh-option={word}" for word in board.ssh_options]
    words = ("--folder", str(folder), "--dind", "--engine", board.engine, *options)
    env = {**PERSON, "PATH": machine.environment()["PATH"]}
    return machine.run("./skyinfra", "workspace", "open", "cli", *words, env=env)


@pytest.fixture(scope="module")
def dind(machine: Machine, board: Board, folder: Path) -> Iterator[Any]:
    """Container of the same workspace with a nested engine, on the board."""
    result = asks_for_an_engine(machine, board, folder)
    assert result.code == 0, result.text
    [enter] = re.findall(r"^ +(ssh .+ docker exec -it .+ bash)$", result.text, re.MULTILINE)
    without_terminal = shlex.split(enter.replace(" -it ", " -i "))
    assert machine.pipe(*without_terminal, given=b"echo $(id -u):$(id -g)").decode() == f"{UID}:{GID}\n"
    assert machine.docker("container", "inspect", NAME).code != 0, "it is one workspace, and moved"
    yield json.loads(board.docker("container", "inspect", NAME))[0]
    assert asks(machine, "destroy", f"STACK={STACK}").code == 0, "while its board is there"


@pytest.mark.long
def test_with_a_nested_engine_it_has_two_capabilities_and_a_volume_for_it(dind: Any) -> None:
    host = dind["HostConfig"]
    wanted = [f"CAP_{name}" for name in DIND_CAPABILITIES]
    assert (host["Privileged"], host["CapAdd"]) == (False, wanted)
    volumes = {mount["Destination"]: mount["Name"] for mount in dind["Mounts"] if mount["Type"] == "volume"}
    assert volumes == {"/home/developer": f"{NAME}-home", "/var/lib/docker": f"{NAME}-docker"}


@pytest.mark.long
@pytest.mark.usefixtures("dind")
def test_docker_works_inside_for_the_person(machine: Machine, board: Board, folder: Path) -> None:
    imported = load_busybox(machine, NAME, board.docker_host)
    assert imported.code == 0, imported.text
    inner = "docker run --rm --network none -v /work:/work inside/busybox:1 touch /work/inner"
    script = f"{inner} && echo done > /work/outer"
    board.docker("exec", "--user", f"{UID}:{GID}", NAME, "sh", "-c", script)
    assert (folder / "inner").exists(), "the folder goes through to its own containers"
    assert owner(folder / "outer") == (UID, GID)


@pytest.mark.records
@pytest.mark.long
@pytest.mark.usefixtures("dind")
def test_opening_it_with_an_engine_again_changes_nothing(
    machine: Machine, board: Board, folder: Path
) -> None:
    result = asks_for_an_engine(machine, board, folder)
    assert result.code == 0, result.text
    assert result.changed_nothing, result.text
    record(machine, "opened-dind", STACK)


@pytest.mark.long
@pytest.mark.usefixtures("dind")
def test_a_nested_engine_is_refused_next_to_a_later_node_until_one_is_removed(
    machine: Machine, board: Board, folder: Path
) -> None:
    """An earlier version of the program may have created both."""
    image = json.loads(board.docker("container", "inspect", NAME))[0]["Image"]
    board.docker("create", "--name", "skycoin-old", "--label", "skycoin.node=urn:pulumi:old::skycoin", image)
    try:
        preview = machine.pulumi("preview", "--refresh", "--stack", STACK)
        assert preview.code != 0
        assert "host there has the node skycoin-old" in preview.text, preview.text
        refused = asks_for_an_engine(machine, board, folder)
        assert refused.code != 0
        assert f"{board.engine} has the node skycoin-old" in refused.text, refused.text
        assert json.loads(board.docker("container", "inspect", NAME))[0]["State"]["Running"], "as it was"
    finally:
        board.docker("rm", "skycoin-old")
    again = asks_for_an_engine(machine, board, folder)
    assert again.code == 0, again.text


@pytest.mark.long
@pytest.mark.usefixtures("dind")
def test_a_node_is_refused_next_to_a_nested_engine(up: Machine, board: Board) -> None:
    before = up.settings()
    node = {"image": "skycoin", "host": "shed", "rpc-port": 16466}
    hosts, nodes = before["skycoin:hosts"], before["skycoin:nodes"]
    beside = {"skycoin:hosts": {**hosts, "shed": board.host}, "skycoin:nodes": {**nodes, "shed": node}}
    said = rf"host shed has the workspace {NAME} with a nested Docker engine: .+skycoin:nodes\.shed\.host\)"
    up.change({**before, **beside})
    try:
        checked = up.skyinfra("fleet", "check")
        assert (checked.code, bool(re.search(said, checked.text))) == (3, True), checked.text
        for target in ("preview", "up"):
            refused = up.make(target)
            assert refused.code != 0, refused.text
            assert re.search(said, refused.text), refused.text
    finally:
        up.change(before)
    assert "skycoin-shed" not in board.docker("ps", "--all", "--format", "{{.Names}}")
    assert "wallet" not in board.docker("volume", "ls", "--quiet")
    assert up.make("up").code == 0, "the state has nothing of that host"
    assert up.inspect("container", "skycoin-node-1")["State"]["Running"], "a node elsewhere is left alone"


@pytest.mark.long
@pytest.mark.usefixtures("dind")
def test_the_devcontainer_command_opens_it_with_an_engine(machine: Machine, developers: Path) -> None:
    written = asks(machine, "workspace-files", "NAME=cli", f"FOLDER={developers}", "DIND=1")
    assert written.code == 0, written.text
    with devcontainer(machine, developers) as name:
        ask = ("exec", "--user", "developer", name, "docker", "version")
        until(lambda: machine.docker(*ask).code == 0, "its engine answers the person", seconds=60)


@pytest.mark.long
@pytest.mark.usefixtures("dind")
def test_destroy_removes_the_container_and_keeps_the_home(machine: Machine, board: Board) -> None:
    result = asks(machine, "destroy", f"STACK={STACK}")
    assert result.code == 0, result.text
    assert "Kept: wallet, data and home volumes" in result.text
    assert NAME not in board.docker("ps", "--all", "--format", "{{.Names}}")
    assert NAME not in board.docker("network", "ls", "--format", "{{.Name}}")
    kept = board.docker("volume", "ls", "--quiet", "--filter", f"name={NAME}").split()
    assert {f"{NAME}-docker", f"{NAME}-home"} <= set(kept)
    again = asks(machine, "destroy", f"STACK={STACK}")
    assert (again.code, f"The stack {STACK} is empty." in again.text) == (0, True), again.text
