"""Arguments that several tests start from: small and complete, without those that have a default."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker
import pulumi_docker_build as docker_build

from catalogue.arch import ARCHES, in_table_order
from components.host import Host
from components.image import ImageArgs
from components.node import NodeArgs
from components.pulled_image import HostImage
from components.registry import Repository
from components.variant import VariantArgs

REPOSITORY = "registry.example:5000/skycoin/skycoin"
BASE = f"registry.example:5000/base@sha256:{'b' * 64}"
BUILD_BASE = f"registry.example:5000/golang:1@sha256:{'a' * 64}"
HERE = Host(name="here")
PINNED = f"{REPOSITORY}@sha256:{'c' * 64}"
IMAGE = HostImage(ref=PINNED)


def on_builder() -> pulumi.ResourceOptions:
    """Options of resources that build."""
    return pulumi.ResourceOptions(provider=docker_build.Provider("builder"))


def on_host() -> pulumi.ResourceOptions:
    """Options of resources that run on a host."""
    return pulumi.ResourceOptions(provider=docker.Provider("here"))


def place(registry: str = "local", *, optional: bool = False, exact_tags_move: bool = True) -> Repository:
    """A repository in the registry of this name."""
    address = REPOSITORY if registry == "local" else f"{registry}.example/skycoin/skycoin"
    return Repository(
        registry=registry,
        address=address,
        exact_tags_move=exact_tags_move,
        optional=optional,
    )


def variant_args(arch: str = "arm32v7") -> VariantArgs:
    """One variant with only the required arguments."""
    return VariantArgs(
        arch=ARCHES[arch],
        context="./images/skycoin",
        dockerfile="./images/skycoin/Dockerfile",
        repository=REPOSITORY,
        base=BASE,
        build_base=BUILD_BASE,
    )


def image_args(arches: Sequence[str] = ("amd64", "arm32v6"), tags: Sequence[str] = ("latest",)) -> ImageArgs:
    """One image with another base for each architecture."""
    return ImageArgs(
        arches=in_table_order(set(arches)),
        tags=tags,
        context="./images/skycoin",
        dockerfile="./images/skycoin/Dockerfile",
        repositories=[place()],
        bases={arch: f"base/{arch}@sha256:{'b' * 64}" for arch in arches},
        build_base=BUILD_BASE,
    )


def node_args() -> NodeArgs:
    """One node without peers."""
    return NodeArgs(
        host=HERE,
        image=IMAGE,
        container="skycoin-node-1",
        data_volume="skycoin-node-1-data",
        wallet_volume="skycoin-node-1-wallet",
        rpc_port=6421,
    )
