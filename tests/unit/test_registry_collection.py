"""`skyinfra setup collect`: what stays in the local registry's files, and what is refused.

With the real registry: tests/e2e/test_disks.py.
"""

import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from catalogue import exit_codes
from clients.manifests import sha256_of
from local import registry_collection
from local.machine.layout import Layout
from local.machine.steps import SetupError
from local.registry.contents import Garbage, Manifest, garbage
from local.registry_collection import collect, named
from local.stacks.lock import exclusive
from local.stacks.states import state_file
from tests.unit.command_line import Skyinfra

NAME = "skycoin/skycoin"


class RegistryFolder:
    """A registry's folder, laid out like those of CNCF Distribution."""

    def __init__(self, data: Path) -> None:
        self.data = data
        self.root = data / "docker" / "registry" / "v2"

    def blob(self, content: bytes) -> str:
        digest = sha256_of(content)
        bare = digest.removeprefix("sha256:")
        self._write(self.root / "blobs" / "sha256" / bare[:2] / bare / "data", content)
        return digest

    def manifest(self, fields: dict[str, Any], *tags: str, name: str = NAME) -> str:
        digest = self.blob(json.dumps(fields).encode())
        folder = self.root / "repositories" / name / "_manifests"
        revision = folder / "revisions" / "sha256" / digest.removeprefix("sha256:")
        self._write(revision / "link", digest.encode())
        for tag in tags:
            self._write(folder / "tags" / tag / "current" / "link", digest.encode())
        return digest

    def image(self, program: str, *tags: str, name: str = NAME, subject: str = "") -> str:
        parts = [{"digest": self.blob(f"{part} {program}".encode())} for part in ("config of", "layer of")]
        about = {"subject": {"digest": subject}} if subject else {}
        return self.manifest({"config": parts[0], "layers": [parts[1]], **about}, *tags, name=name)

    def list_of(self, children: Sequence[str], *tags: str) -> str:
        return self.manifest({"manifests": [{"digest": child} for child in children]}, *tags)

    def size(self, digest: str) -> int:
        bare = digest.removeprefix("sha256:")
        return (self.root / "blobs" / "sha256" / bare[:2] / bare / "data").stat().st_size

    @staticmethod
    def _write(path: Path, content: bytes) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


@pytest.fixture
def files(tmp_path: Path) -> RegistryFolder:
    return RegistryFolder(tmp_path / "registry")


def removed_digests(files: RegistryFolder, *names: str) -> list[str]:
    return [manifest.digest for manifest in garbage(files.data, names).manifests]


def test_content_that_a_tag_reaches_stays_and_the_rest_is_removed(files: RegistryFolder) -> None:
    children = [files.image(f"one for {arch}", f"0.27.1-{arch}") for arch in ("amd64", "arm64v8")]
    files.list_of(children, "latest", "0.27.1")
    old = [files.image(f"older for {arch}") for arch in ("amd64", "arm64v8")]
    former = files.list_of(old)
    found = garbage(files.data, ())
    assert found.manifests == tuple(
        Manifest(repository=NAME, digest=digest) for digest in [former, *sorted(old)]
    ), "a list before its children"
    assert found.kept_counts == {NAME: 3}
    parts = [
        f"{part} older for {arch}" for part in ("config of", "layer of") for arch in ("amd64", "arm64v8")
    ]
    assert found.size == sum(map(files.size, [former, *old])) + sum(map(len, parts))


def test_a_child_of_a_list_that_stays_needs_no_tag(files: RegistryFolder) -> None:
    child = files.image("one")
    files.list_of([child], "latest")
    assert removed_digests(files) == []


def test_an_image_that_a_state_names_stays_with_its_children(files: RegistryFolder) -> None:
    """A state names the running image, and the last healthy one, whose tag has moved on."""
    running, healthy, child = files.image("running"), files.image("healthy"), files.image("child")
    pinned = files.list_of([child])
    old = files.image("old")
    assert removed_digests(files, running, healthy, pinned) == [old]
    assert removed_digests(files, running) == [pinned, *sorted([healthy, child, old])]


def test_a_manifests_referrers_stay_and_are_removed_with_it(files: RegistryFolder) -> None:
    """Signatures and SBOMs name the manifest that they are about as their `subject` (OCI 1.1)."""
    kept, gone = files.image("kept", "latest"), files.image("gone")
    signed = files.image("signature", subject=kept)
    files.image("signature of the signature", subject=signed)
    orphan = files.image("signature of what goes", subject=gone)
    assert removed_digests(files) == sorted([gone, orphan])


def test_a_layer_that_another_image_shares_is_not_counted(files: RegistryFolder) -> None:
    layer = files.blob(b"shared by both")
    files.manifest({"config": {"digest": files.blob(b"a")}, "layers": [{"digest": layer}]}, "latest")
    old = files.manifest({"config": {"digest": files.blob(b"old")}, "layers": [{"digest": layer}]})
    found = garbage(files.data, ())
    assert [manifest.digest for manifest in found.manifests] == [old]
    assert found.size == files.size(old) + len(b"old")


