"""Amazon's registry: its repositories, which tags move or expire, and no credentials in the graph.

moto stands for AWS, and boto3 calls it (tests/unit/aws.py). This does not show that the aws plugin makes
these calls, or that AWS itself evaluates filters and policies as documented.
"""

import base64
import json
import os
import sys
from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

import pulumi
import pulumi_aws as aws
import pytest
from botocore.exceptions import ClientError, ParamValidationError

from catalogue.arch import ARCHES
from catalogue.naming import Channel, channel_tags, minor_tag, variant_tag
from clients.registry_login import login_command
from components.ecr import EcrRepository, EcrRepositoryArgs, lifecycle_policy, moving_filters
from mocks.engine import BUILD, TAG
from mocks.wire import UNKNOWN
from tests.unit.aws import ACCOUNT, LIFECYCLE, PROVIDER, REPOSITORY, aws_by_moto, log_of
from tests.unit.engine import Engine
from tests.unit.projects import FILES, PROJECT, previewed, run_program, stack_settings, up, up_with
from tests.unit.snapshots import rendered
from tests.unit.yaml_like import DIGEST

COMPONENT = "skycoin:index:EcrRepository"
URL = f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/skycoin/skycoin"


def _one_repository(repository: str = "skycoin/skycoin", *moving: str, account: str = ACCOUNT) -> None:
    provider = aws.Provider("amazon", region="eu-central-1", allowed_account_ids=[account])
    args = EcrRepositoryArgs(repository=repository, moving=moving, keep_features=3, keep_develop=7)
    EcrRepository("node", args, pulumi.ResourceOptions(provider=provider))


def _registry(more: Mapping[str, Any]) -> dict[str, Any]:
    return {"amazon": {"kind": "ecr", "account": ACCOUNT, "region": "eu-central-1", **more}}


def test_a_repository_and_its_policy_are_all_that_is_made() -> None:
    with aws_by_moto() as amazon:
        engine = Engine(aws=amazon)
        engine.run(lambda: _one_repository("skycoin/skycoin", "0.27"))
    component = engine.one(COMPONENT, "node")
    assert engine.children(component) == [(LIFECYCLE, "node-lifecycle"), (REPOSITORY, "node-repository")]
    repository = engine.one(REPOSITORY, "node-repository")
    assert repository.inputs == {
        "name": "skycoin/skycoin",
        "forceDelete": False,
        "imageScanningConfiguration": {"scanOnPush": True},
        "imageTagMutability": "IMMUTABLE_WITH_EXCLUSION",
        "imageTagMutabilityExclusionFilters": [
            {"filter": pattern, "filterType": "WILDCARD"}
            for pattern in ("latest*", "develop*", "feature-*", "0.27", "0.27-*")
        ],
    }
    assert (repository.protect, repository.retain_on_delete) == (True, True)
    lifecycle = engine.one(LIFECYCLE, "node-lifecycle")
    assert json.loads(lifecycle.inputs["policy"]) == lifecycle_policy(3, 7)
    assert repository.urn in lifecycle.dependencies
    assert lifecycle.delete_before_replace, "the old policy's delete would remove the new one"
    assert not repository.delete_before_replace
    assert engine.outputs_of(COMPONENT, "node") == {"url": URL}


def test_amazon_is_asked_for_one_repository_and_its_policy() -> None:
    with aws_by_moto() as amazon:
        run_program(Engine(aws=amazon), stack_settings(FILES["ecr"]), "ecr")
        assert [(call.region, call.operation) for call in amazon.calls] == [
            ("eu-central-1", "create_repository"),
            ("eu-central-1", "put_lifecycle_policy"),
        ]
        [there] = amazon.call("eu-central-1", "describe_repositories")["repositories"]
        policy = amazon.call("eu-central-1", "get_lifecycle_policy", repositoryName="skycoin/skycoin")
        assert amazon.call("us-east-1", "describe_repositories")["repositories"] == []
    assert there["repositoryUri"] == URL
    assert there["imageTagMutability"] == "IMMUTABLE_WITH_EXCLUSION"
    assert there["imageScanningConfiguration"] == {"scanOnPush": True}
    assert json.loads(policy["lifecyclePolicyText"]) == lifecycle_policy(10, 10)


