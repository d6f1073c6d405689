"""Adoption of running nodes into an empty state. On an engine: tests/e2e/test_setup_adopt.py."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml
from docker.errors import NotFound

from catalogue.node_container import NODE
from clients.engine import Engine
from local import setup_adopt
from local.machine.layout import Layout, read_layout
from local.machine.steps import SetupError
from local.pulumi.docker_plugin_choice import DockerPlugin, record
from local.setup_adopt import adopt, lost_secrets
from local.stacks.states import state_file
from providers.adopting import ADOPTING
from providers.docker.container import Container
from providers.docker.network import Network
from providers.docker.volume import Volume
from providers.kind import ProviderError
from tests.unit.node_engine import GOOD, NEXT, NodeEngine
from tests.unit.test_handover import INPUTS, NAME, deployed, only_container
from tests.unit.wallet_engine import INPUTS as PROOF
from tests.unit.wallet_engine import WalletEngine, preflight

FILE = {
    "encryptionsalt": "v1:former",
    "config": {
        "skycoin:registries": {"hub": {"login": {"password": {"secure": "v1:x"}}}},
        "skycoin:list": [{"secure": "v1:y"}, "z"],
        "skycoin:nodes": {"one": {}, "two": {}},
    },
}


@pytest.fixture
def adopting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(ADOPTING, "1")


def lost(engine: NodeEngine, **changes: Any) -> NodeEngine:
    """An engine with a node whose state is lost."""
    deployed(engine, **changes)
    engine.log.clear()
    return engine


def test_a_container_is_adopted_unchanged_and_the_next_up_changes_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = lost(NodeEngine())
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        resource = deployed(engine)
    assert resource.up(INPUTS) == "same"
    assert resource.up(INPUTS, refresh=True) == "same"
    assert engine.log == []


def test_an_adopted_container_without_a_time_to_stop_is_not_killed_by_a_destroy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """One of a plain `docker run` has none: `destroy` gave it no second between stop signal and SIGKILL."""
    engine = lost(NodeEngine())
    del only_container(engine).config["StopTimeout"]
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        resource = deployed(engine)
    resource.destroy()
    assert engine.log == [f"stop {NAME}", f"remove {NAME}"]


@pytest.mark.parametrize(("recorded", "seconds"), [(10**9, 3600), (-1, 3600), (300, 300), (0, 60)])
def test_a_time_to_stop_that_the_state_has_from_a_host_is_limited(
    recorded: int, seconds: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is created again since, without a time to stop: `destroy` killed it at once if that had been -1."""
    engine = lost(NodeEngine())
    only_container(engine).config["StopTimeout"] = recorded
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        resource = deployed(engine)
    del only_container(engine).config["StopTimeout"]
    asked: list[int] = []
    monkeypatch.setattr(engine, "stop", lambda _, timeout: asked.append(timeout))
    only_container(engine).running = False
    resource.destroy()
    assert asked == [seconds]


