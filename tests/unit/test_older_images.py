"""Older images of a node: what a preview announces, and what a confirmed handover removes and keeps."""

from types import SimpleNamespace
from typing import Any

import pytest
from docker.errors import APIError

from providers.kind import UNKNOWN, URN, ProviderError, Values
from providers.skycoin import handover, older_images
from providers.skycoin.node_container import NodeContainer
from providers.skycoin.pulled_image import PulledImage
from tests.unit.node_engine import BAD, GOOD, NEXT, SICK, EngineContainer, Fault, Killed, NodeEngine, Resource
from tests.unit.test_handover import INPUTS, NAME, only_container

REPOSITORY = "registry.example/skycoin"
THIRD = f"{REPOSITORY}@sha256:{'e' * 64}"


@pytest.fixture(autouse=True)
def _no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    now = iter(range(10**9))
    clock = SimpleNamespace(monotonic=lambda: float(next(now)), sleep=lambda _: None)
    monkeypatch.setattr(handover, "time", clock)
    monkeypatch.setattr(older_images, "_wanted", {})


class Host:
    """A node on a host whose images have titles, with the messages and warnings of its runs."""

    def __init__(self) -> None:
        self.engine = NodeEngine(titled=True, images_there={GOOD, NEXT, THIRD})
        self.said: list[str] = []
        self.warned: list[str] = []
        self.kind = NodeContainer(
            lambda _: None, self.warned.append, lambda _: self.engine, say=self.said.append
        )
        self.node = Resource(self.kind)
        self.node.up(INPUTS)
        self.engine.images_there = {GOOD, NEXT}

    def up(self, image: str, **changes: Any) -> None:
        self.engine.images_there.add(image)
        self.node.up({**INPUTS, "image": image, **changes})

    def previewed(self, image: str, **changes: Any) -> list[str]:
        """Return the lines of a preview, and assert that it changes nothing."""
        before = (set(self.engine.images_there), list(self.engine.log))
        self.said.clear()
        news = {**INPUTS, "image": image, **changes}
        assert self.kind.planned(news, {**self.node.inputs, **self.node.outputs})["image"] == image
        assert (self.engine.images_there, self.engine.log) == before
        return self.said


@pytest.fixture
def host() -> Host:
    return Host()


def test_a_host_keeps_the_running_image_and_the_last_healthy_one(host: Host) -> None:
    host.up(NEXT)
    assert host.engine.images_there == {GOOD, NEXT}
    assert host.said == []
    host.up(THIRD)
    assert host.engine.images_there == {NEXT, THIRD}
    assert host.said == ["host attic: removed the older image skycoin@aaaaaaaaaaaa of no version (27.0 MB)"]
    assert host.warned == []


def test_ten_upgrades_leave_two_images(host: Host) -> None:
    images = [f"{REPOSITORY}@sha256:{digit * 64}" for digit in "0123456789"]
    for image in images:
        host.up(image)
    assert host.engine.images_there == {*images[-2:]}


def test_a_rollback_keeps_what_it_left(host: Host) -> None:
    host.up(NEXT)
    host.up(GOOD)
    assert host.engine.images_there == {GOOD, NEXT}


def test_a_preview_names_the_older_images_that_would_be_removed(host: Host) -> None:
    host.up(NEXT)
    for image in (THIRD, UNKNOWN):
        assert host.previewed(image) == [
            "host attic: once the new container is healthy, the older image skycoin@aaaaaaaaaaaa of no "
            "version (27.0 MB) is removed"
        ]


def test_a_preview_names_all_of_them_with_their_bytes(host: Host) -> None:
    host.up(NEXT)
    host.engine.images_there.add(BAD)
    assert host.previewed(THIRD) == [
        "host attic: once the new container is healthy, 2 older images (skycoin@aaaaaaaaaaaa of no version, "
        "skycoin@cccccccccccc of no version; 54.0 MB at most) are removed"
    ]