def test_each_repository_is_collected_separately(files: RegistryFolder) -> None:
    """A digest that a tag of one repository reaches is needed in that repository only."""
    digest = files.image("one", "latest")
    files.image("one", name="base/build")
    found = garbage(files.data, ())
    assert found.manifests == (Manifest(repository="base/build", digest=digest),)
    assert found.kept_counts == {NAME: 1, "base/build": 0}
    assert found.size == 0, "its blobs are those of the other one"


def test_blobs_of_an_interrupted_run_are_counted(files: RegistryFolder) -> None:
    files.image("one", "latest")
    assert garbage(files.data, ()).is_empty
    files.blob(b"left over")
    found = garbage(files.data, ())
    assert (found.manifests, found.size, found.is_empty) == ((), len(b"left over"), False)


def test_a_registry_without_anything_has_no_garbage(files: RegistryFolder) -> None:
    assert garbage(files.data, ()) == Garbage(manifests=(), kept_counts={}, size=0)


def test_a_manifest_whose_blob_is_missing_is_ignored(files: RegistryFolder) -> None:
    digest = files.image("one", "latest")
    bare = digest.removeprefix("sha256:")
    (files.root / "blobs" / "sha256" / bare[:2] / bare / "data").unlink()
    assert removed_digests(files) == []


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff"])
def test_a_damaged_manifest_stops_it(files: RegistryFolder, content: bytes) -> None:
    """The blobs that it names are unknown, and would be removed."""
    digest = files.image("one", "latest")
    bare = digest.removeprefix("sha256:")
    (files.root / "blobs" / "sha256" / bare[:2] / bare / "data").write_bytes(content)
    with pytest.raises(SetupError, match=f"{digest} is damaged .*nothing was removed"):
        garbage(files.data, ())


@given(
    lists=st.lists(st.sets(st.integers(0, 5), max_size=4), max_size=5),
    tagged=st.sets(st.integers(0, 4)),
    pinned=st.sets(st.integers(0, 5)),
)
def test_no_content_that_is_needed_is_ever_removed(
    tmp_path_factory: pytest.TempPathFactory,
    lists: list[set[int]],
    tagged: set[int],
    pinned: set[int],
) -> None:
    files = RegistryFolder(tmp_path_factory.mktemp("registry"))
    images = [files.image(str(number)) for number in range(6)]
    made = [
        files.list_of([images[child] for child in sorted(children)], *([f"t{index}"] * (index in tagged)))
        for index, children in enumerate(lists)
    ]
    needed = {images[number] for number in pinned}
    for children, digest in zip(lists, made, strict=True):
        if any(made[index] == digest for index in tagged if index < len(made)):
            needed |= {digest, *(images[child] for child in children)}
    assert set(removed_digests(files, *(images[number] for number in pinned))) == {*images, *made} - needed


# The command


def digest(letter: str) -> str:
    return f"sha256:{letter * 64}"


def test_states_of_all_stacks_their_files_and_bases_name_what_stays(
    set_up: Layout,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(registry_collection, "PROJECT", tmp_path)
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.local.yaml").write_text(f"image: r@{digest('a')}\n")
    for stack, letter in (("local", "b"), ("workspace-cli", "c")):
        path = state_file(set_up, stack)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps({"outputs": {"lastHealthy": f"r@{digest(letter)}"}}))
    set_up.bases.write_text(json.dumps({"bookworm": f"r@{digest('d')}"}))
    assert named(set_up) == {digest(letter) for letter in "abcd"}


def test_a_compressed_state_stops_it(set_up: Layout, removal: list[Garbage], skyinfra: Skyinfra) -> None:
    """The images that it names are unknown, and would be removed."""
    state = state_file(set_up, "fleet")
    state.parent.mkdir(parents=True)
    state.with_name(f"{state.name}.gz").touch()
    ran = skyinfra("setup", "collect", "--yes")
    assert (ran.code, removal) == (exit_codes.FAILED, [])
    assert "fleet.json.gz, because a variable such as PULUMI_DIY_BACKEND_GZIP was set" in ran.err


@pytest.fixture
def removal(set_up: Layout, monkeypatch: pytest.MonkeyPatch) -> list[Garbage]:
    """Removals that were started, of a registry with one published image and two unneeded ones."""
    files = RegistryFolder(set_up.state / "registry")
    files.image("new", "latest")
    files.image("old")
    files.image("older")
    begun: list[Garbage] = []
    monkeypatch.setattr(registry_collection, "find_go", lambda _: "go")
    monkeypatch.setattr(registry_collection, "ensure_tool", lambda *_: Path("registry"))
    monkeypatch.setattr(registry_collection, "_remove", lambda _, found, __: begun.append(found))
    return begun


