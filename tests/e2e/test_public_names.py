"""When an image gets its public names: the order of the writes that the registry received.

The stack publishes a tiny program for two architectures in one registry, behind a proxy that logs and fails.
Each test starts from what the ones before it published.
"""

import re
import signal
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from clients.registry import Repository
from local.registry_collection import digests
from tests.e2e.faulty import Fault
from tests.e2e.hosted import Hosted
from tests.e2e.machine import SETTINGS, Machine
from tests.e2e.plugin import until
from tests.e2e.test_release_faults import IMAGES, is_complete
from tests.e2e.tiny import TWO, Tiny

PATH = "tiny/public"
MOVING = ("latest", "1.2")
WRITTEN = re.compile(rf"PUT /v2/{PATH}/manifests/(?P<reference>\S+) 201")


def exact(revision: int) -> tuple[str, str]:
    """Exact tags of a revision."""
    suffix = f"-r{revision}" if revision else ""
    return f"1.2.3{suffix}", f"release-v1.2.3{suffix}"


def suffixed(*tags: str) -> set[str]:
    return {f"{tag}-{arch}" for tag in tags for arch in TWO}


@pytest.fixture(scope="module")
def tiny(up: Machine, hosted: Hosted) -> Iterator[Tiny]:
    """A stack that has published nothing yet."""
    stack = Tiny(up, "public")
    hosted.login()
    hosted.proxy.faults.clear()
    hosted.proxy.requests.clear()
    stack.write_release(hosted.address, PATH, "one", 0)
    assert stack.pulumi("stack", "init", "--no-select").code == 0
    yield stack
    hosted.proxy.faults.clear()
    done = stack.pulumi("destroy", "--yes", "--skip-preview", "--run-program")
    assert done.code == 0, done.text
    stack.remove()


@pytest.fixture
def repository(
    up: Machine, hosted: Hosted, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Repository]:
    """The published repository, read by the test itself; no fault outlasts its test."""
    up.lend_login(monkeypatch)
    hosted.proxy.faults.clear()
    hosted.proxy.requests.clear()
    yield Repository(f"{hosted.address}/{PATH}")
    hosted.proxy.faults.clear()


def names(repository: Repository) -> Mapping[str, str | None]:
    """Public name → its digest."""
    return {tag: repository.digest_of(tag) for tag in repository.tags()}


def written(hosted: Hosted) -> list[str]:
    """References of the manifests that the registry accepted, in order."""
    return [match["reference"] for line in hosted.proxy.requests if (match := WRITTEN.fullmatch(line))]


def test_variants_are_pushed_by_digest_then_exact_tags_are_written_then_moving_tags(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    done = tiny.up()
    assert done.code == 0, done.text
    order = written(hosted)
    parts = [2, 4, 2, 4, 2]
    assert len(order) == sum(parts), order
    steps = [[order.pop(0) for _ in range(part)] for part in parts]
    assert {*steps[0]} == digests(tiny.resources()[name]["outputs"]["digest"] for name in IMAGES)
    assert {*steps[1]} == suffixed(*exact(0))
    assert tuple(steps[2]) == exact(0)
    assert {*steps[3]} == suffixed(*MOVING)
    assert tuple(steps[4]) == MOVING
    assert names(repository).keys() == {*exact(0), *MOVING} | suffixed(*exact(0), *MOVING)


def test_a_second_up_writes_nothing(tiny: Tiny, hosted: Hosted, repository: Repository) -> None:
    done = tiny.pulumi("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    assert done.code == 0, done.text
    assert written(hosted) == []
    assert is_complete(repository, "latest")


@pytest.mark.case(45)
def test_no_tag_changes_if_a_variant_fails_its_verification(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    """The registry serves damaged blobs for one variant; the other variant is intact."""
    before = names(repository)
    tiny.write_release(hosted.address, PATH, "two", 1)
    hosted.proxy.faults[:] = [Fault(matches=r"^GET .*/blobs/", status=200, body="torn", times=2)]
    failed = tiny.up()
    assert failed.code != 0
    assert "is damaged in the registry" in failed.text
    assert len(written(hosted)) == len(TWO), "every variant was pushed, and each by its digest"
    assert all(reference.startswith("sha256:") for reference in written(hosted))
    assert names(repository) == before
    hosted.proxy.faults.clear()
    again = tiny.up()
    assert again.code == 0, again.text
    assert all(is_complete(repository, tag) for tag in (*exact(1), *MOVING))


def test_no_tag_changes_if_an_exact_tag_is_refused(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    """Somebody has taken the second of two exact names, so the first is not written either."""
    first, second = exact(2)
    taken = f"{second}-{TWO[-1]}"
    repository.put_manifest(taken, repository.manifest(f"1.2.3-{TWO[-1]}"))
    before = names(repository)
    tiny.write_release(hosted.address, PATH, "three", 2)
    hosted.proxy.requests.clear()
    refused = tiny.up()
    assert refused.code != 0
    assert f"{PATH}:{taken} is published as {before[taken]}" in refused.text
    assert all(reference.startswith("sha256:") for reference in written(hosted))
    assert names(repository) == before
    assert first not in before


def test_an_up_killed_while_tags_are_written_leaves_complete_tags_and_the_next_up_writes_the_rest(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    tiny.write_release(hosted.address, PATH, "four", 3)
    before = names(repository)
    stopped = f"{MOVING[0]}-{TWO[0]}"
    hosted.proxy.faults[:] = [Fault(matches=rf"^PUT .*/manifests/{stopped}$", delay=60)]
    env = {**SETTINGS, **tiny.machine.environment()}
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", tiny.name]
    with subprocess.Popen(
        command,
        cwd=tiny.machine.checkout,
        env=env,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            until(lambda: hosted.proxy.faults[0].times == 0, "a moving name is being written", seconds=180)
        finally:
            subprocess.run(["kill", "-KILL", "--", f"-{process.pid}"], check=False)
        assert process.wait(timeout=60) == -signal.SIGKILL
    there = names(repository)
    assert {tag: there[tag] for tag in before} == before, "a moving name had moved"
    assert there.keys() - before.keys() == {*exact(3)} | suffixed(*exact(3))
    assert all(is_complete(repository, tag) for tag in (*exact(3), *MOVING))
    tiny.pulumi("cancel", "--yes")
    again = tiny.pulumi("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    assert again.code == 0, again.text
    assert {repository.digest_of(tag) for tag in MOVING} == {there["1.2.3-r3"]}
    for tag in MOVING:
        children = [manifest["digest"] for manifest in repository.manifest(tag).fields["manifests"]]
        assert [repository.digest_of(f"{tag}-{arch}") for arch in TWO] == children


def test_an_image_that_is_gone_from_the_registry_is_noticed_and_pushed_again(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    """The image has no tag of its own to look up, so docker-build asks for its digest."""
    before = names(repository)
    digest = str(before[f"latest-{TWO[0]}"])
    assert repository.remove(digest)
    assert repository.digest_of(digest) is None
    shown = tiny.pulumi("preview", "--refresh", "--run-program")
    assert re.search(rf"\+.*docker-build:index:Image *{IMAGES[0]} +create", shown.text), shown.text
    hosted.proxy.requests.clear()
    done = tiny.pulumi("up", "--yes", "--skip-preview", "--refresh", "--run-program")
    assert done.code == 0, done.text
    assert written(hosted)[0] == digest
    assert names(repository) == before
    assert is_complete(repository, "latest")
