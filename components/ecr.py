"""A repository in Amazon ECR: release tags are immutable, and old feature builds expire.

Creates the repository and its lifecycle policy. Never deletes a repository: it is protected and retained, and
AWS refuses to delete one that holds images. Handles no credentials: pushes use this machine's own Docker
configuration (docs/stacks.md).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws as aws

from catalogue.arch import ARCHES

MOVING = ("latest*", "develop*", "feature-*")
"""Moving tags of the channels, with or without an architecture as suffix."""
FILTERS = 5
"""Maximum number of exclusion filters that ECR accepts (API reference, PutImageTagMutability)."""
PERMANENT = ("release-v*", "develop", "develop-am*", "develop-ar*")
"""Tags whose images never expire.

Every published manifest of a release, list or variant, also has a release-v tag. The last two match the
variants of `develop`. They match no tag of a single commit such as `develop-13141d81aaa5`, because no commit
hash begins with these letters.
"""
NEVER = 1_000_000
"""Count of images that is never reached: a repository holds at most 100,000 (ECR service quotas)."""
UNTAGGED_DAYS = 30
IMAGES_OF_A_TAG = len(ARCHES) + 1
"""Maximum number of images per tag: a list and its variants."""


@dataclass(frozen=True, kw_only=True, slots=True)
class EcrRepositoryArgs:
    """Arguments of one repository: its name, and the tags that may move."""

    repository: str
    """Name in the registry, including the namespace."""
    moving: Sequence[str] = ()
    """Further tags that may move, such as a release's `0.27`; ECR's limit leaves room for one."""
    keep_features: int = 10
    keep_develop: int = 10


class EcrRepository(pulumi.ComponentResource):
    """One repository that images are pushed to."""

    url: pulumi.Output[str]
    """Address without a tag; known once the repository exists."""

    def __init__(
        self, name: str, args: EcrRepositoryArgs, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        super().__init__("skycoin:index:EcrRepository", name, None, opts)
        repository = aws.ecr.Repository(
            f"{name}-repository",
            name=args.repository,
            image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
            image_tag_mutability_exclusion_filters=[
                aws.ecr.RepositoryImageTagMutabilityExclusionFilterArgs(
                    filter=pattern, filter_type="WILDCARD"
                )
                for pattern in moving_filters(args.moving)
            ],
            image_scanning_configuration=aws.ecr.RepositoryImageScanningConfigurationArgs(scan_on_push=True),
            force_delete=False,
            opts=pulumi.ResourceOptions(parent=self, protect=True, retain_on_delete=True),
        )
        aws.ecr.LifecyclePolicy(
            f"{name}-lifecycle",
            repository=repository.name,
            policy=json.dumps(lifecycle_policy(args.keep_features, args.keep_develop)),
            # A changed policy is a replacement, and the old policy is deleted by the repository's name. If it
            # were deleted last, the new policy would be deleted with it.
            opts=pulumi.ResourceOptions(parent=self, delete_before_replace=True),
        )
        self.url = repository.repository_url
        self.register_outputs({"url": self.url})


def moving_filters(moving: Iterable[str]) -> list[str]:
    """Wildcards for the tags that may move; `0.27` is listed by name, since `0.27*` would also match 0.27.1.

    Raises ValueError if there are more than ECR accepts.
    """
    filters = [*MOVING, *(pattern for tag in moving for pattern in (tag, f"{tag}-*"))]
    if len(filters) > FILTERS:
        raise ValueError(
            f"ECR accepts {FILTERS} filters of moving tags, not {len(filters)}: {', '.join(filters)}"
        )
    return filters


def lifecycle_policy(features: int, develop: int) -> dict[str, Any]:
    """Expire all but the newest feature and develop builds, and untagged images pushed over a month ago.

    `features` and `develop` are numbers of tags to keep. Two rules of ECR protect the rest (user guide,
    "Lifecycle policy evaluation rules"). An image that matches the tags of one rule is not expired by a later
    rule, so the first rules hold releases and develop, which may share content with a feature build. An image
    that a manifest list refers to stays as long as the list, so the untagged children of a list are safe.
    """
    permanent = [_tagged(tag, NEVER) for tag in PERMANENT]
    counted = [("feature-*", features), ("develop-*", develop)]
    builds = [_tagged(tag, keep * IMAGES_OF_A_TAG) for tag, keep in counted]
    untagged = {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": UNTAGGED_DAYS,
    }
    selections = [*permanent, *builds, untagged]
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