def test_the_calls_of_a_first_up_are_those_of_the_snapshot() -> None:
    """tests/snapshots/calls/ecr.txt has every request of a first `up`; UPDATE_SNAPSHOTS=1 rewrites it."""
    with aws_by_moto() as amazon:
        run_program(Engine(aws=amazon), stack_settings(FILES["ecr"]), "ecr")
    text, file = log_of(amazon.calls), PROJECT / "tests" / "snapshots" / "calls" / "ecr.txt"
    if os.environ.get("UPDATE_SNAPSHOTS") == "1":
        file.write_text(text)
    assert text == file.read_text()


def test_a_first_preview_asks_amazon_for_nothing() -> None:
    with aws_by_moto() as amazon:
        engine = run_program(Engine(preview=True, aws=amazon), stack_settings(FILES["ecr"]))
        assert amazon.calls == []
    assert engine.one(BUILD, "skycoin-amd64-image").inputs["tags"][0] is UNKNOWN


def test_everything_is_pushed_to_the_created_repository_and_waits_for_it() -> None:
    engine = up("ecr")
    repository = engine.one(REPOSITORY, "ecr-skycoin-skycoin-repository").urn
    builds, lists = engine.all_of(BUILD), engine.all_of(TAG)
    assert (len(builds), len(lists)) == (5, 4)
    for build in builds:
        assert repository in build.dependencies, build.name
        assert build.inputs["tags"] == [URL]
    for entry in lists:
        assert repository in entry.dependencies, entry.name
        assert entry.inputs["repository"] == URL
        assert entry.inputs["immutable"] == (entry.inputs["tag"] in ("0.27.1", "release-v0.27.1"))


def test_the_provider_is_explicit_and_bound_to_region_and_account() -> None:
    provider = up("ecr").one(PROVIDER, "ecr").inputs
    assert provider["region"] == "eu-central-1"
    assert provider["allowedAccountIds"] == json.dumps([ACCOUNT])
    assert not {"accessKey", "secretKey", "token", "profile"} & provider.keys()


def test_namespace_and_features_are_the_registrys_and_a_base_has_a_repository_too() -> None:
    engine = up_with(
        "ecr",
        registries=_registry({"namespace": "team", "keep-features": 2, "keep-develop": 4}),
        bases="debian",
        build_base=f"registry.example/base/build@{DIGEST}",
    )
    names = {entry.name: entry.inputs["name"] for entry in engine.all_of(REPOSITORY)}
    assert names == {
        "amazon-base-busybox-repository": "team/base/busybox",
        "amazon-skycoin-repository": "team/skycoin",
    }
    policy = json.loads(engine.one(LIFECYCLE, "amazon-skycoin-lifecycle").inputs["policy"])
    assert policy == lifecycle_policy(2, 4)
    busybox = engine.one(BUILD, "busybox-amd64-image").inputs["tags"][0]
    assert busybox == f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com/team/base/busybox"
    moving = engine.one(REPOSITORY, "amazon-base-busybox-repository").inputs
    assert {"filter": "bookworm-*", "filterType": "WILDCARD"} in moving["imageTagMutabilityExclusionFilters"]


def test_a_repository_that_nothing_is_pushed_to_is_not_created() -> None:
    other = {"kind": "local"}
    engine = up_with("ecr", registries={"first": other, **_registry({})}, images={})
    assert engine.all_of(REPOSITORY) == []


# Refusals by Amazon.


@pytest.mark.parametrize("name", ["Skycoin/Skycoin", "skycoin//node", "a"])
def test_a_name_that_amazon_does_not_take_fails(name: str) -> None:
    with aws_by_moto() as amazon, pytest.raises((ClientError, ParamValidationError)):
        Engine(aws=amazon).run(lambda: _one_repository(name))


def test_an_existing_repository_is_not_taken_over() -> None:
    with aws_by_moto() as amazon:
        amazon.call("eu-central-1", "create_repository", repositoryName="skycoin/skycoin")
        with pytest.raises(ClientError, match="RepositoryAlreadyExists"):
            Engine(aws=amazon).run(_one_repository)


def test_a_region_that_amazon_does_not_have_fails() -> None:
    """The settings check only the form of a region's name; moto knows which regions there are."""
    settings = {**stack_settings(FILES["ecr"]), "registries": _registry({"region": "eu-nowhere-1"})}
    with pytest.raises(KeyError, match="eu-nowhere-1"):
        run_program(Engine(), settings)


