"""Nodes: from their settings to components on hosts, with their exporters and proxies, if any."""

import os
from collections.abc import Mapping, Sequence

import pulumi
import pulumi_docker as docker

from catalogue.images import EXPORTER, PROXY
from catalogue.naming import exporter_name, proxy_name
from catalogue.node_container import SKIPPED_HOSTS
from catalogue.stack_outputs import Node as NodeOutput
from components.exporter import Exporter, ExporterArgs
from components.node import Node, NodeArgs
from components.program_version import ProgramVersion
from components.proxy import Proxy, ProxyArgs
from components.pulled_image import HostImage
from display.command_lines import skyinfra
from program.hosts import host_of
from program.pulled_images import PulledImages
from program.rollbacks import kept_back
from settings.names import container_name, login_volume_name, volume_names, waves_of
from settings.node import NodeSettings, PeerNetwork
from settings.stack import StackSettings

GUI_API_SETS = ("WALLET", "STORAGE")
"""API sets that the GUI needs. Without STORAGE, which has the GUI's settings, v0.27.1 shows an error page."""


class Nodes:
    """The nodes of one stack, on the hosts' providers."""

    def __init__(
        self,
        settings: StackSettings,
        images: PulledImages,
        providers: Mapping[str, docker.Provider],
        marker: ProgramVersion,
    ) -> None:
        self._settings, self._images, self._providers = settings, images, providers
        self._marker = marker

    def deploy(self) -> dict[str, NodeOutput[pulumi.Input[str]]]:
        """Create all nodes, wave by wave; returns their outputs by name."""
        summaries, before = dict[str, NodeOutput[pulumi.Input[str]]](), list[pulumi.Resource]()
        skipped = os.environ.get(SKIPPED_HOSTS, "").split(",")
        for wave in waves_of(self._settings):
            proved = list[pulumi.Resource]()
            for name in wave:
                node, summaries[name] = self._deploy(name, before)
                # Resources that wait for a skipped node would be skipped too.
                if self._settings.nodes[name].host not in skipped:
                    proved.append(node.ready)
            before = proved or before
        return summaries

    def _deploy(
        self, name: str, after: Sequence[pulumi.Resource]
    ) -> tuple[Node, NodeOutput[pulumi.Input[str]]]:
        """Create one node, with its exporter and its proxy, if any; returns the node and its outputs.

        The node's container waits for the containers in `after`, those of an earlier wave.
        """
        node = self._settings.nodes[name]
        image = self._images.on(node.host, node.image, node.tag)
        if node.rollback is not None:
            image = kept_back(name, node.rollback, image, self._images.repository_of(node, image))
        deployed = Node(name, self._args(name, node, image, after), self._options(node))
        metrics = self._deploy_exporter(name, node, deployed, node.metrics_port) if node.metrics_port else ""
        summary: NodeOutput[pulumi.Input[str]] = {"host": node.host, **deployed.summary, "metrics": metrics}
        if deployed.proxy_image is not None:
            summary["login"] = self._deploy_proxy(name, node, deployed, deployed.proxy_image)
        return deployed, summary

    def _args(
        self, name: str, node: NodeSettings, image: HostImage, after: Sequence[pulumi.Resource]
    ) -> NodeArgs:
        """Arguments of the node's component; with `renamed-from`, its volumes keep their names."""
        data_volume, wallet_volume = volume_names(name, node)
        host = self._settings.hosts[node.host]
        board = host.limits_of(node)
        return NodeArgs(
            host=host_of(node.host, self._settings, self._marker),
            image=image,
            container=container_name(name, node.image),
            data_volume=data_volume,
            wallet_volume=wallet_volume,
            rpc_port=node.rpc_port,
            peer_port=None if node.network is PeerNetwork.NONE else node.peer_port,
            metrics_port=node.metrics_port,
            api_sets=_api_sets(node),
            proxy=self._images.on(node.host, PROXY) if node.gui else None,
            arguments=node.args,
            board=board,
            memory_is_chosen=host.is_memory_chosen(node),
            wait_timeout=board.wait,
            after=after,
            user=node.user,
            new_wallet=node.new_wallet,
            rollback=node.rollback.model_dump() if node.rollback else None,
        )

    def _deploy_exporter(self, name: str, node: NodeSettings, deployed: Node, port: int) -> pulumi.Input[str]:
        """Create the exporter of a node's metrics; returns their URL."""
        container = container_name(name, node.image)
        args = ExporterArgs(
            host=host_of(node.host, self._settings, self._marker),
            image=self._images.on(node.host, EXPORTER),
            container=exporter_name(container),
            network=deployed.network,
            node=container,
            port=port,
        )
        return Exporter(f"{name}-exporter", args, self._options(node, "-exporter")).metrics

    def _deploy_proxy(self, name: str, node: NodeSettings, deployed: Node, image: pulumi.Output[str]) -> str:
        """Create the proxy in front of a node's web interface; returns the command that shows its login."""
        container = container_name(name, node.image)
        args = ProxyArgs(
            image=image,
            container=proxy_name(container),
            login_volume=login_volume_name(name, node),
            network=deployed.network,
            node=container,
            after=deployed.ready,
            port=node.rpc_port,
        )
        Proxy(f"{name}-proxy", args, self._options(node, "-proxy"))
        return skyinfra(pulumi.get_stack(), "node password", name)

    def _options(self, node: NodeSettings, suffix: str = "") -> pulumi.ResourceOptions:
        """Options of a node's component: its host's provider, and its name before it was renamed."""
        former = node.renamed_from
        aliases = [pulumi.Alias(name=f"{former}{suffix}")] if former else None
        return pulumi.ResourceOptions(provider=self._providers[node.host], aliases=aliases)


def _api_sets(node: NodeSettings) -> list[str]:
    """API sets from the settings, and those that the GUI needs."""
    needed = GUI_API_SETS if node.gui else ()
    return [*node.api_sets, *(name for name in needed if name not in node.api_sets)]
