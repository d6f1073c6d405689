"""Faults while real Pulumi publishes a release; the registry is behind a faulty proxy.

The stack publishes a tiny program for two architectures in one registry, where it is built too. Each
test starts from what the ones before it published.
"""

import json
import re
import subprocess
from collections.abc import Iterator

import pytest

from clients.registry import Repository
from providers.kind import ProviderError
from providers.skycoin.verification import Verification
from tests.e2e.faulty import Fault
from tests.e2e.hosted import PASSWORD, Hosted
from tests.e2e.machine import SETTINGS, Machine
from tests.e2e.plugin import until
from tests.e2e.tiny import TWO, Tiny

PATH = "tiny/node"
WRITES = r"^(POST|PUT|PATCH) "
WRONG = "wrong-password"
IMAGES = [f"skycoin-{arch}-image" for arch in TWO]


@pytest.fixture(scope="module")
def tiny(up: Machine, hosted: Hosted) -> Iterator[Tiny]:
    """The stack, with its first release published."""
    stack = Tiny(up, "faults")
    hosted.login()
    hosted.proxy.faults.clear()
    stack.write_release(hosted.address, PATH, "one", 0)
    assert stack.pulumi("stack", "init", "--no-select").code == 0
    first = stack.up()
    assert first.code == 0, first.text
    yield stack
    hosted.proxy.faults.clear()
    hosted.login()
    stack.remove()


@pytest.fixture
def repository(
    up: Machine, hosted: Hosted, tiny: Tiny, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Repository]:
    """The published repository, read by the test itself; no fault outlasts its test."""
    up.lend_login(monkeypatch)
    yield Repository(f"{hosted.address}/{PATH}")
    hosted.proxy.faults.clear()
    hosted.login()


def digests(tiny: Tiny) -> list[str]:
    """Digests of the variants, from the state."""
    resources = tiny.resources()
    return [resources[name]["outputs"]["digest"] for name in IMAGES]


def is_complete(repository: Repository, tag: str) -> bool:
    """True if a tag is a list of all variants, and the registry has all their blobs."""
    children = [
        repository.manifest(manifest["digest"]) for manifest in repository.manifest(tag).fields["manifests"]
    ]
    blobs = [blob for child in children for blob in (child.fields["config"], *child.fields["layers"])]
    return len(children) == len(TWO) and all(repository.has_blob(blob["digest"]) for blob in blobs)


def found_in_layers(repository: Repository, canary: str, tag: str = "latest") -> bool:
    """True if any layer or configuration of a tag's images contains the text."""
    for entry in repository.manifest(tag).fields["manifests"]:
        child = repository.manifest(entry["digest"])
        if canary in json.dumps(repository.config(child)):
            return True
        for layer in child.fields["layers"]:
            with repository.blob(layer["digest"], layer["size"]) as packed:
                unpacked = subprocess.run(["gzip", "-dc"], stdin=packed, capture_output=True, check=True)
                if canary.encode() in unpacked.stdout:
                    return True
    return False


def compiled(text: str) -> list[bool]:
    """True for each variant whose compile step came from the cache."""
    found = []
    for arch in TWO:
        lines = [line for line in text.splitlines() if f"skycoin-{arch}-image" in line]
        step = next(re.search(r"(#\d+) \[build 1/", line) for line in lines if "[build 1/" in line)
        assert step is not None
        found.append(any(line.endswith(f"{step[1]} CACHED") for line in lines))
    return found


