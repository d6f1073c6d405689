"""Deployed nodes, from a stack's state: their host, image, containers and volumes."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from catalogue.naming import copies_volume
from catalogue.node_container import USER, user_of
from catalogue.urns import name_of
from clients.pull import HostInputs
from display.command_lines import docker_command, skyinfra
from display.errors import UserError


@dataclass(frozen=True, kw_only=True, slots=True)
class DeployedNode:
    """One node in a stack's state."""

    stack: str
    name: str
    host: str
    """Name of the host in the stack."""
    engine: str | None
    """`unix://…` or `ssh://…`; None means the engine of the environment (DOCKER_HOST)."""
    ssh_options: Sequence[str]
    image: str
    """`repo@sha256:…` of the node's last deployment."""
    pull_from: str | None = None
    """Repository that its host pulls from; None means the image's own."""
    runs: str = ""
    """`native` or `emulated`; empty if its host was never asked."""
    last_healthy: str = ""
    """The last healthy image whose digest is not that of `image`; empty if none is known."""
    user: str = USER
    """User and group ids that own its volumes, as UID:GID."""
    rollback: Mapping[str, str] | None = None
    """Digest, reason and date of a rollback; None if there is none."""
    container: str | None
    """Name on the host; None after a destroy, which keeps the wallet."""
    wallet: str
    """Name of the wallet volume."""
    data: str | None
    """Name of the data volume; None after a destroy."""
    proxy: str | None = None
    """Name of the container of the proxy in front of its web interface; None if there is no proxy."""
    preflight: str
    """URN of its preflight, which records its wallets."""
    urns: Sequence[str]
    """URNs of all resources of the node, children after their parents."""
    protected: Sequence[str]
    """The protected ones of `urns`."""

    @property
    def host_inputs(self) -> HostInputs:
        """The node's host, in the form of a resource's inputs."""
        inputs = {
            "host": self.host,
            "engine": self.engine,
            "sshOptions": [*self.ssh_options],
            "pullFrom": self.pull_from,
        }
        return inputs if self.user == USER else {**inputs, "user": self.user}

    @property
    def copies_volume(self) -> str:
        """Name of the volume with the copies of the wallet."""
        return copies_volume(self.wallet)

    @property
    def kept(self) -> str:
        """Describe the node's volumes, which are retained when it is removed."""
        data = f", data volume {self.data}" if self.data else ""
        return f"wallet volume {self.wallet}, its copies in {self.copies_volume}{data}"

    def wallet_command(self, command: str, *arguments: str) -> str:
        """Command line of `./skyinfra wallet` for this node, such as that of `restore` with `FILE`."""
        return skyinfra(self.stack, "wallet", command, self.name, *arguments)

    @property
    def where(self) -> str:
        """Name and host, as they appear in messages."""
        return f"{self.name} on host {self.host}"

    @property
    def docker(self) -> str:
        """Beginning of a docker command line for the node's host."""
        return docker_command(self.engine, self.ssh_options)


def nodes_of(stack: str, resources: Sequence[Mapping[str, Any]]) -> dict[str, DeployedNode]:
    """Nodes of a stack by name, from the resources of its state (`deployment.resources` of an export)."""
    parents = {resource["urn"]: str(resource.get("parent", "")) for resource in resources}
    parts: dict[str, list[Mapping[str, Any]]] = {urn: [] for urn in parents if _NODE in urn}
    for resource in resources:
        if (owner := _owner(resource["urn"], parents, parts)) is not None:
            parts[owner].append(resource)
    nodes = {name_of(urn): _node(stack, urn, node_parts) for urn, node_parts in parts.items()}
    return {name: node for name, node in nodes.items() if node is not None}


_NODE = "::skycoin:index:Node::"
_BESIDE = {"::skycoin:index:Exporter::": "-exporter", "::skycoin:index:Proxy::": "-proxy"}
"""Type of another component of a node → suffix of its name."""


def _owner(urn: str, parents: Mapping[str, str], nodes: Container[str]) -> str | None:
    """URN of the node that a resource belongs to; None if it belongs to none.

    The node is the resource itself, one of its ancestors, or the node of an exporter or proxy among these.
    """
    while urn:
        node = urn
        for kind, end in _BESIDE.items():
            node = node.replace(kind, _NODE).removesuffix(end) if kind in node else node
        if node in nodes:
            return node
        urn = parents.get(urn, "")
    return None


def _node(stack: str, urn: str, parts: Sequence[Mapping[str, Any]]) -> DeployedNode | None:
    """The node of a component; None if the component has no preflight in the state."""
    name = name_of(urn)
    inputs = {name_of(part["urn"]): part.get("inputs", {}) for part in parts}
    outputs = {name_of(part["urn"]): part.get("outputs") or {} for part in parts}
    preflight = inputs.get(f"{name}-preflight")
    if preflight is None:
        return None
    container = inputs.get(f"{name}-container", {})
    return DeployedNode(
        stack=stack,
        name=name,
        host=preflight["host"],
        engine=preflight.get("engine"),
        ssh_options=preflight.get("sshOptions") or [],
        # The container's if there is one: after a failed `up`, the preflight may already have a newer image.
        image=container.get("image") or preflight["image"],
        pull_from=preflight.get("pullFrom"),
        runs=str(outputs[f"{name}-preflight"].get("runs") or ""),
        last_healthy=outputs.get(f"{name}-container", {}).get("lastHealthy") or "",
        user=user_of(preflight),  # which has checked that the volumes belong to that user
        rollback=container.get("rollback"),
        container=container.get("name"),
        wallet=inputs.get(f"{name}-wallet", {}).get("name") or preflight["wallet"],
        data=inputs.get(f"{name}-data", {}).get("name"),
        proxy=inputs.get(f"{name}-proxy-container", {}).get("name"),
        preflight=next(part["urn"] for part in parts if part["urn"].endswith(f"::{name}-preflight")),
        urns=[part["urn"] for part in parts],
        protected=[part["urn"] for part in parts if part.get("protect")],
    )


def node_of(stack: str, name: str, resources: Sequence[Mapping[str, Any]]) -> DeployedNode:
    """One node of a stack. Raises UserError that lists the existing nodes."""
    nodes = nodes_of(stack, resources)
    if name not in nodes:
        names = ", ".join(sorted(nodes)) or "none"
        raise UserError(f"{name!r} is not a node of the stack {stack}; its nodes are: {names}")
    return nodes[name]
