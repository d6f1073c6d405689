"""The workspaces: their table, their settings, and the images that the program builds from them."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from catalogue.arch import ARCHES
from catalogue.images import CATALOGUE
from catalogue.naming import repository_fault, tag_fault
from catalogue.workspaces import BASE_REPOSITORY, PYTHONS, WORKSPACES
from mocks.engine import BUILD, TAG, VERIFICATION
from mocks.wire import UNKNOWN
from settings.names import repositories_of
from settings.reading import SettingsError, parse
from tests.unit.engine import Engine
from tests.unit.projects import PROJECT, run_program, up
from tests.unit.yaml_like import DIGEST

CLI: Mapping[str, Any] = {"arches": ["amd64"], "dind": True}


def stack(**workspaces: Any) -> dict[str, Any]:
    """A stack with these workspaces and one registry."""
    return {"registries": {"local": {"kind": "local"}}, "workspaces": workspaces}


def faults(raw: Mapping[str, Any]) -> list[str]:
    with pytest.raises(SettingsError) as caught:
        parse(raw)
    return caught.value.faults


def test_each_row_is_a_folder_and_a_name_that_registries_take() -> None:
    for name, entry in WORKSPACES.items():
        assert entry.name == name
        assert (PROJECT / entry.context / "Dockerfile").is_file()
        assert (PROJECT / entry.context / "README.md").is_file()
        assert repository_fault(entry.repository) is None
        assert entry.repository.count("/") == 1, "Docker Hub takes two parts"
        assert set(entry.arches) <= set(ARCHES)
        for version in entry.pythons or (None,):
            for tag in (*entry.tags(version), *entry.dind_tags(version)):
                assert tag_fault(tag) is None
    assert not {entry.repository for entry in WORKSPACES.values()} & {
        entry.repository for entry in CATALOGUE.values()
    }


def test_a_workspaces_base_precedes_it_and_has_all_its_architectures() -> None:
    names = list(WORKSPACES)
    for entry in WORKSPACES.values():
        if entry.base is not None:
            assert names.index(entry.base) < names.index(entry.name)
            assert set(entry.arches) <= set(WORKSPACES[entry.base].arches)


@pytest.mark.parametrize(
    ("name", "python", "tags", "dind_tags"),
    [
        ("cli", None, ["develop"], ["develop-dind", "dind"]),
        ("vscode", None, ["develop"], ["develop-dind"]),
        ("python", None, ["develop"], ["develop-dind"]),
        ("python", "3.11", ["develop"], ["develop-dind"]),
        ("python", "2.7", ["develop-py2.7"], ["develop-py2.7-dind"]),
    ],
)
def test_tags_of_a_workspace_and_of_its_sibling(
    name: str, python: str | None, tags: list[str], dind_tags: list[str]
) -> None:
    entry = WORKSPACES[name]
    assert (list(entry.tags(python)), list(entry.dind_tags(python))) == (tags, dind_tags)


@pytest.mark.parametrize(("python", "release"), [(None, "bookworm"), *PYTHONS.items()])
def test_a_python_version_chooses_the_debian_release_that_has_it(python: str | None, release: str) -> None:
    workspace = {"arches": ["amd64"]} | ({"python": python} if python else {})
    engine = run_program(Engine(), stack(python=workspace))
    assert [image.name for image in engine.all_of(BUILD)] == [
        f"workspace-base-{release}-amd64-image",
        "workspace-python-amd64-image",
    ]
    root, image = engine.all_of(BUILD)
    assert root.inputs["buildArgs"]["DEBIAN_RELEASE"] == release
    assert image.inputs["buildArgs"]["PYTHON_VERSION"] == (python or "3.11")


@pytest.mark.parametrize(
    ("workspaces", "expected"),
    [
        (
            {"rust": {"arches": ["amd64"]}},
            ["skycoin:workspaces.rust: no such workspace; allowed: cli, python, dotnet, vscode"],
        ),
        (
            {"cli": {"arches": ["arm32v6", "amd64"]}},
            ["skycoin:workspaces.cli.arches: cli does not support arm32v6; allowed: amd64, arm64v8"],
        ),
        (
            {"cli": {"arches": ["amd64", "amd64"]}},
            ["skycoin:workspaces.cli: arches names amd64 more than once"],
        ),
        (
            {"python": {"arches": ["amd64"], "python": "3.12"}},
            [
                'skycoin:workspaces.python.python: "3.12": must be one of '
                '"2.7", "3.9", "3.11", "3.13", in quotes'
            ],
        ),
        (
            {"python": {"arches": ["amd64"], "python": 3.11}},
            [
                "skycoin:workspaces.python.python: 3.11: must be one of "
                '"2.7", "3.9", "3.11", "3.13", in quotes'
            ],
        ),
        (
            {"python": {"arches": ["amd64"], "python": ["3.11"]}},
            [
                'skycoin:workspaces.python.python: ["3.11"]: must be one of '
                '"2.7", "3.9", "3.11", "3.13", in quotes'
            ],
        ),
        (
            {"cli": {"arches": ["amd64"], "python": "3.11"}},
            ["skycoin:workspaces.cli.python: cli has no Python version; this key is allowed in python"],
        ),
        (
            {"vscode": {"arches": ["amd64"]}},
            [
                "skycoin:workspaces.vscode: is built on cli, which is missing: add skycoin:workspaces.cli, "
                "with the same arches"
            ],
        ),
        (
            {"cli": {"arches": ["amd64"]}, "vscode": {"arches": ["amd64", "arm64v8"]}},
            [
                "skycoin:workspaces.vscode.arches: it is built on cli, which is built for amd64 only: add "
                "arm64v8 to skycoin:workspaces.cli.arches"
            ],
        ),
        (
            {"cli": {"arches": ["amd64"], "shell": "zsh"}},
            [
                'skycoin:workspaces.cli.shell: unknown key (value "zsh"); allowed here: arches, dind, '
                "python, registries, open"
            ],
        ),
        (
            {"cli": {"arches": ["amd64"], "registries": ["hub"]}},
            [
                "skycoin:workspaces.cli.registries: 'hub' is not in skycoin:registries; "
                "defined registries: local"
            ],
        ),
    ],
)
def test_a_wrong_workspace_is_refused_with_what_is_allowed(
    workspaces: dict[str, Any], expected: list[str]
) -> None:
    assert faults(stack(**workspaces)) == expected


def test_a_workspace_without_a_registry_says_what_is_missing() -> None:
    [said] = faults({"workspaces": {"cli": CLI}})
    assert said.startswith("skycoin:workspaces.cli.registries: missing, and required unless")


@pytest.mark.parametrize(
    ("user", "expected"),
    [
        ({"uid": 0}, "skycoin:workspace-user.uid: 0: must be a whole number from 500 to 2147483647"),
        (
            {"name": "me"},
            'skycoin:workspace-user.name: unknown key (value "me"); allowed here: uid, gid',
        ),
    ],
)
def test_ids_below_those_of_people_are_refused(user: dict[str, Any], expected: str) -> None:
    assert faults({**stack(cli=CLI), "workspace-user": user}) == [expected]


def test_the_users_ids_reach_the_root_under_every_workspace() -> None:
    engine = run_program(Engine(), {**stack(cli=CLI), "workspace-user": {"uid": 1234, "gid": 1235}})
    given = engine.one(BUILD, "workspace-base-bookworm-amd64-image").inputs["buildArgs"]
    assert (given["UID"], given["GID"]) == ("1234", "1235")
    assert engine.one(BUILD, "workspace-cli-amd64-image").inputs["buildArgs"].keys() == {
        *(
            "IMAGE_FROM",
            "BUILD_FROM",
            "GOARCH",
            "GOARM",
            "CC",
            "DEBIAN_PORT",
            "SOURCE_DATE_EPOCH",
            "NAMED_CONTEXTS",
        ),
    }


def test_a_namespace_of_docker_hub_is_the_first_part_of_every_repository() -> None:
    raw = {**stack(cli=CLI), "registries": {"hub": {"kind": "hub", "namespace": "me"}}}
    engine = run_program(Engine(), raw)
    assert [image.inputs["tags"][0] for image in engine.all_of(BUILD)] == [
        "docker.io/me/workspace-base",
        "docker.io/me/skycoindev-cli",
        "docker.io/me/skycoindev-cli",
    ]


def test_a_registry_that_can_not_have_such_a_repository_is_reported() -> None:
    raw = {**stack(cli=CLI), "registries": {"hub": {"kind": "hub", "address": "docker.io/me"}}}
    [said] = faults(raw)
    assert said.startswith(
        "skycoin:workspaces.cli.registries: 'me/skycoin/skycoindev-cli': Docker Hub requires"
    )


def test_amazons_registry_gets_a_repository_for_each_workspace_and_their_root() -> None:
    ecr = {"kind": "ecr", "account": "123456789012", "region": "eu-central-1"}
    settings = parse({**stack(cli=CLI, dotnet={"arches": ["amd64"]}), "registries": {"ecr": ecr}})
    assert repositories_of("ecr", settings) == {
        "skycoin/skycoindev-cli": ["dind"],
        "skycoin/workspace-base": [],
        "skycoin/skycoindev-dotnet": [],
    }


def test_a_repository_is_created_wherever_something_is_pushed_to_it() -> None:
    ecr = {"kind": "ecr", "account": "123456789012", "region": "eu-central-1"}
    raw = {
        "registries": {"ecr": ecr, "hub": {"kind": "hub"}, "ghcr": {"kind": "ghcr"}},
        "workspaces": {"cli": {"arches": ["amd64"], "registries": ["hub", "ecr"]}},
    }
    settings = parse(raw)
    assert repositories_of("ecr", settings) == {"skycoin/skycoindev-cli": []}
    assert list(repositories_of("hub", settings)) == ["skycoin/skycoindev-cli", "skycoin/workspace-base"]
    assert repositories_of("ghcr", settings) == {}


def test_the_root_is_built_where_its_first_workspace_is() -> None:
    registries = {name: {"kind": "oci", "address": f"{name}.example"} for name in ("one", "two")}
    raw = {
        "registries": registries,
        "workspaces": {
            "cli": {"arches": ["amd64"], "registries": ["two", "one"]},
            "dotnet": {"arches": ["amd64", "arm64v8"], "registries": ["one"]},
        },
    }
    engine = run_program(Engine(), raw)
    roots = [image.inputs["tags"][0] for image in engine.all_of(BUILD) if "-base-" in image.name]
    assert roots == [f"two.example/{BASE_REPOSITORY}"] * 2


def stands_on(engine: Engine, child: str) -> str:
    """Name of the image whose digest is the IMAGE_FROM of another one."""
    given = engine.one(BUILD, f"{child}-image").inputs["buildArgs"]["IMAGE_FROM"]
    return engine.digests[given.partition("@")[2]].removesuffix("-image")


def test_every_image_stands_on_its_base_by_the_digest_of_its_own_architecture() -> None:
    engine = up("workspaces")
    for arch in ("amd64", "arm64v8"):
        under = {
            "workspace-cli": "workspace-base-bookworm",
            "workspace-python": "workspace-base-bookworm",
            "workspace-dotnet": "workspace-base-bookworm",
            "workspace-vscode": "workspace-cli",
            **{f"workspace-{name}-dind": f"workspace-{name}" for name in WORKSPACES},
        }
        for child, base in under.items():
            assert stands_on(engine, f"{child}-{arch}") == f"{base}-{arch}"
            # The reference comes from the verification, so only verified images are used as bases.
            proof = engine.one(VERIFICATION, f"{base}-{arch}-verification").urn
            assert proof in engine.one(BUILD, f"{child}-{arch}-image").dependencies
    built = {image.name for image in engine.all_of(BUILD)}
    assert len(built) == 2 * (1 + 2 * len(WORKSPACES)), "one root, each workspace and its sibling"


def changed_with(engine: Engine, name: str) -> set[str]:
    """Images built on this one, directly or not, which a change of it rebuilds."""
    direct = {
        image.name.removesuffix("-image")
        for image in engine.all_of(BUILD)
        if engine.digest(f"{name}-image") in image.inputs["buildArgs"]["IMAGE_FROM"]
    }
    return direct.union(*(changed_with(engine, package) for package in direct))


def test_a_changed_base_rebuilds_only_the_images_on_it() -> None:
    engine = up("workspaces")
    assert changed_with(engine, "workspace-cli-amd64") == {
        "workspace-cli-dind-amd64",
        "workspace-vscode-amd64",
        "workspace-vscode-dind-amd64",
    }
    assert changed_with(engine, "workspace-python-arm64v8") == {"workspace-python-dind-arm64v8"}
    assert changed_with(engine, "workspace-vscode-dind-amd64") == set()


def test_the_sibling_of_every_workspace_comes_from_the_same_definition() -> None:
    engine = up("workspaces")
    siblings = [image.inputs for image in engine.all_of(BUILD) if "-dind-" in image.name]
    assert len(siblings) == 2 * len(WORKSPACES)
    for inputs in siblings:
        assert inputs["context"] == {"location": "./images/dind", "named": {}}
        assert inputs["dockerfile"] == {"location": "./images/dind/Dockerfile"}


def test_a_workspace_has_no_sibling_unless_it_is_asked_for() -> None:
    engine = run_program(Engine(), stack(cli={"arches": ["amd64"]}))
    assert [entry.inputs["tag"] for entry in engine.all_of(TAG)] == ["develop-bookworm", "develop"]


def test_the_output_has_every_tag_with_its_digest_and_variants() -> None:
    outputs = up("workspaces").exports()["workspaces"]
    assert {name: sorted(tags) for name, tags in outputs.items()} == {
        "cli": ["develop", "develop-dind", "dind"],
        "dotnet": ["develop", "develop-dind"],
        "python": ["develop", "develop-dind"],
        "vscode": ["develop", "develop-dind"],
    }
    for tags in outputs.values():
        for entry in tags.values():
            assert sorted(entry) == ["digest", "ref", "registries", "variants"]
            assert sorted(entry["variants"]) == ["amd64", "arm64v8"]
    cli = outputs["cli"]
    assert cli["dind"]["variants"] == cli["develop-dind"]["variants"] != cli["develop"]["variants"]


def test_in_a_first_preview_the_digest_of_a_new_base_is_unknown() -> None:
    engine = run_program(Engine(preview=True), stack(cli=CLI))
    for name in ("workspace-cli", "workspace-cli-dind"):
        assert engine.one(BUILD, f"{name}-amd64-image").inputs["buildArgs"]["IMAGE_FROM"] is UNKNOWN


def test_workspaces_are_built_as_this_machine_builds(tmp_path: Path) -> None:
    file = tmp_path / "machine.crt"
    file.write_text("-----BEGIN CERTIFICATE-----")
    build_base = f"registry.localhost:5443/base/build@{DIGEST}"
    machine = {"bases": "debian", "build-base": build_base, "build-ca": str(file), "builder": "mine"}
    engine = run_program(Engine(), {**stack(cli=CLI), **machine})
    assert len(engine.all_of(BUILD)) == 3, "no busybox: no workspace stands on it"
    for image in engine.all_of(BUILD):
        assert image.inputs["buildArgs"]["BUILD_FROM"] == build_base
        assert image.inputs["builder"] == {"name": "mine"}
        assert "build-ca" in image.inputs["secrets"]
