"""The exporter next to a node: one container in the node's network, published on loopback only."""

from typing import Any

import pulumi
import pytest
import yaml

from catalogue.images import CATALOGUE
from catalogue.node_container import USER as NODE_USER
from components.exporter import Exporter, ExporterArgs
from mocks.engine import CONTAINER, NETWORK, PULLED
from tests.unit.engine import Engine
from tests.unit.projects import FILES, PROJECT, published, run_program, stack_settings, up_with
from tests.unit.samples import HERE, IMAGE, PINNED, on_host
from tests.unit.yaml_like import DIGEST, EXPORTER

COMPONENT = "skycoin:index:Exporter"
URL = "http://127.0.0.1:9400/probe?module=node&target=http://skycoin-node-1:6420/api/v1/health"


def _program() -> None:
    args = ExporterArgs(
        host=HERE,
        image=IMAGE,
        container="skycoin-node-1-exporter",
        network=pulumi.Output.from_input("skycoin-node-1"),
        node="skycoin-node-1",
        port=9400,
    )
    Exporter("node-1-exporter", args, on_host())


def test_an_exporter_is_one_confined_container_on_loopback(engine: Engine) -> None:
    engine.run(_program)
    assert engine.children(engine.one(COMPONENT, "node-1-exporter")) == [
        (CONTAINER, "node-1-exporter-container"),
        (PULLED, "node-1-exporter-pulled"),
    ]
    container = engine.one(CONTAINER, "node-1-exporter-container").inputs
    assert container["image"] == engine.one(PULLED, "node-1-exporter-pulled").inputs["image"] == PINNED
    assert container["ports"] == [{"internal": 7979, "external": 9400, "ip": "127.0.0.1"}]
    assert container["networkMode"] == "skycoin-node-1"
    assert (container["user"], container["readOnly"]) == ("10001:10001", True)
    assert container["capabilities"] == {"drops": ["ALL"]}
    assert container["securityOpts"] == ["no-new-privileges"]
    assert not {"mounts", "volumes", "privileged"} & container.keys()
    assert engine.outputs_of(COMPONENT, "node-1-exporter") == {
        "container": "skycoin-node-1-exporter",
        "metrics": URL,
    }


def test_an_exporter_has_limits_and_is_asked_whether_it_answers(engine: Engine) -> None:
    """So have nodes and hosted registries. Threads are counted by user id, so the exporter has its own."""
    engine.run(_program)
    container = engine.one(CONTAINER, "node-1-exporter-container")
    inputs = container.inputs
    assert [(limit["name"], limit["hard"]) for limit in inputs["ulimits"]] == [
        ("nofile", 4096),
        ("nproc", 1024),
    ]
    assert inputs["memory"] == 64
    check = inputs["healthcheck"]
    assert check["tests"] == ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:7979/metrics"]
    assert inputs["wait"] is True
    assert container.replace_on_changes == ("healthcheck",)
    assert (
        CATALOGUE["exporter"].build_args["UID"]
        == inputs["user"].partition(":")[0]
        != NODE_USER.partition(":")[0]
    )


def with_metrics(**host: Any) -> Engine:
    settings = stack_settings(FILES["local"])
    return up_with(
        "local",
        images={**settings["images"], "exporter": {**EXPORTER, "arches": ["amd64", "arm32v7"]}},
        hosts={"here": {"engine": "local", **host}},
        nodes={"node-1": {"image": "skycoin", "host": "here", "metrics-port": 9400}},
    )


def test_a_node_with_a_metrics_port_has_an_exporter_in_its_network() -> None:
    engine = with_metrics()
    container = engine.one(CONTAINER, "node-1-exporter-container")
    network = engine.one(NETWORK, "node-1-network")
    assert container.inputs["networkMode"] == network.inputs["name"]
    assert network.urn in container.dependencies
    digest = engine.digest("exporter-local-latest-tag")
    assert container.inputs["image"] == f"registry.localhost:5443/skycoin/exporter@{digest}"
    assert engine.exports()["nodes"]["node-1"]["metrics"] == URL
    assert engine.one(NETWORK, "node-1-network").provider == container.provider


def test_an_exporter_is_of_its_hosts_variant() -> None:
    engine = with_metrics(arch="arm32v7")
    image = engine.one(CONTAINER, "node-1-exporter-container").inputs["image"]
    assert image.endswith(f"@{engine.digest('exporter-arm32v7-image')}")


@pytest.mark.parametrize("tag", ["latest", "develop"])
def test_a_fleets_exporter_comes_from_the_publishing_stack(tag: str) -> None:
    """The exporter is found under the moving tag of whatever channel it is published on."""
    stacks = published()
    [outputs] = stacks.values()
    outputs["images"]["exporter"] = {
        tag: {"ref": f"docker.io/skycoin/exporter:{tag}@{DIGEST}", "digest": DIGEST, "variants": {}}
    }
    settings = {
        **stack_settings(FILES["fleet"]),
        "hosts": {"here": {"engine": "local"}},
        "nodes": {"one": {"image": "skycoin", "host": "here", "metrics-port": 9400, "tag": "latest"}},
    }
    engine = run_program(Engine(stacks=stacks), settings)
    image = engine.one(CONTAINER, "one-exporter-container").inputs["image"]
    assert image == f"docker.io/skycoin/exporter@{DIGEST}"


def test_a_renamed_nodes_exporter_is_kept() -> None:
    """A new exporter next to the old one would need the same port."""
    settings = stack_settings(FILES["local"])
    node = {"image": "skycoin", "host": "here", "metrics-port": 9400, "renamed-from": "one"}
    images = {**settings["images"], "exporter": {**EXPORTER, "arches": ["amd64"]}}
    engine = up_with("local", images=images, nodes={"kitchen": node})
    assert engine.one(COMPONENT, "kitchen-exporter").aliases == ("one-exporter",)


def test_a_node_without_a_metrics_port_has_no_exporter() -> None:
    engine = up_with("local")
    assert engine.all_of(COMPONENT) == []
    assert engine.exports()["nodes"]["node-1"]["metrics"] == ""


MAPPING = yaml.safe_load((PROJECT / "images/exporter/files/etc/exporter/node.yml").read_text())


@pytest.mark.parametrize("metric", MAPPING["modules"]["node"]["metrics"], ids=lambda one: one["path"])
def test_every_metric_has_a_prefix_a_help_and_a_type(metric: dict[str, Any]) -> None:
    """Names follow prometheus.io/docs/practices/naming, and the image's README lists each."""
    name = metric["name"] + ("_info" if metric.get("type") == "object" else "")
    assert name.startswith("skycoin_")
    assert metric["help"].endswith(".")
    assert metric["valuetype"] == "gauge"
    assert f"`{name}" in (PROJECT / "images/exporter/README.md").read_text()