def test_credentials_of_another_account_make_nothing() -> None:
    with aws_by_moto() as amazon:
        with pytest.raises(PermissionError, match=f"account ID not allowed: {ACCOUNT}"):
            Engine(aws=amazon).run(lambda: _one_repository(account="999999999999"))
        assert amazon.calls == []


@pytest.mark.case(12)
def test_an_expired_session_creates_nothing_and_the_next_up_creates_all() -> None:
    """Builds push nothing either, because each waits for its repository's address."""
    with aws_by_moto() as amazon:
        amazon.expired = True
        failed = Engine(aws=amazon)
        with pytest.raises(ClientError, match=r"ExpiredTokenException.*security token .* is expired"):
            run_program(failed, stack_settings(FILES["ecr"]), "ecr")
        assert (failed.all_of(BUILD), failed.all_of(TAG), amazon.calls) == ([], [], [])
        amazon.expired = False
        engine = run_program(Engine(aws=amazon), stack_settings(FILES["ecr"]), "ecr")
    assert rendered(engine) == rendered(up("ecr"))


@pytest.mark.case(12)
@pytest.mark.parametrize(
    ("host", "command"),
    [
        (
            f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com",
            "aws ecr get-login-password --region eu-central-1 | docker login --username AWS --password-stdin "
            f"{ACCOUNT}.dkr.ecr.eu-central-1.amazonaws.com",
        ),
        (
            f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn",
            "aws ecr get-login-password --region cn-north-1 | docker login --username AWS --password-stdin "
            f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn",
        ),
        ("ghcr.io", "docker login ghcr.io"),
        (
            "dkr.ecr.eu-central-1.amazonaws.com.evil.example",
            "docker login dkr.ecr.eu-central-1.amazonaws.com.evil.example",
        ),
    ],
)
def test_an_expired_login_is_reported_with_the_command_that_renews_it(host: str, command: str) -> None:
    """Amazon's token lasts 12 hours; the registry's answer after that: tests/e2e/test_registry_faults.py."""
    assert login_command(host) == f"`{command}`"


def test_the_stand_in_refuses_unknown_resources() -> None:
    with aws_by_moto() as amazon, pytest.raises(NotImplementedError, match="aws:s3/bucket:Bucket"):
        amazon("aws:s3/bucket:Bucket", {}, {})


@pytest.mark.parametrize(
    "policy",
    [
        {"rule": [lifecycle_policy(1, 1)["rules"]]},
        {"rules": [{"rulePriority": 1, "description": "no selection, no action" * 5}]},
        {"rules": [{**lifecycle_policy(1, 1)["rules"][0], "action": {"type": "delete"}}]},
        {"rules": [*lifecycle_policy(0, 0)["rules"]]},
    ],
    ids=["no rules", "half a rule", "an unknown action", "a count of nothing"],
)
def test_the_stand_in_refuses_a_malformed_policy(policy: dict[str, Any]) -> None:
    """This shows that moto checks the policies in the tests above."""
    with aws_by_moto() as amazon:
        amazon.call("eu-central-1", "create_repository", repositoryName="node")
        provider = {"region": "eu-central-1", "allowedAccountIds": f'["{ACCOUNT}"]'}
        with pytest.raises(ClientError, match="LifecyclePolicyText"):
            amazon(LIFECYCLE, {"repository": "node", "policy": json.dumps(policy)}, provider)


def test_more_moving_tags_than_amazon_has_filters_are_refused() -> None:
    """Neither boto3 nor moto knows this limit, which is in the API reference; no other test covers it."""
    with pytest.raises(ValueError, match=r"ECR accepts 5 filters of moving tags, not 7: .*0\.28-\*"):
        moving_filters(["0.27", "0.28"])


# Tags that may move, and tags that may expire.

VERSION = "v0.27.1"
TAGS = {
    **dict.fromkeys(channel_tags(Channel.RELEASE, version=VERSION)[:2], True),
    **dict.fromkeys(channel_tags(Channel.RELEASE, version=VERSION)[2:], False),
    **dict.fromkeys(channel_tags(Channel.RELEASE, version=VERSION, revision=2)[2:], False),
    **dict.fromkeys(channel_tags(Channel.DEVELOP, commit="a" * 40), True),
    **dict.fromkeys(channel_tags(Channel.FEATURE, feature="x"), True),
    "0.2": False,
    "0.270": False,
}
"""Tag → True if it may move."""


