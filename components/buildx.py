"""docker-build's provider, and its Image without the Platform enum (docs/adr/0001).

The SDK's enum lacks linux/arm/v5, v6, v7 and linux/arm64/v8: given as strings they build, then
Python dies on the outputs. This class sends the same token and reads back only what it declares.
"""

from collections.abc import Mapping
from typing import Any, cast

import pulumi

from catalogue.naming import is_pinned

IMAGE_TYPE = "docker-build:index:Image"
VERSION = "0.0.22"


class BuildxProvider(pulumi.ProviderResource):
    """docker-build's provider, with the machine's own docker config.

    The SDK's class is the same, in a package that takes longer to import than all of this project.
    """

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        merged = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=VERSION), opts)
        super().__init__("docker-build", name, {}, merged)


class BuildxImage(pulumi.CustomResource):
    """One `docker buildx build` of one platform, pushed."""

    ref: pulumi.Output[str]
    """`repo:latest@sha256:…` of the pushed manifest: docker-build says `latest` where nothing has a tag."""
    digest: pulumi.Output[str]

    def __init__(
        self, name: str, inputs: Mapping[str, Any], opts: pulumi.ResourceOptions | None = None
    ) -> None:
        """`inputs` has the provider's own camelCase keys; outputs are filled by the provider."""
        merged = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(version=VERSION), opts)
        super().__init__(IMAGE_TYPE, name, {**inputs, "ref": None, "digest": None}, merged)


def pushed(ref: pulumi.Output[str]) -> pulumi.Output[str]:
    """The reference of a pushed manifest; unknown where it has no digest.

    In a preview that would build, the provider answers with the bare name: what the digest will be
    is not known then, and whatever depends on it must say so. A destroy or refresh that runs the program
    has no answer at all for what was never built.
    """

    def known(reference: str | None) -> pulumi.Input[str]:
        if reference and is_pinned(reference):
            return reference
        return pulumi.Output.from_input(cast("str", pulumi.UNKNOWN))

    return ref.apply(known)