@pytest.mark.case(9)
def test_a_registry_that_is_down_before_the_push_leaves_nothing_and_the_next_up_compiles_nothing(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    before, latest = digests(tiny), repository.digest_of("latest")
    tiny.write_release(hosted.address, PATH, "two", 1)
    hosted.proxy.faults[:] = [Fault(matches=WRITES, cut_upload=1, times=10_000)]
    failed = tiny.up()
    hosted.proxy.faults.clear()
    assert failed.code != 0
    assert f"failed to push {hosted.address}/{PATH}" in failed.text
    assert digests(tiny) == before, "the state holds an image that was not pushed"
    assert (repository.digest_of("latest"), repository.digest_of("1.2.3-r1")) == (latest, None)
    again = tiny.up()
    assert again.code == 0, again.text
    assert compiled(again.text) == [True, True], "what was compiled before the failed push was compiled again"
    assert is_complete(repository, "1.2.3-r1")


@pytest.mark.case(10)
def test_a_push_that_is_cut_in_a_blob_leaves_every_tag_complete_and_the_retry_sends_only_the_rest(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    tiny.write_release(hosted.address, PATH, "three", 2)
    hosted.proxy.faults[:] = [
        Fault(matches=r"^(PUT|PATCH) .*/blobs/uploads/", cut_upload=20_000, times=10_000)
    ]
    failed = tiny.up()
    assert failed.code != 0
    assert f"failed to push {hosted.address}/{PATH}" in failed.text
    assert repository.digest_of("1.2.3-r2") is None
    assert all(is_complete(repository, tag) for tag in ("latest", "1.2.3", "1.2.3-r1"))
    hosted.proxy.faults.clear()
    hosted.proxy.requests.clear()
    again = tiny.up()
    assert again.code == 0, again.text
    # One layer and one configuration for each variant: base and shared layer are there already.
    assert hosted.proxy.count(r"^PUT .*/blobs/uploads/.* 201") <= 2 * len(TWO)
    assert is_complete(repository, "1.2.3-r2")


@pytest.mark.case(12)
def test_a_push_with_a_wrong_password_names_the_registry_and_keeps_the_state(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    before = digests(tiny)
    tiny.write_release(hosted.address, PATH, "four", 3)
    hosted.login(WRONG)
    failed = tiny.up()
    hosted.login()
    assert failed.code != 0
    assert hosted.address in failed.text
    assert re.search("401|[Uu]nauthorized|authentication required", failed.text), failed.text
    assert WRONG not in failed.text
    assert digests(tiny) == before
    again = tiny.up()
    assert again.code == 0, again.text
    assert is_complete(repository, "1.2.3-r3")


@pytest.mark.case(12)
@pytest.mark.parametrize(
    "body",
    [
        "",
        '{"errors":[{"code":"DENIED","message":"Your authorization token has expired. Reauthenticate and '
        'try again."}]}',
    ],
    ids=["no right", "expired token"],
)
def test_a_destroy_that_may_not_ask_the_registry_keeps_the_state(
    tiny: Tiny, hosted: Hosted, repository: Repository, body: str
) -> None:
    before = tiny.resources()
    hosted.proxy.faults[:] = [Fault(matches=f"/v2/{PATH}/", status=403, body=body, times=10_000)]
    failed = tiny.pulumi("destroy", "--refresh", "--yes", "--run-program", "--skip-preview")
    hosted.proxy.faults.clear()
    assert failed.code != 0
    assert re.search(rf"registry {hosted.address} \({PATH}\): HEAD: 403", failed.text), failed.text
    assert PASSWORD not in failed.text
    assert tiny.resources().keys() == before.keys()
    assert is_complete(repository, "latest")


@pytest.mark.case(16)
def test_of_two_ups_one_runs_and_the_other_names_the_locks_holder(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    """With the file backend; test_s3_backend.py has the same for a bucket."""
    tiny.write_release(hosted.address, PATH, "five", 4)
    hosted.proxy.faults[:] = [Fault(matches=WRITES, delay=3, times=4)]
    env = {**SETTINGS, **tiny.machine.environment()}
    command = ["pulumi", "up", "--yes", "--skip-preview", "--non-interactive", "--stack", tiny.name]
    with subprocess.Popen(
        command, cwd=tiny.machine.checkout, env=env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as first:
        locks = tiny.machine.layout.state / "backend" / ".pulumi" / "locks"
        until(lambda: any(locks.rglob(f"{tiny.name}/*.json")), "the first has the lock", seconds=60)
        refused = tiny.up()
        assert first.wait(timeout=300) == 0
    assert refused.code != 0
    assert "the stack is currently locked by 1 lock(s)" in refused.text
    assert f"(pid {first.pid})" in refused.text
    unchanged = tiny.pulumi("preview", "--expect-no-changes")
    assert unchanged.code == 0, unchanged.text
    assert is_complete(repository, "1.2.3-r4")


@pytest.mark.case(24, 45)
def test_a_variant_with_another_platforms_programs_is_refused_after_its_push(
    tiny: Tiny, repository: Repository
) -> None:
    """Every list and node takes its variants from this verification; builds have their own gate."""
    amd64 = tiny.outputs()["images"]["skycoin"]["latest"]["variants"]["amd64"]["ref"]
    with pytest.raises(ProviderError) as caught:
        Verification().create({"ref": amd64, "platform": "linux/arm/v6", "labels": {}})
    text = str(caught.value)
    assert "its configuration is for linux/amd64" in text
    assert "/usr/bin/skycoin is EM_X86_64, 64 bit; linux/arm/v6 takes EM_ARM, 32 bit" in text
    assert "/bin/busybox is EM_X86_64" in text


@pytest.mark.case(26)
def test_all_impossible_values_are_reported_at_once_before_anything_happens(
    tiny: Tiny, hosted: Hosted
) -> None:
    hosted.proxy.requests.clear()
    tiny.write_release(
        hosted.address, PATH, "six", 0,
        arches=["amd64", "amd64", "linux/arm/v9", "GOARM=8"], channel="feature", feature="a tag",
        repository="Tiny/Node", colour="red",
    )  # fmt: skip
    failed = tiny.up()
    assert failed.code != 0
    assert "5 configuration errors, nothing was changed" in failed.text
    for value in ('"linux/arm/v9"', '"GOARM=8"', '"a tag"', '"Tiny/Node"', "colour: unknown key"):
        assert value in failed.text
    tiny.write_release(hosted.address, PATH, "six", 0, arches=[], channel="feature", feature="x" * 129)
    failed = tiny.up()
    assert "2 configuration errors" in failed.text
    assert "a list with at least one entry" in failed.text
    assert "a tag has at most 120 characters here" in failed.text
    assert hosted.proxy.requests == []


@pytest.mark.case(27)
def test_a_plain_secret_is_refused_and_an_encrypted_one_is_nowhere_in_plain_text(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    careless, canary = "canary-that-somebody-wrote-down", "canary-of-a-build-secret"
    tiny.write_release(hosted.address, PATH, "eight", 6)
    plain = ("config", "set", "--plaintext", "--path", "skycoin:build-secrets.GIT_AUTH_TOKEN", careless)
    assert tiny.pulumi(*plain).code == 0
    refused = tiny.up()
    assert refused.code != 0
    assert "skycoin:build-secrets: [not shown]: given in plain text" in refused.text
    assert "`pulumi config set --secret" in refused.text
    assert careless not in refused.text
    secret = ("config", "set", "--secret", "--path", "skycoin:build-secrets.GIT_AUTH_TOKEN", canary)
    assert tiny.pulumi(*secret).code == 0
    done = tiny.up()
    assert done.code == 0, done.text
    assert canary not in done.text
    assert canary not in tiny.file.read_text()
    for path in (tiny.machine.layout.state / "backend").rglob("*"):
        assert not path.is_file() or canary.encode() not in path.read_bytes(), path
    assert not found_in_layers(repository, canary)


@pytest.mark.case(33)
def test_files_next_to_the_sources_reach_no_image_and_a_large_file_causes_a_warning(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    tiny.write_release(hosted.address, PATH, "seven", 5)
    folder, canary = tiny.machine.checkout / "tiny", "canary-of-a-working-copy"
    (folder / "cmd" / ".env").write_text(f"TOKEN={canary}\n")
    (folder / "cmd" / "broken").symlink_to("/nowhere/at/all")
    with (folder / "chain.db").open("wb") as file:
        file.truncate(10**9)
    subprocess.run(
        ["python3", "-c", "import socket; socket.socket(socket.AF_UNIX).bind('a.sock')"],
        cwd=folder,
        check=True,
    )
    warned = tiny.pulumi("preview")
    assert "tiny: 1000 MB, of which chain.db has 1000: all of it is sent to the builder" in warned.text
    assert "tiny: cmd/.env: may be secret" in warned.text
    (folder / ".dockerignore").write_text("chain.db\n")
    done = tiny.up()
    assert done.code == 0, done.text
    assert "chain.db has" not in done.text
    assert not found_in_layers(repository, canary)


@pytest.mark.case(13)
def test_a_registry_that_refuses_deletes_keeps_everything_and_the_destroy_completes(
    tiny: Tiny, hosted: Hosted, repository: Repository
) -> None:
    hosted.proxy.requests.clear()
    hosted.proxy.faults[:] = [Fault(matches="^DELETE", status=405, times=10_000)]
    done = tiny.pulumi("destroy", "--yes", "--skip-preview", "--run-program")
    assert done.code == 0, done.text
    assert hosted.proxy.count("^DELETE") == 0, (
        "what is published is the registry's, also where it would let go"
    )
    assert re.search(r"Tag skycoin-hosted-latest-tag deleted .*\[retain\]", done.text), done.text
    assert tiny.resources().keys() <= {"skycoin-faults"}
    assert all(is_complete(repository, tag) for tag in ("latest", "1.2.3", "1.2.3-r4"))
