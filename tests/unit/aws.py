"""AWS behind the stand-in engine: boto3 makes the calls that the aws plugin would make, and moto answers.

Names, policies, regions and accounts thus meet Amazon's own client, which validates parameters by AWS's
models, and an implementation that refuses what AWS refuses. The calls are those that
terraform-provider-aws makes on create (read in its internal/service/ecr; repository.go only in a version
without the filters). The aws plugin itself was not run.
"""

import functools
import json
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

PROVIDER = "pulumi:providers:aws"
REPOSITORY = "aws:ecr/repository:Repository"
LIFECYCLE = "aws:ecr/lifecyclePolicy:LifecyclePolicy"
ACCOUNT = "123456789012"
"""Account of moto's credentials."""
DUMMIES = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_SESSION_TOKEN": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
}


@dataclass(frozen=True, slots=True)
class Call:
    """One request to AWS."""

    region: str
    operation: str
    parameters: Mapping[str, Any]


@dataclass(slots=True)
class AwsByMoto:
    """Stand-in for the aws plugin; `calls` holds its requests to ECR."""

    calls: list[Call] = field(default_factory=list)
    expired: bool = False
    """True for an expired session; moto accepts any credentials, so `call` raises AWS's error itself."""

    def __call__(self, type_: str, inputs: Mapping[str, Any], provider: Mapping[str, Any]) -> dict[str, Any]:
        """Return the outputs that the plugin adds to the inputs of a new resource."""
        if type_ == PROVIDER:
            return {}
        if type_ not in (REPOSITORY, LIFECYCLE):
            raise NotImplementedError(f"unexpected resource {type_}")
        region = provider["region"]
        account = self.call(region, "get_caller_identity", service="sts")["Account"]
        # The plugin checks this when it is configured, with this message; providers get lists as JSON.
        if f'"{account}"' not in provider["allowedAccountIds"]:
            raise PermissionError(f"AWS account ID not allowed: {account}")
        if type_ == LIFECYCLE:
            done = self.call(
                region,
                "put_lifecycle_policy",
                repositoryName=inputs["repository"],
                lifecyclePolicyText=inputs["policy"],
            )
            return {"registryId": done["registryId"]}
        made = self.call(
            region,
            "create_repository",
            repositoryName=inputs["name"],
            imageTagMutability=inputs["imageTagMutability"],
            imageTagMutabilityExclusionFilters=inputs["imageTagMutabilityExclusionFilters"],
            imageScanningConfiguration=inputs["imageScanningConfiguration"],
        )["repository"]
        return {"repositoryUrl": made["repositoryUri"], "arn": made["repositoryArn"]}

    def call(self, region: str, operation: str, service: str = "ecr", **parameters: Any) -> dict[str, Any]:
        """Make one call; boto3 validates and sends it."""
        if self.expired:
            said = {
                "Code": "ExpiredTokenException",
                "Message": "The security token included in the request is expired",
            }
            raise ClientError({"Error": said}, operation)
        if operation != "get_caller_identity":
            self.calls.append(Call(region, operation, parameters))
        answer: dict[str, Any] = getattr(_client(service, region), operation)(**parameters)
        return answer


@functools.cache
def _client(service: str, region: str) -> Any:
    """Create a client, once for all tests; moto has its calls in each block of `aws_by_moto`."""
    return boto3.client(service, region_name=region)


def log_of(calls: Iterable[Call]) -> str:
    """The calls as readable text: region, operation and every parameter."""
    blocks = [
        [
            f"{call.region} {call.operation}",
            *(f"    {name}: {_said(call.parameters[name])}" for name in sorted(call.parameters)),
        ]
        for call in calls
    ]
    return "\n".join(line for block in blocks for line in block) + "\n"


def _said(value: Any) -> str:
    """Return a text as it is and other values as JSON; a JSON text, such as a policy, is indented."""
    known = json.loads(value) if isinstance(value, str) and value.startswith("{") else value
    if isinstance(known, str):
        return known
    # The order of the keys on the wire is arbitrary.
    return json.dumps(known, indent=4, sort_keys=True).replace("\n", "\n    ")


@contextmanager
def aws_by_moto() -> Iterator[AwsByMoto]:
    """An empty AWS for the duration of the block: dummy credentials, no network."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in DUMMIES.items():
            patch.setenv(name, value)
        with mock_aws():
            yield AwsByMoto()
