"""A push that ends in the middle of a request: the registry dies, or `pulumi up` is killed or interrupted.

A proxy passes a part of the request on to a real registry and holds the rest back, so that the moment is
known. Each test starts from what the ones before it published.
"""

import itertools
import json
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from clients.registry import Repository
from tests.e2e.faulty import Fault
from tests.e2e.hosted import PASSWORD, Hosted
from tests.e2e.machine import Machine, Result
from tests.e2e.test_release_faults import digests, is_complete
from tests.e2e.tiny import TWO, Tiny, write_program

REQUESTS = {
    "blob": r"^(PUT|PATCH) .*/blobs/uploads/",
    "variant": r"^PUT .*/manifests/sha256:",
    "exact tag": r"^PUT .*/manifests/1\.2\.3-r\d+$",
    "moving tag": r"^PUT .*/manifests/latest$",
}
"""Pattern of the first request that is cut off, by what it sends."""
PUSHED: tuple[str, ...] = ("hosted",)
COPIED: tuple[str, ...] = ("local", "hosted")


@dataclass(frozen=True, slots=True)
class Published:
    """A stack that publishes in the registry behind the proxy, and the repository there."""

    stack: Tiny
    hosted: Hosted
    repository: Repository
    registries: tuple[str, ...]
    """Registries of the image; it is built into the first one, and copied to the others."""
    revisions: "itertools.count[int]"

    def write(self, revision: int) -> None:
        """Write settings for other content, as this revision of the release."""
        write_program(self.stack.machine.checkout, f"{self.stack.name} {revision}")
        image = {"channel": "release", "revision": revision, "repository": f"tiny/{self.stack.name}"}
        known = self.stack.machine.settings()["skycoin:registries"]
        wanted = {**known, "hosted": {"kind": "oci", "address": self.hosted.address}}
        self.stack.write({**image, "registries": [*self.registries]}, TWO, **{"skycoin:registries": wanted})

    @property
    def built(self) -> Repository:
        """Repository of the registry into which the image is built."""
        first = {"hosted": self.hosted.address, "local": self.stack.machine.layout.registry}[
            self.registries[0]
        ]
        return Repository(f"{first}/{self.repository.path}")

    def tags(self) -> dict[str, str | None]:
        """Digest of every public name; each must be a complete list."""
        found = {tag: self.repository.digest_of(tag) for tag in self.repository.tags()}
        lists = [tag for tag in found if not re.search(r"-(amd64|arm32v6)$", tag)]
        assert lists
        assert [tag for tag in lists if not is_complete(self.repository, tag)] == []
        return found

    def exported(self) -> dict[str, Any]:
        """The deployment in the state."""
        whole: dict[str, Any] = json.loads(self.stack.pulumi("stack", "export").text)["deployment"]
        return whole


@pytest.fixture(scope="module")
def module_patch() -> Iterator[pytest.MonkeyPatch]:
    with pytest.MonkeyPatch.context() as patch:
        yield patch


@pytest.fixture(scope="module")
def published(
    up: Machine, hosted: Hosted, module_patch: pytest.MonkeyPatch
) -> Iterator[Mapping[tuple[str, ...], Published]]:
    """Two stacks by the registries of their images, each with its first release published."""
    up.lend_login(module_patch)
    hosted.login()
    found = {}
    for registries in (PUSHED, COPIED):
        stack = Tiny(up, "-".join(["pushed", *registries]))
        repository = Repository(f"{hosted.address}/tiny/{stack.name}")
        found[registries] = Published(stack, hosted, repository, registries, itertools.count(1))
        found[registries].write(0)
        assert stack.pulumi("stack", "init", "--no-select").code == 0
        first = stack.up()
        assert first.code == 0, first.text
    yield found
    hosted.start()
    for one in found.values():
        assert one.stack.pulumi("destroy", "--yes", "--skip-preview", "--run-program").code == 0
    for one in found.values():
        one.stack.remove()


def interrupted(published: Published, sent: str, end: str) -> Result:
    """Run an `up`, and let it end in the middle of its first such request."""
    proxy = published.hosted.proxy
    proxy.faults[:] = [Fault(matches=REQUESTS[sent], stall=100)]

    def cut_off(process: "subprocess.Popen[bytes]") -> None:
        if end == "the registry dies":
            published.hosted.kill()
        else:
            process.send_signal(signal.Signals[end])
        proxy.release()

    result = published.stack.machine.interrupted_up(
        published.stack.name, lambda _: proxy.stalled.is_set(), cut_off
    )
    proxy.faults.clear()
    return result


@pytest.mark.case(15)
@pytest.mark.parametrize(
    ("registries", "sent", "end"),
    [
        pytest.param(PUSHED, "blob", "the registry dies", marks=pytest.mark.long),
        pytest.param(PUSHED, "blob", "SIGKILL", marks=pytest.mark.long),
        pytest.param(PUSHED, "blob", "SIGINT", marks=pytest.mark.long),
        pytest.param(PUSHED, "variant", "the registry dies", marks=pytest.mark.long),
        (PUSHED, "variant", "SIGKILL"),
        pytest.param(PUSHED, "exact tag", "the registry dies", marks=pytest.mark.long),
        pytest.param(PUSHED, "exact tag", "SIGKILL", marks=pytest.mark.long),
        pytest.param(PUSHED, "moving tag", "SIGKILL", marks=pytest.mark.long),
        (PUSHED, "moving tag", "SIGINT"),
        (COPIED, "blob", "the registry dies"),
        pytest.param(COPIED, "blob", "SIGKILL", marks=pytest.mark.long),
    ],
)
def test_a_push_that_ends_in_the_middle_leaves_complete_names_and_the_next_up_completes_it(
    published: Mapping[tuple[str, ...], Published], registries: tuple[str, ...], sent: str, end: str
) -> None:
    one = published[registries]
    stack, revision = one.stack, next(one.revisions)
    before, state = one.tags(), stack.resources()
    one.write(revision)
    failed = interrupted(one, sent, end)
    assert failed.code != 0, failed.text
    assert PASSWORD not in failed.text
    if end == "the registry dies":
        assert one.hosted.address in failed.text
        one.hosted.start()
    after = one.tags()
    assert {tag: after[tag] for tag in before if tag.startswith("1.2.3-r")} == {
        tag: digest for tag, digest in before.items() if tag.startswith("1.2.3-r")
    }, "an exact tag has changed"
    if sent in ("blob", "variant"):
        assert after == before, "a name was written before what it names"
    if sent == "exact tag":
        assert after["latest"] == before["latest"], "a moving tag was written before an exact one"
    assert stack.resources().keys() >= state.keys()
    for digest in digests(stack):
        config = one.built.manifest(digest).fields["config"]
        assert one.built.has_blob(config["digest"]), "the state has an image that is not complete"
    again = stack.machine.skyinfra("fleet", "up", "-s", stack.name)
    assert again.code == 0, again.text
    deployment = one.exported()
    urns = [resource["urn"] for resource in deployment["resources"]]
    assert len(urns) == len(set(urns)), "a resource is there twice"
    assert not deployment.get("pending_operations")
    now = one.tags()
    assert now[f"1.2.3-r{revision}"] == now["latest"] != before["latest"]
    unchanged = stack.pulumi("preview", "--refresh", "--run-program", "--expect-no-changes")
    assert unchanged.code == 0, unchanged.text
