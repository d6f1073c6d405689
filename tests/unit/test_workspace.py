"""An opened workspace: one folder of the host, a home that stays, a user's rights, a page on loopback."""

from dataclasses import replace
from typing import Any

import pytest

from components.host import Host
from components.workspace import NestedEngine, Workspace, WorkspaceArgs, page_command
from mocks.engine import CONTAINER, NETWORK, PULLED, VOLUME, WORKSPACE_PREFLIGHT
from tests.unit.engine import Engine
from tests.unit.samples import HERE, IMAGE, PINNED, on_host

COMPONENT = "skycoin:index:Workspace"
CLI = WorkspaceArgs(
    host=HERE,
    image=IMAGE,
    container="skycoin-workspace-cli",
    folder="/home/me/project",
    user="1234:5678",
    terminal="bash",
    home_volume="skycoin-workspace-cli-home",
)
DIND = replace(
    CLI,
    engine=NestedEngine(
        volume="skycoin-workspace-cli-docker",
        capabilities=["SYS_ADMIN"],
        security=["seccomp=unconfined"],
    ),
)
PAGE = replace(CLI, ide_port=8080, port=9090)
FOLDER = {"type": "bind", "source": "/home/me/project", "target": "/work"}
HOME = {"type": "volume", "source": "skycoin-workspace-cli-home", "target": "/home/developer"}
DATA = {"type": "volume", "source": "skycoin-workspace-cli-docker", "target": "/var/lib/docker"}


def opened(engine: Engine, args: WorkspaceArgs) -> dict[str, Any]:
    """Open a workspace, and return the inputs of its container."""
    engine.run(lambda: Workspace("cli", args, on_host()))
    return engine.one(CONTAINER, "cli-container").inputs


def test_a_workspace_is_a_container_a_home_a_network_and_an_image(engine: Engine) -> None:
    opened(engine, CLI)
    assert engine.children(engine.one(COMPONENT, "cli")) == [
        (CONTAINER, "cli-container"),
        (NETWORK, "cli-network"),
        (VOLUME, "cli-home"),
        (PULLED, "cli-pulled"),
        (WORKSPACE_PREFLIGHT, "cli-preflight"),
    ]
    home = engine.one(VOLUME, "cli-home")
    assert home.inputs == {"name": "skycoin-workspace-cli-home"}
    assert (home.retain_on_delete, home.protect) == (True, False)
    network = engine.one(NETWORK, "cli-network").inputs
    assert network == {"name": "skycoin-workspace-cli", "driver": "bridge"}
    container = engine.one(CONTAINER, "cli-container")
    assert container.delete_before_replace
    assert container.replace_on_changes == ("healthcheck", "tmpfs", "init")
    assert engine.one(PULLED, "cli-pulled").urn in container.dependencies


def test_a_workspaces_container_has_a_users_rights_and_no_more(engine: Engine) -> None:
    """All inputs are listed, so that a new one is noticed here."""
    assert opened(engine, CLI) == {
        "name": "skycoin-workspace-cli",
        "image": PINNED,
        "command": ["sleep", "infinity"],
        "workingDir": "/work",
        "user": "1234:5678",
        "envs": ["WORKSPACE_USER=1234:5678"],
        "capabilities": {"drops": ["ALL"]},
        "securityOpts": ["no-new-privileges"],
        "mounts": [FOLDER, HOME],
        "networkMode": "skycoin-workspace-cli",
        "init": True,
        "restart": "unless-stopped",
        "stopTimeout": 10,
        "destroyGraceSeconds": 10,
        "removeVolumes": False,
        "memory": 4096,
        "memorySwap": 8192,
        "logDriver": "json-file",
        "logOpts": {"max-size": "10m", "max-file": "3"},
        "ulimits": [{"name": "nproc", "soft": 16384, "hard": 16384}],
    }


@pytest.mark.parametrize("args", [CLI, DIND, PAGE, replace(DIND, ide_port=8080, port=9090)])
def test_the_folder_is_the_only_path_of_the_host(engine: Engine, args: WorkspaceArgs) -> None:
    """There is no other bind mount, no host namespace, and no device."""
    container = opened(engine, args)
    binds = [mount for mount in container["mounts"] if mount["type"] != "volume"]
    assert binds == [FOLDER]
    assert not {"volumes", "devices", "pidMode", "ipcMode", "usernsMode"} & container.keys()
    assert container["networkMode"] == "skycoin-workspace-cli"


