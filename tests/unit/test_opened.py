"""An opened workspace in a stack: its image, its user, and the outputs about it."""

from pathlib import Path
from typing import Any

import pytest

from catalogue.workspaces import AUTHORITIES, TRUSTING, authority_variables
from mocks.engine import CONTAINER, DOCKER_PROVIDER, PULLED, TAG
from tests.unit.engine import Engine
from tests.unit.projects import up_with

CLI = {"arches": ["amd64", "arm64v8"], "dind": True}
REPOSITORY = "registry.localhost:5443/skycoin/skycoindev-cli"


def opened(*, host: dict[str, Any] | None = None, **opening: Any) -> Engine:
    """The example stack with the workspace cli opened."""
    settings = {"host": "here", "folder": "/home/me/project", **opening}
    return up_with(
        "workspace",
        hosts={"here": {"engine": "local", **(host or {})}},
        workspaces={"cli": {**CLI, "open": settings}},
    )


def container(engine: Engine) -> dict[str, Any]:
    return engine.one(CONTAINER, "cli-workspace-on-local-container").inputs


@pytest.mark.parametrize(
    ("dind", "tag"),
    [(False, "workspace-cli-local-develop-tag"), (True, "workspace-cli-dind-local-develop-dind-tag")],
)
def test_an_opened_workspace_runs_the_built_list_by_digest(dind: bool, tag: str) -> None:
    engine = opened(dind=dind)
    assert container(engine)["image"] == f"{REPOSITORY}@{engine.digest(tag)}"


def test_a_host_with_a_declared_architecture_gets_its_variant() -> None:
    engine = opened(host={"arch": "arm64v8"})
    assert container(engine)["image"] == f"{REPOSITORY}@{engine.digest('workspace-cli-arm64v8-image')}"


def test_an_opened_workspace_is_pulled_from_the_registry_that_its_host_names() -> None:
    """Before, the image was pulled from its first registry, which a board may not reach."""

    def up(**host: str) -> Engine:
        return up_with(
            "workspace",
            registries={"local": {"kind": "local"}, "hub": {"kind": "hub", "namespace": "sky"}},
            hosts={"here": {"engine": "ssh://pi@attic.lan:22", **host}},
            workspaces={
                "cli": {
                    **CLI,
                    "registries": ["local", "hub"],
                    "open": {"host": "here", "folder": "/home/me/w"},
                }
            },
        )

    name = "cli-workspace-on-attic.lan-pulled"
    engine = up(**{"pull-from": "hub"})
    plain, there = (run.one(PULLED, name) for run in (up(), engine))
    assert plain.inputs.get("pullFrom") is None
    assert there.inputs["pullFrom"] == "docker.io/sky/skycoindev-cli"
    assert there.inputs["image"] == plain.inputs["image"], "it replaces nothing"
    tag = engine.one(TAG, "workspace-cli-hub-develop-tag")
    assert tag.urn in there.dependencies, "it is pulled once it is there"


def test_on_another_engine_it_is_another_workspace() -> None:
    """Pulumi updates a provider's address in place, so under the same name nothing would be moved."""
    engine = opened(host={"engine": "ssh://pi@attic.lan:22"})
    assert (
        engine.one(CONTAINER, "cli-workspace-on-attic.lan-container").inputs["name"]
        == "skycoin-workspace-cli"
    )


def test_an_opened_workspace_gets_the_networks_certificate_authorities_as_text(tmp_path: Path) -> None:
    """The host may be remote, hence text. Before, `go mod download` failed behind a TLS-terminating proxy."""
    file = tmp_path / "ca.crt"
    file.write_text("-----BEGIN CERTIFICATE-----\nabc\n")
    opening = {"host": "here", "folder": "/home/me/project"}
    engine = up_with(
        "workspace",
        hosts={"here": {"engine": "ssh://pi@attic.lan:22"}},
        workspaces={"cli": {**CLI, "open": opening}},
        build_ca=str(file),
    )
    found = engine.one(CONTAINER, "cli-workspace-on-attic.lan-container").inputs
    named = [f"{name}={AUTHORITIES}" for name in TRUSTING]
    assert found["envs"][1:] == [f"WORKSPACE_CA_0={file.read_text()}", *named]
    assert [mount["type"] for mount in found["mounts"]] == ["bind", "volume"]


def test_many_authorities_come_in_pieces_that_the_kernel_takes() -> None:
    many = "".join(f"{number:063}\n" for number in range(3000))
    given = [
        variable.partition("=")
        for variable in authority_variables(many)
        if variable.startswith("WORKSPACE_CA_")
    ]
    assert [name for name, _, _ in given] == ["WORKSPACE_CA_0", "WORKSPACE_CA_1", "WORKSPACE_CA_2"]
    assert all(len(name) + len(piece) < 128 * 1024 for name, _, piece in given)
    assert "".join(piece for _, _, piece in given) == many
    assert authority_variables("") == []


def test_the_settings_of_an_opened_workspace_reach_its_container() -> None:
    engine = opened(user="1234:5678", memory=512, hide=["local/state"])
    found = container(engine)
    assert (found["user"], found["memory"]) == ("1234:5678", 512)
    assert found["tmpfs"] == {"/work/local/state": "ro,size=4k"}
    assert found["mounts"][0]["source"] == "/home/me/project"
    assert (
        engine.one(CONTAINER, "cli-workspace-on-local-container").provider
        == engine.one(DOCKER_PROVIDER, "here").urn
    )


def test_a_nested_engine_gets_the_rights_of_the_table() -> None:
    found = container(opened(dind=True))
    assert found["capabilities"] == {"adds": ["CAP_SYS_ADMIN", "CAP_NET_ADMIN"]}
    assert found["securityOpts"] == ["seccomp=unconfined", "apparmor=unconfined"]


def test_a_workspace_without_a_user_runs_as_the_images_user() -> None:
    assert container(opened())["user"] == "1000:1000"


def test_the_outputs_of_an_opened_workspace_say_where_it_is_and_how_to_enter() -> None:
    assert opened().exports()["opened"] == {
        "cli": {
            "host": "here",
            "folder": "/home/me/project",
            "user": "1000:1000",
            "container": "skycoin-workspace-cli",
            "home_volume": "skycoin-workspace-cli-home",
            "enter": "docker exec -it --user 1000:1000 skycoin-workspace-cli bash",
            "url": "",
            "sign_in": "",
        }
    }


def test_an_editors_page_has_the_default_port_or_the_given_one() -> None:
    workspaces = {"cli": CLI, "vscode": {**CLI, "open": {"host": "here", "folder": "/home/me/project"}}}
    engine = up_with("workspace", workspaces=workspaces)
    assert engine.exports()["opened"]["vscode"]["url"] == "http://127.0.0.1:8080/?folder=/work"
    workspaces["vscode"]["open"] = {"host": "here", "folder": "/home/me/project", "port": 9090}
    engine = up_with("workspace", workspaces=workspaces)
    assert engine.exports()["opened"]["vscode"]["url"] == "http://127.0.0.1:9090/?folder=/work"


def test_a_workspace_that_is_not_opened_runs_nowhere() -> None:
    engine = up_with("workspace", workspaces={"cli": CLI})
    assert engine.all_of(CONTAINER) == []
    assert engine.exports()["opened"] == {}