def test_a_preview_of_other_settings_keeps_the_last_healthy_one(host: Host) -> None:
    host.up(NEXT)
    assert host.previewed(NEXT, command=["-log-level=debug"]) == []
    host.up(NEXT, command=["-log-level=debug"])
    assert host.engine.images_there == {GOOD, NEXT}


def test_a_preview_of_a_rollback_lists_no_image_for_removal(host: Host) -> None:
    host.up(NEXT)
    assert host.previewed(GOOD) == []


def test_a_preview_of_an_unhealthy_node_keeps_the_last_healthy_image(host: Host) -> None:
    """The unhealthy image is no target of a rollback, so it is removed."""
    host.up(NEXT)
    host.engine.ailing.add(NEXT)
    assert host.previewed(THIRD) == [
        "host attic: once the new container is healthy, the older image skycoin@bbbbbbbbbbbb of no version "
        "(27.0 MB) is removed"
    ]
    host.up(THIRD)
    assert host.engine.images_there == {GOOD, THIRD}


def test_a_change_of_limits_is_not_a_handover_and_removes_nothing(host: Host) -> None:
    host.engine.images_there.add(BAD)
    assert host.previewed(GOOD, memory=1024) == []
    host.up(GOOD, memory=1024)
    assert host.engine.images_there == {GOOD, NEXT, BAD}


@pytest.mark.parametrize("changes", [{"engine": UNKNOWN}, {"host": UNKNOWN}], ids=["engine", "host"])
def test_a_preview_asks_no_host_that_it_does_not_know(host: Host, changes: Values) -> None:
    host.up(NEXT)
    host.engine.down = True
    assert host.previewed(THIRD, **changes) == []


def test_a_preview_of_a_host_that_does_not_answer_lists_no_removals(host: Host) -> None:
    """The preflight reports such a host instead."""
    host.up(NEXT)
    host.engine.down = True
    assert host.previewed(THIRD) == []


def test_a_preview_of_a_new_node_or_of_a_lost_container_lists_no_removals(host: Host) -> None:
    assert host.kind.planned(INPUTS, None) == INPUTS
    host.up(NEXT)
    host.engine.boxes.clear()
    assert host.previewed(THIRD) == []


def test_a_container_of_an_image_without_a_digest_is_not_touched(host: Host) -> None:
    host.node.outputs["image"] = "made-by-hand:1"
    assert host.previewed(THIRD) == []


@pytest.mark.parametrize("image", [BAD, SICK])
def test_a_rollout_that_failed_removes_nothing(host: Host, image: str) -> None:
    host.up(NEXT)
    host.engine.images_there.add(THIRD)
    with pytest.raises(ProviderError, match="was restored unchanged"):
        host.up(image)
    assert host.engine.images_there == {GOOD, NEXT, THIRD, image}
    host.up(THIRD)
    assert host.engine.images_there == {NEXT, THIRD}, "the next one that is confirmed does"


@pytest.mark.parametrize("fault", [Fault.FAILED, Fault.DOWN, Fault.LOST])
def test_a_removal_that_fails_is_a_warning(host: Host, fault: Fault) -> None:
    """The failure comes at each of the engine calls after the old container is removed."""
    calls = _calls_of_the_removal()
    assert calls
    for call in calls:
        one = Host()
        one.up(NEXT)
        one.engine.arm(call, fault)
        one.up(THIRD)
        one.engine.disarm()
        assert only_container(one.engine).config["Image"] == THIRD
        assert only_container(one.engine).running
        assert one.node.outputs["image"] == THIRD
        assert len(one.warned) == 1, one.warned
        assert one.warned[0].startswith("host attic: ")
        assert {NEXT, THIRD} <= one.engine.images_there