@pytest.mark.parametrize(("tag", "moves"), TAGS.items(), ids=TAGS)
def test_only_moving_tags_may_move_with_every_suffix(tag: str, *, moves: bool) -> None:
    filters = moving_filters([minor_tag(VERSION)])
    for written in (tag, *(variant_tag(tag, arch) for arch in ARCHES)):
        assert any(fnmatchcase(written, pattern) for pattern in filters) is moves, written


def _first_rule(*tags: str) -> dict[str, Any]:
    """Selection of the rule that decides about an image: the first, by priority, that matches its tags."""
    rules = sorted(lifecycle_policy(10, 20)["rules"], key=lambda rule: rule["rulePriority"])
    for rule in (rule["selection"] for rule in rules):
        patterns = rule.get("tagPatternList")
        if not tags if patterns is None else any(fnmatchcase(tag, patterns[0]) for tag in tags):
            return dict(rule)
    return {}


def test_the_last_features_stay_each_with_its_list_and_variants() -> None:
    assert _first_rule("feature-x")["countNumber"] == 10 * 6
    assert _first_rule("feature-x-arm32v5")["countNumber"] == 10 * 6


@pytest.mark.parametrize("commit", ["a" * 40, "13141d81aaa5fa3c653522f6d462dfc851c962f2"])
def test_the_last_develop_builds_stay_and_the_newest_ever_whatever_its_commit(commit: str) -> None:
    """A commit's hash may begin with the first letter of an architecture."""
    moving, one = channel_tags(Channel.DEVELOP, commit=commit)
    for arch in ("", *(f"-{arch}" for arch in ARCHES)):
        assert _first_rule(f"{one}{arch}")["countNumber"] == 20 * 6
        assert _first_rule(f"{moving}{arch}", f"{one}{arch}")["countNumber"] > 100_000


@pytest.mark.parametrize("arch", ["", *(f"-{arch}" for arch in ARCHES)])
def test_a_release_never_expires_even_if_a_feature_has_the_same_content(arch: str) -> None:
    """ECR expires an image together with all of its tags."""
    release = [f"{tag}{arch}" for tag in channel_tags(Channel.RELEASE, version=VERSION)]
    for tags in (release, [*release, f"feature-x{arch}"], [f"develop{arch}", f"feature-x{arch}"]):
        assert _first_rule(*tags)["countNumber"] > 100_000
    assert _first_rule("bookworm-live") == {}, "what no rule matches stays"


def test_untagged_images_expire_after_a_month() -> None:
    assert _first_rule() == {
        "tagStatus": "untagged",
        "countType": "sinceImagePushed",
        "countUnit": "days",
        "countNumber": 30,
    }


# Credentials.


def test_a_login_for_the_docker_configuration_is_not_in_the_resource_graph() -> None:
    with aws_by_moto() as amazon:
        [entry] = amazon.call("eu-central-1", "get_authorization_token")["authorizationData"]
    token = entry["authorizationToken"]
    configuration = {"auths": {entry["proxyEndpoint"].removeprefix("https://"): {"auth": token}}}
    [(host, login)] = configuration["auths"].items()
    user, _, password = base64.b64decode(login["auth"]).decode().partition(":")
    assert (user, host) == ("AWS", URL.removesuffix("/skycoin/skycoin"))
    assert password
    for engine in (up("ecr"), previewed("ecr")):
        assert not [build.name for build in engine.all_of(BUILD) if "registries" in build.inputs]
        text = rendered(engine) + repr(engine.registered) + repr(engine.outputs)
        for secret in (token, password, "authorizationToken", "testing"):
            assert secret not in text


# Amazon's SDK, which only stacks that publish there need.


def _without_the_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulumi_aws", None)
    for module in ("program.ecr", "components.ecr"):
        monkeypatch.delitem(sys.modules, module, raising=False)


def test_a_stack_that_publishes_elsewhere_needs_no_sdk(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_the_sdk(monkeypatch)
    assert rendered(up_with("release")) == rendered(up("release"))


def test_a_missing_sdk_is_reported_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    _without_the_sdk(monkeypatch)
    with pytest.raises(pulumi.RunError) as caught:
        up_with("ecr")
    assert str(caught.value) == (
        "skycoin:registries.ecr: kind ecr needs pulumi_aws: "
        f"{sys.executable} -m pip install -r requirements-ecr.txt"
    )
