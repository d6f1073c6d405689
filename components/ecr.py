"""A repository in Amazon's registry: exact release tags never move there, features make room.

Makes the repository and its lifecycle policy. Never deletes a repository: it is protected, kept on
delete, and AWS refuses to delete one with images. No credentials: pushes use the machine's own
docker configuration (docs/stacks.md).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from catalogue.arch import ARCHES

MOVING = ("latest*", "develop*", "feature-*")
"""Tags of channels that move, with and without an architecture behind them."""
FILTERS = 5
"""ECR takes that many exclusion filters (API reference, PutImageTagMutability)."""
KEPT = ("release-v*", "develop", "develop-am*", "develop-ar*")
"""Every published manifest of a release, list or variant, has a release-v tag too. The last two are the
variants of `develop`: no commit begins like that, so `develop-13141d81aaa5` is none of them."""
NEVER = 1_000_000
"""Images; a repository holds at most 100,000 (ECR service quotas)."""
UNTAGGED_DAYS = 30
IMAGES_OF_A_TAG = len(ARCHES) + 1
"""At most: a list and its variants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EcrRepositoryArgs:
    """What one repository is for."""

    repository: str
    """Its name in the registry, namespace included."""
    moving: Sequence[str] = ()
    """Further tags that may move, such as a release's `0.27`; there is room for one."""
    keep_features: int = 10
    keep_develop: int = 10


class EcrRepository(pulumi.ComponentResource):
    """One repository that images are pushed to."""

    url: pulumi.Output[str]
    """Address without a tag, known when the repository is there."""

    def __init__(
        self, name: str, args: EcrRepositoryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("skycoin:index:EcrRepository", name, None, opts)
        repository = aws.ecr.Repository(
            f"{name}-repository",
            name=args.repository,
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[
                aws.ecr.RepositoryImageTagMutabilityExclusionFilterArgs(filter=one, filter_type="WILDCARD")
                for one in moving_filters(args.moving)
            ],
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            force_delete=False,
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        aws.ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=repository.name,
            policy=json.dumps(lifecycle_policy(args.keep_features, args.keep_develop)),
            # A changed policy is a replacement, and the old one is deleted by the repository's name:
            # deleted last, it would take the new one with it.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.url = repository.repository_url
        self.register_outputs({"url": self.url})


def moving_filters(moving: Iterable[str]) -> list[str]:
    """Wildcards over the tags that may move; a wildcard can't tell 0.27 from 0.27.1, so 0.27 is named.

    Raises ValueError where they are more than ECR takes.
    """
    filters = [*MOVING, *(one for tag in moving for one in (tag, f"{tag}-*"))]
    if len(filters) > FILTERS:
        raise ValueError(
            f"ECR takes {FILTERS} filters of moving tags, not {len(filters)}: {', '.join(filters)}"
        )
    return filters


def lifecycle_policy(features: int, develop: int) -> dict[str, Any]:
    """What may expire: all but the last features and develop builds, and what has had no tag for a month.

    ECR's own rules (user guide, "Lifecycle policy evaluation rules"): an image that matches the
    tags of one rule is not expired by a later one, so the first ones hold releases and develop where
    a feature has equal content; and an image that a manifest list refers to stays as long as the
    list, so the untagged children of a list are safe.
    """
    kept = [_tagged(tag, NEVER) for tag in KEPT]
    counted = [("feature-*", features), ("develop-*", develop)]
    builds = [_tagged(tag, keep * IMAGES_OF_A_TAG) for tag, keep in counted]
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    }
    selections = [*kept, *builds, untagged]
    return {
        "rules": [
            {"rulePriority": priority, "selection": selection, "action": {"type": "expire"}}
            for priority, selection in enumerate(selections, start=1)
        ]
    }


def _tagged(pattern: str, count: int) -> dict[str, Any]:
    return {
        "tagStatus": "tagged",
        "tagPatternList": [pattern],
        "countType": "imageCountMoreThan",
        "countNumber": count,
    }