def test_a_plugin_that_is_killed_in_a_removal_leaves_the_node_running(host: Host) -> None:
    for call in _calls_of_the_removal():
        one = Host()
        one.up(NEXT)
        one.engine.arm(call, Fault.KILLED_AFTER)
        with pytest.raises(Killed):
            one.up(THIRD)
        one.engine.disarm()
        assert only_container(one.engine).running
        one.node.up({**INPUTS, "image": THIRD}, refresh=True)
        assert only_container(one.engine).config["Image"] == THIRD
        assert {NEXT, THIRD} <= one.engine.images_there


def _calls_of_the_removal() -> range:
    """Numbers of the engine calls after the old container is removed."""
    one = Host()
    one.up(NEXT)
    one.engine.arm(0, Fault.FAILED)
    seen: list[int] = []
    remove = one.engine.remove_container

    def noted(*given: Any, **more: Any) -> None:
        remove(*given, **more)
        seen.append(one.engine.calls)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(one.engine, "remove_container", noted)
        one.up(THIRD)
    return range(seen[-1] + 1, one.engine.calls)


def test_an_image_that_another_resource_of_the_run_has_asked_for_stays(host: Host) -> None:
    """The image was pulled for another node, whose container is created a moment later."""
    host.up(NEXT)
    host.engine.images_there |= {BAD, THIRD}
    other = {"host": "attic", "engine": "", "image": BAD}
    URN.set("urn:pulumi:test::test::skycoin:index:PulledImage::two-pulled")
    PulledImage(lambda _: None, lambda _: host.engine).create(other)
    URN.set("urn:pulumi:test::test::skycoin:index:NodeContainer::one-container")
    host.up(THIRD)
    assert host.engine.images_there == {NEXT, BAD, THIRD}
    URN.set("urn:pulumi:test::test::skycoin:index:PulledImage::two-pulled")
    PulledImage(lambda _: None, lambda _: host.engine).update("", other, {**other, "image": NEXT})
    URN.set("urn:pulumi:test::test::skycoin:index:NodeContainer::one-container")
    host.up(THIRD, command=["-log-level=debug"])
    assert host.engine.images_there == {NEXT, THIRD}


def test_an_image_requested_on_another_host_is_not_kept_on_this_host(host: Host) -> None:
    host.up(NEXT)
    URN.set("urn:pulumi:test::test::skycoin:index:PulledImage::two-pulled")
    elsewhere = {"host": "shed", "engine": "ssh://pi@shed.lan", "image": GOOD}
    PulledImage(lambda _: None, lambda _: host.engine).create(elsewhere)
    URN.set("urn:pulumi:test::test::skycoin:index:NodeContainer::one-container")
    host.up(THIRD)
    assert host.engine.images_there == {NEXT, THIRD}


def test_images_of_a_repository_that_is_pulled_from_go_too(host: Host) -> None:
    mirror = "mirror.example/skycoin"
    host.engine.images_there.add(f"{mirror}@sha256:{'c' * 64}")
    host.up(NEXT)
    assert f"{mirror}@sha256:{'c' * 64}" in host.engine.images_there
    host.up(THIRD, pullFrom=mirror)
    assert host.engine.images_there == {NEXT, THIRD}


def test_an_image_that_another_container_uses_stays(host: Host) -> None:
    host.up(NEXT)
    box = EngineContainer(
        "by-hand", "by-hand", {"Image": GOOD, "HostConfig": {"RestartPolicy": {"Name": "no"}}}
    )
    host.engine.boxes["by-hand"] = box
    host.up(THIRD)
    assert host.engine.images_there == {GOOD, NEXT, THIRD}
    assert NAME in {box.name for box in host.engine.boxes.values()}


def test_an_image_that_came_into_use_in_the_meantime_is_reported_as_kept(
    host: Host, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise APIError("409", explanation="conflict: container 0123 is using its referenced image")

    host.up(NEXT)
    monkeypatch.setattr(host.engine, "remove_image", refuse)
    host.up(THIRD)
    assert host.warned == [
        "host attic: the older image skycoin@aaaaaaaaaaaa of no version (27.0 MB) was not removed: "
        "conflict: container 0123 is using its referenced image"
    ]
