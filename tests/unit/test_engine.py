"""The stand-in engine itself: it refuses what it doesn't know, and every invariant can fail."""

from collections.abc import Callable

import pulumi
import pulumi_docker as docker
import pulumi_docker_build as docker_build
import pytest

from components.program_version import ProgramVersion
from components.tag import Tag
from tests.unit.engine import Engine

HOST = "unix:///run/docker.sock"


class Component(pulumi.ComponentResource):
    def __init__(self, name: str, outputs: dict[str, str] | None, times: int = 1) -> None:
        super().__init__("skycoin:index:Sample", name)
        for _ in range(times):
            self.register_outputs(outputs or {})


def _volume(name: str, *, protect: bool, retain: bool, provider: bool = True) -> None:
    options = pulumi.ResourceOptions(protect=protect, retain_on_delete=retain)
    if provider:
        options.provider = docker.Provider(f"{name}-host")
    docker.Volume(name, name=name, opts=options)


def _tag(*, retain: bool) -> None:
    Tag(
        "list",
        repository="a/b",
        tag="c",
        variants=[],
        annotations={},
        immutable=False,
        optional=False,
        opts=pulumi.ResourceOptions(retain_on_delete=retain),
    )


def _image_that_goes() -> None:
    options = pulumi.ResourceOptions(provider=docker_build.Provider("builder"))
    pulumi.CustomResource("docker-build:index:Image", "image", {"tags": ["a/b:c"]}, options)


def _plain_secret() -> None:
    pulumi.CustomResource(
        "docker-build:index:Image",
        "image",
        {"tags": ["a/b:c"], "secrets": {"token": "s3cret"}},
        pulumi.ResourceOptions(provider=docker_build.Provider("builder"), retain_on_delete=True),
    )


def _container_that_removes_volumes() -> None:
    options = pulumi.ResourceOptions(provider=docker.Provider("here"))
    docker.Container("container", image="a", remove_volumes=True, opts=options)


def _network_that_goes_with_another() -> None:
    provider = docker.Provider("here")
    first = docker.Network("first", name="first", opts=pulumi.ResourceOptions(provider=provider))
    docker.Network(
        "second", name="second", opts=pulumi.ResourceOptions(provider=provider, deleted_with=first)
    )


def _child_of_no_component() -> None:
    provider = docker.Provider("here")
    parent = docker.Network("network", name="network", opts=pulumi.ResourceOptions(provider=provider))
    docker.Network("child", name="child", opts=pulumi.ResourceOptions(provider=provider, parent=parent))


def _repository(*, protect: bool = True, retain: bool = True, force: bool = False) -> None:
    provider = pulumi.ProviderResource("aws", "amazon", {})
    options = pulumi.ResourceOptions(provider=provider, protect=protect, retain_on_delete=retain)
    pulumi.CustomResource("aws:ecr/repository:Repository", "images", {"forceDelete": force}, options)


def _provider_before_the_version() -> None:
    marker = ProgramVersion("program", version="1.0.0")
    docker.Provider("late", opts=pulumi.ResourceOptions(depends_on=[marker]))
    docker.Provider("early")


BROKEN: dict[str, tuple[Callable[[], object], str]] = {
    "two with one name": (lambda: [Component("a", {"b": "c"}) for _ in range(2)], "duplicate URNs"),
    "no outputs": (lambda: Component("a", None), "a registered no outputs"),
    "outputs twice": (lambda: Component("a", {"b": "c"}, times=2), "a registered outputs 2 times"),
    "outputs never": (lambda: Component("a", {"b": "c"}, times=0), "a registered outputs 0 times"),
    "no provider": (
        lambda: _volume("v", protect=False, retain=True, provider=False),
        r"v \(Volume\): has no explicit provider",
    ),
    "volume goes": (
        lambda: _volume("v", protect=False, retain=False),
        r"v \(Volume\): is deleted if it leaves the stack",
    ),
    "bare wallet": (
        lambda: _volume("n-wallet", protect=False, retain=True),
        r"n-wallet \(Volume\): is not protected",
    ),
    "tag goes": (lambda: _tag(retain=False), r"list \(Tag\): is deleted if it"),
    "image goes": (_image_that_goes, r"image \(Image\): is deleted if it"),
    "bare repository": (lambda: _repository(protect=False), r"images \(Repository\): is not protected"),
    "repository goes": (lambda: _repository(retain=False), r"images \(Repository\): is deleted if it"),
    "repository emptied": (
        lambda: _repository(force=True),
        r"images \(Repository\): is deleted with its images",
    ),
    "plain secret": (_plain_secret, r"image \(Image\): has the build secret token as plain"),
    "volumes removed": (_container_that_removes_volumes, r"container \(Container\): removes its volumes"),
    "deleted with": (
        _network_that_goes_with_another,
        r"second \(Network\): is deleted implicitly with first",
    ),
    "wrong parent": (_child_of_no_component, "child hangs under"),
    "too early": (_provider_before_the_version, r"before the program's version is checked: \['early'\]"),
}


@pytest.mark.parametrize(("program", "complaint"), BROKEN.values(), ids=BROKEN.keys())
def test_every_invariant_fails_on_a_program_that_breaks_it(
    engine: Engine, program: Callable[[], object], complaint: str
) -> None:
    engine.aws = lambda *_: {}
    with pytest.raises(AssertionError, match=complaint):
        engine.run(program)


def test_a_program_that_keeps_all_rules_passes(engine: Engine) -> None:
    def program() -> None:
        _volume("n-wallet", protect=True, retain=True)
        _tag(retain=True)

    engine.run(program)
    assert engine.one("docker:index/volume:Volume", "n-wallet").protect


def test_an_unknown_resource_is_refused_by_its_token(engine: Engine) -> None:
    with pytest.raises(NotImplementedError, match="aws:s3/bucket:Bucket"):
        engine.run(lambda: pulumi.CustomResource("aws:s3/bucket:Bucket", "bucket", {}))


def test_an_unknown_function_is_refused_with_its_token(engine: Engine) -> None:
    with pytest.raises(NotImplementedError, match="docker:index/getNetwork:getNetwork"):
        engine.run(lambda: docker.get_network(name="bridge"))


def test_an_unknown_stack_is_refused_by_its_name(engine: Engine) -> None:
    with pytest.raises(NotImplementedError, match="organization/skycoin/nowhere"):
        engine.run(lambda: pulumi.StackReference("images", "organization/skycoin/nowhere"))


def test_two_runs_share_no_configuration_and_no_exports() -> None:
    first, second = Engine(), Engine()
    first.run(lambda: [pulumi.runtime.set_config("a:b", "c"), pulumi.export("only", "here")])
    seen: list[str | None] = []
    second.run(lambda: seen.append(pulumi.Config("a").get("b")))
    assert (first.exports(), second.exports(), seen) == ({"only": "here"}, {}, [None])
