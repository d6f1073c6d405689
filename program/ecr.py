"""Registries of kind ecr: their provider and their repositories.

`program.py` imports this only where a stack has one: pulumi-aws is in requirements-ecr.txt, not
in requirements.txt. Pulumi installs the plugin of every SDK that it finds in the environment, and
Amazon's is by far the largest.
"""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.ecr import EcrRepository, EcrRepositoryArgs
from settings.registry import RegistrySettings

KEPT = 10
"""Number of feature and develop builds that stay if the settings give none."""


def make_repositories(
    name: str, registry: RegistrySettings, wanted: Mapping[str, Sequence[str]]
) -> dict[str, pulumi.Output[str]]:
    """Addresses of the registry's repositories; `wanted` is path → further tags that move."""
    provider = aws.Provider(
        name,
        region=registry.region,
        # Credentials of another account are refused before anything is made with them.
        allowed_account_ids=[str(registry.account)],
    )
    return {
        path: EcrRepository(
            f"{name}-{path.replace('/', '-')}",
            EcrRepositoryArgs(
                repository=f"{registry.namespace}/{path}" if registry.namespace else path,
                moving=moving,
                keep_features=registry.keep_features or KEPT,
                keep_develop=registry.keep_develop or KEPT,
            ),
            pulumi.ResourceOptions(provider=provider),
        ).url
        for path, moving in wanted.items()
    }
