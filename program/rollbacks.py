"""Image of a rolled-back node: its image's repository, with the digest in its settings. Each run warns."""

from dataclasses import replace

import pulumi

from components.pulled_image import HostImage
from display.rollback import lifting, rolled_back
from settings.node import RollbackSettings


def kept_back(
    name: str, rollback: RollbackSettings, image: HostImage, repository: pulumi.Input[str]
) -> HostImage:
    """Image that a rolled-back node keeps, instead of the stack's image."""
    stack, digest = pulumi.get_stack(), rollback.digest
    pulumi.log.warn(rolled_back(name, stack, rollback.model_dump()))

    def say_superfluous(ref: str) -> None:
        if ref.endswith(f"@{digest}"):
            pulumi.log.warn(
                f"{name}: its rollback is not needed, because the stack has that digest for it anyway: "
                f"`{lifting(name, stack)}`"
            )

    pulumi.Output.from_input(image.ref).apply(say_superfluous)
    return replace(image, ref=pulumi.Output.concat(repository, "@", digest), version=None)
