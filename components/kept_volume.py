"""Volumes that outlive the component that creates them: no replacement, `up` or `destroy` removes one."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker


def kept_volume(
    name: str,
    physical: str,
    *,
    parent: pulumi.Resource,
    depends_on: Sequence[pulumi.Resource] = (),
    protect: bool | None = None,
) -> docker.Volume:
    """Create the volume `physical`, or take an existing one of that name, as Docker does."""
    opts = pulumi.ResourceOptions(
        parent=parent,
        protect=protect,
        retain_on_delete=True,
        depends_on=list(depends_on),
        # An existing volume may have other labels, driver or options: a difference would replace it.
        ignore_changes=["labels", "driver", "driverOpts"],
    )
    return docker.Volume(name, name=physical, opts=opts)
