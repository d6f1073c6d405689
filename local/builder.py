"""The builder: a BuildKit daemon on loopback, known to buildx and docker-build under a name."""

import json
import platform
from pathlib import Path

from local.layout import Layout
from local.services import Service, port_is_taken
from local.steps import step

BUILDER = "skycoin-local"
"""Name of the buildx instance: `skycoin:builder` in the stack's YAML."""

GIGABYTE = 1_000_000_000
CACHE_LIMIT = 20 * GIGABYTE
"""Bytes of layers and cache mounts that BuildKit keeps before it collects garbage."""

CONFIG = """\
root = "{root}"
[grpc]
  address = ["tcp://127.0.0.1:{port}"]
[worker.oci]
  enabled = true
  # Host network: build steps reach the package registries as the machine does.
  networkMode = "host"
  gc = true
  maxUsedSpace = {limit}
[worker.containerd]
  enabled = false
[registry."{registry}"]
  ca = ["{ca}"]
"""


def builder_service(layout: Layout, program: Path) -> Service:
    """The service; its settings file is written anew at each start."""
    config = layout.state / "buildkitd.toml"
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(
        CONFIG.format(
            root=layout.builder_root,
            port=layout.builder_port,
            limit=CACHE_LIMIT,
            registry=layout.registry,
            ca=layout.ca,
        )
    )
    return Service(
        name="buildkitd",
        argv=[str(program), "--config", str(config)],
        ready=lambda: port_is_taken(layout.builder_port),
        port=layout.builder_port,
        root=True,
    )


def ensure_builder_instance(layout: Layout) -> None:
    """The file by which buildx finds a remote builder, under the set-up's own DOCKER_CONFIG."""
    with step(f"builder {BUILDER}") as this:
        path = layout.docker_config / "buildx" / "instances" / BUILDER
        node = {
            "Name": f"{BUILDER}0",
            "Endpoint": f"tcp://127.0.0.1:{layout.builder_port}",
            "Platforms": None,
            "DriverOpts": None,
            "Flags": None,
            "Files": None,
        }
        text = json.dumps({"Name": BUILDER, "Driver": "remote", "Nodes": [node], "Dynamic": False})
        this.found = f"BuildKit on {platform.machine()}, tcp://127.0.0.1:{layout.builder_port}"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