@pytest.mark.parametrize("change", [{"image": NEXT}, {"command": ["-other"]}], ids=["image", "command"])
def test_a_container_of_other_inputs_is_adopted_as_it_runs_and_the_next_up_hands_over(
    change: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = lost(NodeEngine())
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        resource = deployed(engine, **change)
    assert engine.log == []
    before = only_container(engine)
    assert resource.outputs["image"] == GOOD
    assert resource.up({**INPUTS, **change}) == "update"
    assert only_container(engine) is not before
    assert only_container(engine).config["Image"] == change.get("image", GOOD)
    assert engine.violations == []


def test_a_stopped_container_is_not_started(monkeypatch: pytest.MonkeyPatch) -> None:
    engine = lost(NodeEngine())
    engine.stop(NAME, 60)
    engine.log.clear()
    with monkeypatch.context() as patch:
        patch.setenv(ADOPTING, "1")
        resource = deployed(engine)
    assert engine.log == []
    assert resource.up(INPUTS) == "update"
    assert engine.log == [f"start {NAME}"]


@pytest.mark.usefixtures("adopting")
def test_missing_resources_are_not_created_and_those_of_others_not_adopted() -> None:
    engine = NodeEngine()
    with pytest.raises(
        ProviderError, match=f"container {NAME} on host .* does not exist, and adoption creates nothing"
    ):
        deployed(engine)
    host = {"Mounts": [{"Source": INPUTS["wallet"]}], "RestartPolicy": {"Name": "no"}, "NetworkMode": "none"}
    config = {"Image": GOOD, "Labels": {NODE: "urn:of-another"}, "HostConfig": host}
    engine.create_container_from_config(config, NAME)
    engine.log.clear()
    with pytest.raises(ProviderError, match="the name is already in use"):
        deployed(engine)
    assert engine.log == []


@pytest.mark.usefixtures("adopting")
def test_a_missing_wallet_volume_is_not_created(tmp_path: Path) -> None:
    (tmp_path / "volumes").mkdir()
    engine = WalletEngine(tmp_path / "volumes")
    with pytest.raises(
        ProviderError, match="the wallet volume 'skycoin-one-wallet' on host attic does not exist"
    ):
        preflight(engine).create(PROOF)
    assert engine.volumes == set()


class NothingThere:
    """The API of an engine that has nothing, and can't create anything."""

    def inspect_volume(self, name: str) -> None:
        raise NotFound(name)

    def inspect_network(self, name: str) -> None:
        raise NotFound(name)


def test_adoption_changes_and_removes_nothing_on_an_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    engine, closed = NodeEngine(), Engine()
    resource = deployed(engine)
    engine.log.clear()
    monkeypatch.setenv(ADOPTING, "1")
    with pytest.raises(ProviderError, match=f"container {NAME} on host attic was not changed"):
        resource.up({**INPUTS, "image": NEXT})
    with pytest.raises(ProviderError, match=f"container {NAME} was not changed"):
        resource.destroy()
    for refused in (
        lambda: Network(closed).delete("n", {}),
        lambda: Volume(closed).delete("v", {}),
        lambda: Container(closed).delete("c", {}),
        lambda: Container(closed).update("c", {}, {"name": "c"}),
    ):
        with pytest.raises(ProviderError, match="was not changed, because adoption changes nothing"):
            refused()
    assert engine.log == []


@pytest.mark.usefixtures("adopting")
@pytest.mark.parametrize(("kind", "name"), [(Volume, "volume v"), (Network, "network v")])
def test_the_stand_in_makes_neither_volume_nor_network(
    kind: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = Engine()
    monkeypatch.setattr(engine, "_client", type("Client", (), {"api": NothingThere()})(), raising=False)
    with pytest.raises(ProviderError, match=f"^{name} does not exist, and adoption creates nothing"):
        kind(engine).create({"name": "v"})


# The command


class Pulumi:
    """A fake pulumi that records its runs, each with the variable for the adoption."""

    def __init__(self) -> None:
        self.ran: list[tuple[str, str]] = []

    def __call__(self, arguments: list[str], env: Mapping[str, str], _: Path) -> int:
        self.ran.append((" ".join(arguments), env[ADOPTING]))
        return 0


@pytest.fixture
def layout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Layout:
    """A machine on which a set-up has nothing to install."""
    monkeypatch.setenv("SKYCOIN_STATE", str(tmp_path / "state"))
    (tmp_path / "stacks").mkdir()
    for module in ("stacks.files", "stacks.stack", "stacks.missing_nodes"):
        monkeypatch.setattr(f"local.{module}.PROJECT", tmp_path)

    def set_up(layout: Layout, stack: str = "local") -> dict[str, str]:
        if not state_file(layout, stack).exists():
            write_state(layout, stack, [])
        return {}

    monkeypatch.setattr(setup_adopt, "set_up", set_up)
    return read_layout()


@pytest.fixture
def pulumi(monkeypatch: pytest.MonkeyPatch) -> Pulumi:
    asked = Pulumi()
    monkeypatch.setattr(setup_adopt, "pulumi", asked)
    return asked


def write_state(layout: Layout, stack: str, resources: list[Any]) -> None:
    state_file(layout, stack).parent.mkdir(parents=True, exist_ok=True)
    state_file(layout, stack).write_text(json.dumps({"checkpoint": {"latest": {"resources": resources}}}))


def write_file(tmp_path: Path, whole: object) -> None:
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_text(yaml.safe_dump(whole))


def test_secrets_that_can_not_be_decrypted_are_listed_before_any_host_is_asked(
    layout: Layout, pulumi: Pulumi, tmp_path: Path
) -> None:
    write_file(tmp_path, FILE)
    with pytest.raises(
        SetupError,
        match=r"be recovered: skycoin:list\[0\], skycoin:registries\.hub\.login\.password in stacks/Pulumi",
    ):
        adopt(layout, "local")
    assert pulumi.ran == []


def test_lost_secrets_are_found_next_to_a_value_that_only_pulumi_can_read(
    layout: Layout, tmp_path: Path
) -> None:
    """Before, `setup adopt` ended with an internal error."""
    (tmp_path / "stacks" / "Pulumi.mine.yaml").write_text(
        "config:\n  skycoin:build-args: {A: =}\n  skycoin:build-secrets:\n    b: {secure: v1:x}\n"
    )
    assert lost_secrets(layout, "mine") == ["skycoin:build-secrets.b"]


def test_an_adoption_creates_nothing_and_ends_with_a_list_of_what_was_not_adopted(
    layout: Layout, pulumi: Pulumi, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_file(tmp_path, {"config": {"skycoin:nodes": {"one": {}, "two": {}}}})
    assert adopt(layout, "local") == 0
    assert pulumi.ran == [("up --yes --suppress-outputs --continue-on-error --stack local", "1")]
    output = capsys.readouterr().out
    assert "one: not adopted, see above" in output
    assert "Lost with the old set-up, and created again: its passphrase" in output


PUBLISHING = {
    "skycoin:registries": {"local": {"kind": "local"}, "hub": {"kind": "hub"}, "ghcr": {"kind": "ghcr"}},
    "skycoin:images": {"skycoin": {}},
    "skycoin:nodes": {"one": {}},
}


def test_a_stack_that_publishes_elsewhere_is_refused_without_publish(
    layout: Layout, pulumi: Pulumi, tmp_path: Path
) -> None:
    write_file(tmp_path, {"config": PUBLISHING})
    with pytest.raises(
        SetupError,
        match=r"publishes its images in ghcr and hub: .*, moving ones too, .* `--publish`.*\. Nothing",
    ):
        adopt(layout, "local")
    assert pulumi.ran == []
    assert adopt(layout, "local", publishes=True) == 0
    assert len(pulumi.ran) == 1


@pytest.mark.parametrize(
    "config",
    [
        {**PUBLISHING, "skycoin:registries": {"local": {"kind": "local"}}},
        {**PUBLISHING, "skycoin:images": {}},
        {"skycoin:nodes": {"one": {}}},
    ],
    ids=["only in the local registry", "no images", "neither"],
)
def test_a_stack_that_publishes_nothing_elsewhere_is_adopted_without_publish(
    layout: Layout, pulumi: Pulumi, tmp_path: Path, config: dict[str, object]
) -> None:
    write_file(tmp_path, {"config": config})
    assert adopt(layout, "local") == 0
    assert len(pulumi.ran) == 1


def test_a_stack_with_a_state_or_without_a_file_is_refused(
    layout: Layout, pulumi: Pulumi, tmp_path: Path
) -> None:
    with pytest.raises(SetupError, match=r"There is no stacks/Pulumi\.local\.yaml, which lists the nodes"):
        adopt(layout, "local")
    assert not layout.state.exists()
    write_file(tmp_path, {"config": {}})
    write_state(layout, "local", [{"urn": "x", "type": "y"}])
    (layout.state / "passphrase").write_text("x")
    with pytest.raises(SetupError, match="has every node of its file: there is nothing to adopt"):
        adopt(layout, "local")
    assert pulumi.ran == []


def test_the_official_plugin_is_refused_with_the_mode_that_adopts(
    layout: Layout, pulumi: Pulumi, tmp_path: Path
) -> None:
    write_file(tmp_path, {"config": {}})
    layout.state.mkdir()
    (layout.state / "passphrase").write_text("x")
    record(layout, DockerPlugin.OFFICIAL)
    with pytest.raises(SetupError, match=r"Run this with SKYCOIN_MODE=embedded"):
        adopt(layout, "local")
    assert pulumi.ran == []
