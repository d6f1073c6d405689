"""The builder: a BuildKit daemon on a private socket, registered in buildx under a name."""

import json
import os
import platform
import socket
from pathlib import Path

from local.builds.network import BuildNetwork, ensure_build_network, resolver_of_steps
from local.machine.layout import Layout
from local.machine.services import Service
from local.machine.steps import SetupError, step

BUILDER = "skycoin-local"
"""Name of the buildx builder: `skycoin:builder` in the stack's YAML."""

SOCKET_LENGTH = 107
"""Linux's limit for sun_path without its final zero byte, unix(7)."""

GIGABYTE = 1_000_000_000
CACHE_LIMIT = 20 * GIGABYTE
"""Bytes of layers and cache mounts above which BuildKit collects garbage."""

CONFIG = """\
root = "{root}"
[grpc]
  address = ["unix://{socket}"]
  uid = {uid}
  gid = {gid}
{dns}[worker.oci]
  enabled = true
  networkMode = "cni"
  cniConfigPath = "{network}"
  cniBinaryPath = "{plugins}"
  gc = true
  maxUsedSpace = {limit}
[worker.containerd]
  enabled = false
"""


def builder_service(layout: Layout, program: Path) -> Service:
    """Write the builder's configuration, repair the network of its build steps, and return its service."""
    if len(str(layout.builder_socket)) > SOCKET_LENGTH:
        raise SetupError(
            f"{layout.builder_socket} is too long for a socket's path ({SOCKET_LENGTH} characters at most): "
            "set SKYCOIN_STATE to a shorter folder."
        )
    config, network = layout.state / "buildkitd.toml", layout.state / "build-network.conflist"
    config.parent.mkdir(parents=True, exist_ok=True)
    made = ensure_build_network(layout)
    network.write_text(json.dumps(_plugins(layout, made)))
    resolver = resolver_of_steps(made)
    config.write_text(
        CONFIG.format(
            root=layout.builder_root,
            socket=layout.builder_socket,
            uid=os.getuid(),
            gid=os.getgid(),
            limit=CACHE_LIMIT,
            dns=f'[dns]\n  nameservers = ["{resolver}"]\n' if resolver else "",
            network=network,
            plugins=program.parent,
        )
    )
    return Service(
        name="buildkitd",
        argv=[str(program), "--config", str(config)],
        # The local registry's authority, in addition to the machine's own.
        env={"SSL_CERT_FILE": str(layout.trust)},
        reads=[layout.trust, network],
        ready=lambda: _answers(layout.builder_socket),
        root=True,
    )


def _plugins(layout: Layout, network: BuildNetwork) -> dict[str, object]:
    """CNI configuration that connects a build step to the network."""
    addresses = {
        "type": "host-local",
        "dataDir": str(layout.state / "build-network"),
        "ranges": [[{"subnet": str(network.subnet)}]],
    }
    bridge = {
        "type": "bridge",
        "bridge": network.bridge,
        "isDefaultGateway": True,
        # Steps can't reach each other either.
        "portIsolation": True,
        "ipam": addresses,
    }
    return {"cniVersion": "1.0.0", "name": network.bridge, "plugins": [bridge]}


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(path)) == 0


def ensure_builder_instance(layout: Layout) -> None:
    """Write the file that registers the remote builder in buildx, below the set-up's own DOCKER_CONFIG."""
    with step(f"builder {BUILDER}") as this:
        path = layout.docker_config / "buildx" / "instances" / BUILDER
        node = {
            "Name": f"{BUILDER}0",
            "Endpoint": f"unix://{layout.builder_socket}",
            "Platforms": None,
            "DriverOpts": None,
            "Flags": None,
            "Files": None,
        }
        text = json.dumps({"Name": BUILDER, "Driver": "remote", "Nodes": [node], "Dynamic": False})
        this.found = f"BuildKit on {platform.machine()}, {layout.builder_socket}"
        if not path.exists() or path.read_text() != text:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
