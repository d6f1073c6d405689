"""Working copies and shared folders as builds get them: what changes their hash, and what causes warnings."""

import json
import os
import re
import socket
from pathlib import Path
from typing import Any

import pulumi
import pytest

from catalogue.images import NAMED_CONTEXTS, PROJECT
from components import contexts
from components.contexts import context_warnings, contexts_argument, files_of, read_contexts, recorded_files
from mocks.engine import BUILD
from tests.unit.engine import Engine
from tests.unit.projects import run_program
from tests.unit.yaml_like import changed


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A working copy with one program."""
    (tmp_path / "cmd" / "skycoin").mkdir(parents=True)
    (tmp_path / "cmd" / "skycoin" / "main.go").write_text("package main\n")
    return tmp_path


def hash_of(folder: Path) -> str:
    return contexts_argument(read_contexts({"source": str(folder)}))[NAMED_CONTEXTS]


@pytest.mark.parametrize(
    ("change", "seen"),
    [
        (lambda main: main.write_text("package main // other\n"), True),
        (lambda main: main.chmod(0o755), True),
        (lambda main: main.rename(main.with_name("other.go")), True),
        (lambda main: (main.parent / "new.go").touch(), True),
        (lambda main: (main.parent / "link").symlink_to("main.go"), True),
        (lambda main: (main.parent / "folder").symlink_to("."), True),
        (lambda main: main.chmod(0o600), False),
        (lambda main: os.utime(main, (1, 1)), False),
        (lambda main: (main.parent / "empty").mkdir(), False),
    ],
    ids=["content", "mode", "name", "file", "link", "link to a folder", "umask", "time", "empty folder"],
)
def test_a_changed_working_copy_has_another_hash(folder: Path, change: Any, seen: bool) -> None:
    """docker-build 0.0.22 noticed no change of a working copy: an edited line rebuilt nothing."""
    before = hash_of(folder)
    change(folder / "cmd" / "skycoin" / "main.go")
    assert (hash_of(folder) != before) is seen


@pytest.mark.parametrize("name", [".git/config", ".env", ".github/workflows/ci.yml", ".netrc"])
def test_hidden_files_at_the_top_are_not_sent_and_do_not_change_the_hash(folder: Path, name: str) -> None:
    """Git's config can hold a token. The Dockerfiles copy only `/[^.]*` (tests/e2e/test_sources.py)."""
    before = hash_of(folder)
    (folder / name).parent.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text("token\n")
    assert hash_of(folder) == before
    assert list(context_warnings(folder)) == []


def test_a_changed_dockerignore_is_another_context(folder: Path) -> None:
    before = hash_of(folder)
    (folder / ".dockerignore").write_text("docs\n")
    assert hash_of(folder) != before


@pytest.mark.parametrize("image", ["skycoin", "skywire"])
def test_a_dockerfile_copies_no_hidden_files_from_the_top_of_the_sources(image: str) -> None:
    text = Path(f"images/{image}/Dockerfile").read_text()
    assert re.findall(r"from=source .*", text) == ["from=source --parents /[^.]* /sources/${NAMED_CONTEXTS}/"]


@pytest.mark.case(33)
def test_gits_own_files_sockets_and_broken_links_stop_nothing(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / ".git" / "index").touch()
    (folder / "broken").symlink_to("/nowhere/at/all")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(folder / "a.sock"))
        assert [path.name for path in files_of(folder)] == ["broken", "main.go"]
    assert len(hash_of(folder)) == 64


def test_a_context_that_is_not_a_folder_here_is_not_hashed() -> None:
    assert contexts_argument(read_contexts({"source": "https://github.com/skycoin/skycoin.git#abc"})) == {}
    assert contexts_argument(read_contexts({})) == {}


def test_the_hash_reaches_every_variants_build_and_no_final_stage(folder: Path) -> None:
    """In a final stage, the hash would be in the image's history, and change its digest."""
    source = {"path": str(folder), "version": "v1.0.0", "commit": "1" * 40}
    settings = changed({"images.skycoin.source": source})
    builds = run_program(Engine(), settings).all_of(BUILD)
    assert len({build.inputs["buildArgs"][NAMED_CONTEXTS] for build in builds}) == 1
    (folder / "cmd" / "skycoin" / "main.go").write_text("package main // other\n")
    again = run_program(Engine(), settings).all_of(BUILD)
    assert again[0].inputs["buildArgs"][NAMED_CONTEXTS] != builds[0].inputs["buildArgs"][NAMED_CONTEXTS]
    for dockerfile in Path("images").rglob("*Dockerfile"):
        assert NAMED_CONTEXTS not in dockerfile.read_text().rpartition("\nFROM ")[2]


@pytest.mark.case(33)
def test_a_large_file_is_warned_of_by_name(folder: Path) -> None:
    with (folder / "chain.db").open("wb") as file:
        file.truncate(10**9)
    [warning] = context_warnings(folder)
    assert warning == (
        "1000 MB, of which chain.db has 1000: all of it is sent to the builder; "
        "list the files that are not sources in a .dockerignore in that folder"
    )


@pytest.mark.case(33)
@pytest.mark.parametrize("name", [".env", ".env.local", "id_ed25519", "tls.key", "skycoin.wlt", ".netrc"])
def test_a_file_that_may_be_secret_is_warned_of(folder: Path, name: str) -> None:
    (folder / "cmd" / name).touch()
    [warning] = context_warnings(folder)
    assert warning.startswith(f"cmd/{name}: may be secret, and is sent to the builder (no image gets it)")


