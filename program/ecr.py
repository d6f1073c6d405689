"""Registries of kind ecr: their provider and their repositories.

`program.py` imports this module only if a stack has such a registry: pulumi-aws is in
requirements-ecr.txt, not in requirements.txt. Pulumi installs the plugin of every SDK that it finds in
the environment, and Amazon's is by far the largest.
"""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_aws as aws

from components.ecr import EcrRepository, EcrRepositoryArgs
from components.program_version import ProgramVersion
from settings.names import created_repository
from settings.registry import RegistrySettings

DEFAULT_KEEP = 10
"""Default number of feature builds, and of develop builds, that are kept."""


def make_repositories(
    name: str, registry: RegistrySettings, wanted: Mapping[str, Sequence[str]], marker: ProgramVersion
) -> dict[str, pulumi.Output[str]]:
    """Create the registry's repositories and return their addresses; `wanted` is path → other moving tags."""
    provider = aws.Provider(
        name,
        region=registry.region,
        # Credentials of another account are refused before anything is created with them.
        allowed_account_ids=[str(registry.account)],
        opts=pulumi.ResourceOptions(depends_on=[marker]),
    )
    return {
        path: EcrRepository(
            created_repository(name, path),
            EcrRepositoryArgs(
                repository=f"{registry.namespace}/{path}" if registry.namespace else path,
                moving=moving,
                keep_features=registry.keep_features or DEFAULT_KEEP,
                keep_develop=registry.keep_develop or DEFAULT_KEEP,
            ),
            pulumi.ResourceOptions(provider=provider),
        ).url
        for path, moving in wanted.items()
    }
