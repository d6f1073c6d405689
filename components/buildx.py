"""docker-build's provider, and its Image without the Platform enum (docs/adr/0001).

The SDK's enum lacks linux/arm/v5, v6, v7 and linux/arm64/v8. Given as strings, they build, but then the SDK
fails on the outputs. BuildxImage registers the same resource type and reads back only the outputs that it
declares.
"""

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from catalogue.builds import DOCKER_BUILD_VERSION
from catalogue.naming import is_pinned

IMAGE_TYPE = "docker-build:index:Image"
VERSION = DOCKER_BUILD_VERSION


class BuildxProvider(pulumi.ProviderResource):
    """docker-build's provider, with this machine's own Docker configuration.

    The SDK's class does the same, but its package takes longer to import than all of this project.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        merged = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=VERSION), opts)
        super().__init__("docker-build", name, {}, merged)


class BuildxImage(pulumi.CustomResource):
    """One `docker buildx build` of one platform, pushed."""

    ref: pulumi.Output[str]
    """`repo:latest@sha256:…` of the pushed manifest. docker-build writes `latest` if no tag was given."""
    digest: pulumi.Output[str]

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """Register the build.

        `inputs` has the provider's own camelCase keys; the provider sets the outputs.
        """
        merged = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=VERSION), opts)
        super().__init__(IMAGE_TYPE, name, {**inputs, "ref": None, "digest": None}, merged)


def pushed(ref: pulumi.Output[str]) -> pulumi.Output[str]:
    """Return the reference of a pushed manifest; unknown if the reference has no digest.

    In a preview that would build, the provider returns the bare name. The digest isn't known yet, so
    resources that depend on it must see an unknown value. When a destroy or refresh runs the program, an
    image that was never built has no reference at all.
    """

    def known(reference: str | None) -> pulumi.Input[str]:
        if reference and is_pinned(reference):
            return reference
        return pulumi.Output.from_input(cast("str", pulumi.UNKNOWN))

    return ref.apply(known)