def test_many_files_that_may_be_secret_are_counted(folder: Path) -> None:
    for index in range(5):
        (folder / f"{index}.pem").touch()
    [warning] = context_warnings(folder)
    assert warning.startswith("0.pem, 1.pem, 2.pem and 2 more: may be secret")


def test_a_dockerignore_silences_the_warnings(folder: Path) -> None:
    (folder / ".env").touch()
    (folder / ".dockerignore").write_text(".env\n")
    assert list(context_warnings(folder)) == []


def test_a_working_copy_is_warned_of_by_its_setting(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(contexts, "LARGE", -1)
    said: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", said.append)
    source = {"path": str(folder), "version": "v1.0.0", "commit": "1" * 40}
    run_program(Engine(), changed({"images.skycoin.source": source}))
    assert [line.partition(": 0 MB")[0] for line in said] == [f"skycoin:images.skycoin.source.path: {folder}"]


def record(folder: Path) -> dict[str, str]:
    sources = {"source": str(folder)}
    return recorded_files("./images/busybox", "./images/busybox/Dockerfile", sources, read_contexts(sources))


def test_each_file_of_a_working_copy_is_recorded_by_a_short_hash_without_its_place(folder: Path) -> None:
    found = record(folder)
    assert list(found) == ["images/busybox/Dockerfile", "source/cmd/skycoin/main.go"]
    assert all(re.fullmatch("[0-9a-f]{12}", digest) for digest in found.values())
    (folder / "cmd" / "skycoin" / "main.go").write_text("package other\n")
    after = record(folder)
    assert {path for path in found if found[path] != after[path]} == {"source/cmd/skycoin/main.go"}


def test_only_files_of_an_images_own_folder_that_are_sent_are_recorded() -> None:
    """A README rebuilds nothing, so it is not recorded as a possible cause."""
    own = recorded_files("./images/exporter", "./images/go-module/Dockerfile", {}, {})
    assert {path.removeprefix("images/exporter/").partition("/")[0] for path in own} == {
        "files",
        "go.mod",
        "go.sum",
        "images",  # the Dockerfile, which is in another folder
    }
    assert "images/exporter/README.md" not in own


def test_an_ignore_file_may_have_a_comment_that_is_not_utf_8(tmp_path: Path) -> None:
    """Before, it ended each `pulumi up` with a traceback."""
    (tmp_path / ".dockerignore").write_bytes(b"# caf\xe9\n*\n!sent\n")
    for name in ("sent", "README.md"):
        (tmp_path / name).touch()
    assert [path.name for path in contexts._sent_files(tmp_path)] == ["sent"]


def test_every_ignore_file_is_of_the_form_that_the_record_reads() -> None:
    """The file begins with `*`, then names what is let through, without wildcards."""
    files = [*PROJECT.glob("images/*/.dockerignore")]
    assert len(files) > 5
    for file in files:
        first, *others = file.read_text().split()
        assert first == "*"
        assert all(re.fullmatch(r"![a-z0-9.-]+", line) for line in others), file


def test_a_file_that_may_be_secret_is_not_recorded(folder: Path) -> None:
    (folder / "cmd" / ".env").write_text("PIN=1234\n")
    (folder / "cmd" / "key.pem").write_text("x\n")
    assert [path for path in record(folder) if path.startswith("source/")] == ["source/cmd/skycoin/main.go"]


def test_many_files_are_recorded_by_their_folders(folder: Path) -> None:
    """Folders are at most two levels deep, so that a state grows by at most 200 lines."""
    for number in range(contexts.RECORDED):
        (folder / "cmd" / "skycoin" / f"{number}.go").touch()
    (folder / "go.mod").touch()
    (folder / "cmd" / "any.go").touch()
    (folder / "src" / "a" / "b").mkdir(parents=True)
    (folder / "src" / "a" / "b" / "c.go").touch()
    sources = [path for path in record(folder) if path.startswith("source/")]
    assert sources == ["source/*", "source/cmd/*", "source/cmd/skycoin/**", "source/src/a/**"]
    before = record(folder)
    (folder / "src" / "a" / "b" / "c.go").rename(folder / "src" / "a" / "b" / "d.go")
    after = record(folder)
    assert {path for path in before if before[path] != after[path]} == {"source/src/a/**"}


@pytest.mark.parametrize(
    ("where", "found"),
    [("a/{}/b.go", ["source/a/**", "source/cmd/**"]), ("{}/b.go", ["source/**"])],
    ids=["many below one", "many at the top"],
)
def test_many_folders_are_recorded_by_fewer(folder: Path, where: str, found: list[str]) -> None:
    for number in range(contexts.RECORDED + 1):
        path = folder / where.format(number)
        path.parent.mkdir(parents=True)
        path.touch()
    assert [path for path in record(folder) if path.startswith("source/")] == found


def test_a_name_that_is_not_text_is_recorded_as_text(folder: Path) -> None:
    (folder / os.fsdecode(b"caf\xe9.go")).touch()
    json.dumps(record(folder), ensure_ascii=False).encode()
    assert "source/caf\ufffd.go" in record(folder)