def test_a_nested_engine_gets_what_it_needs_starts_as_root_and_keeps_its_data(engine: Engine) -> None:
    container = opened(engine, DIND)
    assert container["user"] == "0:0"
    assert container["capabilities"] == {"adds": ["CAP_SYS_ADMIN"]}
    assert container["securityOpts"] == ["seccomp=unconfined"]
    assert "privileged" not in container
    assert container["envs"] == ["WORKSPACE_USER=1234:5678"]
    assert container["mounts"] == [FOLDER, HOME, DATA]
    assert engine.one(VOLUME, "cli-docker").retain_on_delete
    assert container["healthcheck"]["tests"] == ["CMD-SHELL", "docker version >/dev/null"]
    assert container["wait"]
    assert container["command"] == ["sleep", "infinity"]
    assert "ports" not in container, "its engine listens on a socket"
    assert engine.outputs_of(COMPONENT, "cli")["enter"] == (
        "docker exec -it --user 1234:5678 skycoin-workspace-cli bash"
    )


@pytest.mark.parametrize("nested", [True, False])
def test_a_workspace_is_created_after_the_check_of_its_engine(engine: Engine, *, nested: bool) -> None:
    """Everything else depends on this check."""
    host = Host(name="attic", engine="ssh://pi@attic.lan", ssh_options=["-i", "key"])
    opened(engine, replace(DIND if nested else CLI, host=host))
    check = engine.one(WORKSPACE_PREFLIGHT, "cli-preflight")
    assert check.inputs == {
        "host": "attic",
        "engine": "ssh://pi@attic.lan",
        "sshOptions": ["-i", "key"],
        "container": "skycoin-workspace-cli",
        "folder": "/home/me/project",
        "nestedEngine": nested,
    }
    parts = [(NETWORK, "network"), (PULLED, "pulled"), (VOLUME, "home")]
    parts += [(VOLUME, "docker")] if nested else []
    first = [engine.one(kind, f"cli-{part}") for kind, part in parts]
    assert all(check.urn in resource.dependencies for resource in first)
    assert {resource.urn for resource in first} <= engine.one(CONTAINER, "cli-container").dependencies
    assert check.dependencies == frozenset(), "it waits for no image"


def test_a_page_is_shown_on_loopback_only_and_waited_for(engine: Engine) -> None:
    container = opened(engine, PAGE)
    assert container["ports"] == [{"internal": 8080, "external": 9090, "ip": "127.0.0.1"}]
    assert container["command"] == page_command(8080)
    assert container["healthcheck"]["tests"][1].startswith("curl --fail")
    assert (container["wait"], container["waitTimeout"]) == (True, 120)
    assert "privileged" not in container
    assert engine.outputs_of(COMPONENT, "cli") == {
        "container": "skycoin-workspace-cli",
        "home_volume": "skycoin-workspace-cli-home",
        "enter": "docker exec -it --user 1234:5678 skycoin-workspace-cli bash",
        "url": "http://127.0.0.1:9090/?folder=/work",
        "sign_in": "docker exec --user 1234:5678 skycoin-workspace-cli "
        "grep ^password: /home/developer/.config/code-server/config.yaml",
    }


def test_a_page_with_a_nested_engine_waits_for_both(engine: Engine) -> None:
    tests = opened(engine, replace(DIND, ide_port=8080, port=8080))["healthcheck"]["tests"]
    assert tests[1] == "docker version && curl --fail --silent http://127.0.0.1:8080/healthz >/dev/null"


def test_a_workspace_without_a_page_has_no_url(engine: Engine) -> None:
    opened(engine, CLI)
    outputs = engine.outputs_of(COMPONENT, "cli")
    assert (outputs["url"], outputs["sign_in"]) == ("", "")


def test_hidden_paths_are_empty_and_not_to_be_written(engine: Engine) -> None:
    container = opened(engine, replace(CLI, hidden=["local/state"]))
    assert container["tmpfs"] == {"/work/local/state": "ro,size=4k"}


def test_no_command_or_input_holds_a_password(engine: Engine) -> None:
    """The container generates it at its first start: two programs are equal to the last letter."""
    container = opened(engine, PAGE)
    assert container["command"] == opened(Engine(), PAGE)["command"]
    assert container["envs"] == ["WORKSPACE_USER=1234:5678"]
    [script] = [part for part in container["command"] if "password" in part and "\n" in part]
    assert "/dev/urandom" in script
    assert "--auth=password" in container["command"]