def test_without_an_answer_the_garbage_is_listed_and_not_removed(
    removal: list[Garbage], skyinfra: Skyinfra
) -> None:
    ran = skyinfra("setup", "collect")
    assert ran.code == exit_codes.FAILED
    lines = ran.out.splitlines()
    assert [line.split() for line in lines[:2]] == [["REPOSITORY", "REMOVE", "KEEP"], [NAME, "2", "1"]]
    assert lines[3].startswith("2 manifests would be removed, which frees ")
    assert lines[-1] == "Nothing was removed: --yes removes them."
    assert removal == []


def test_with_yes_it_is_removed_without_a_question(removal: list[Garbage], skyinfra: Skyinfra) -> None:
    ran = skyinfra("setup", "collect", "--yes")
    assert ran.code == 0
    [gone] = removal
    assert len(gone.manifests) == 2
    assert ran.out.splitlines()[-1] == f"{gone.size} B were freed."


@pytest.mark.parametrize(("answer", "count"), [(True, 1), (False, 0)])
def test_confirmation_is_required(
    answer: bool, count: int, removal: list[Garbage], skyinfra: Skyinfra, monkeypatch: pytest.MonkeyPatch
) -> None:
    confirm: Callable[[str], bool] = lambda question: answer and question == "Remove them?"  # noqa: E731
    monkeypatch.setattr("commands.agreement.click.confirm", confirm)
    terminal = SimpleNamespace(stdin=SimpleNamespace(isatty=lambda: True))
    monkeypatch.setattr("commands.agreement.sys", terminal)
    assert skyinfra("setup", "collect").code == (0 if answer else exit_codes.FAILED)
    assert len(removal) == count


def deploy(set_up: Layout, digest: str) -> None:
    """Let a stack's state name an image, as a plain `pulumi up` of another shell does."""
    state = state_file(set_up, "local")
    state.parent.mkdir(parents=True, exist_ok=True)
    state.write_text(json.dumps({"image": f"r@{digest}"}))


def tag(set_up: Layout, digest: str) -> None:
    link = RegistryFolder(set_up.state / "registry").root / "repositories" / NAME / "_manifests/tags/0.27"
    RegistryFolder._write(link / "current" / "link", digest.encode())


def push(set_up: Layout, digest: str) -> None:
    """Push a list whose tag is still to be written."""
    RegistryFolder(set_up.state / "registry").list_of([digest])


@pytest.mark.parametrize("change", [deploy, tag, push])
def test_an_image_that_becomes_needed_while_the_question_is_open_stays(
    change: Callable[[Layout, str], None], set_up: Layout, removal: list[Garbage]
) -> None:
    """Before, all that was found before the question was removed, also an image that a node ran by now."""
    others = list[str]()

    def agreed(shown: Garbage) -> bool:
        needed, *rest = (manifest.digest for manifest in shown.manifests)
        change(set_up, needed)
        others.extend(rest)
        return True

    gone = collect(set_up, agreed)
    assert gone is not None
    assert removal == [gone]
    assert [manifest.digest for manifest in gone.manifests] == others


def test_a_pulumi_that_begins_while_the_question_is_open_stops_it(
    set_up: Layout, removal: list[Garbage]
) -> None:
    def agreed(shown: Garbage) -> bool:
        deploy(set_up, shown.manifests[0].digest)
        lock = set_up.state / "backend/.pulumi/locks/organization/skycoin/local/one.json"
        lock.parent.mkdir(parents=True)
        lock.write_text(json.dumps({"pid": os.getpid(), "username": "me"}))
        return True

    with pytest.raises(SetupError, match="is changing the stack local"):
        collect(set_up, agreed)
    assert removal == []


def test_nothing_is_asked_if_everything_is_needed(set_up: Layout, skyinfra: Skyinfra) -> None:
    RegistryFolder(set_up.state / "registry").image("new", "latest")
    ran = skyinfra("setup", "collect")
    assert (ran.code, ran.out) == (0, "Everything in the local registry is needed.\n")


def test_without_a_set_up_nothing_is_done(layout: Layout, skyinfra: Skyinfra) -> None:
    ran = skyinfra("setup", "collect", "--yes")
    assert ran.code == exit_codes.FAILED
    assert "Nothing is set up" in ran.err


def test_a_running_command_is_reported(
    set_up: Layout,
    removal: list[Garbage],
    skyinfra: Skyinfra,
) -> None:
    """A publish writes manifests before the tags that name them."""
    with exclusive(set_up, "make up"):
        ran = skyinfra("setup", "collect", "--yes")
    assert ran.code == exit_codes.FAILED
    assert "`make up`, process" in ran.err
    assert removal == []
