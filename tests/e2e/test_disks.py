"""Disks don't fill up: ten upgrades on a board with a small disk, and the local registry that they come from.

The provider's own handover, with images from the set-up's own registry, pulled through real ssh. A web server
stands in for the node: it answers health requests, with the version and the chain that an upgrade checks.
"""

import gzip
import io
import json
import os
import subprocess
import tarfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from catalogue.titles import TITLE
from clients.engine import connect
from clients.errors import RegistryError
from clients.manifests import MANIFEST, Manifest, sha256_of
from clients.pull import ensure_image
from clients.registry import Repository
from fleet.images import ImageHost, clean, look, table
from local import registry_collection
from local.machine import services
from local.machine.layout import Layout, Mode
from local.machine.packages import ensure_packages
from local.machine.services import Service, port_is_taken
from local.machine.steps import run
from local.machine.tools import REGISTRY, ensure_tool, find_go
from local.pulumi.cli import remember
from local.registry import certificates
from local.registry.contents import Garbage, garbage
from local.registry.login import ensure_login
from local.registry.server import registry_service
from local.registry_collection import collect, collect_blobs
from local.stacks.states import state_file
from providers.kind import ProviderError, Values
from providers.skycoin import older_images
from providers.skycoin.node_container import NodeContainer
from providers.skycoin.pulled_image import PulledImage
from tests.e2e.boards import Board, end_boards, start_board
from tests.e2e.layouts import layout_in
from tests.e2e.plugin import OTHER_ENGINE, busybox_archive
from tests.e2e.rebooted import INPUTS, NAME, WALLET, prepare

COPIES = 2 if OTHER_ENGINE else 1
"""How often an engine stores an image: containerd's image store keeps it compressed, too."""
DISK = 10 + 80 * COPIES
"""Size in MB: enough for what the host keeps and one incoming image, but not for ten images."""
BULK = 10_000_000
"""Bytes that each version has alone; they are incompressible."""
SLACK = 1_000_000
"""Bytes by which free space may differ after eight more upgrades: a tenth of one image, for eight copies of
the wallet, the engine's database, and logs.
"""
UPGRADES = 10
HEALTHY = {"tests": ["CMD", "wget", "-q", "-O", "/dev/null", "http://127.0.0.1:6420/api/v1/health"]}
SICK = {"tests": ["CMD", "false"], "interval": "1s", "timeout": "1s", "retries": 2}


@pytest.fixture(scope="module")
def layout() -> Iterator[Layout]:
    """A set-up with nothing but a registry; always in the same folder, so that leftovers are removed."""
    state = Path("/tmp/skycoin-disks")
    made = layout_in(state, 15448, mode=Mode.EMBEDDED)
    end_boards(state)
    services.stop(made, "registry")
    subprocess.run(["rm", "-rf", "--one-file-system", str(state)], check=True)
    made.logs.mkdir(parents=True)
    certificates.ensure_certificates(made)
    certificates.ensure_name(made)
    ensure_login(made)
    ensure_packages(made, "the stand-in of a node", ["busybox-static"])
    remember(made, {})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(made.trust))
        patch.setenv("DOCKER_CONFIG", str(made.docker_config))
        yield made
    services.stop(made, "registry")


@pytest.fixture(scope="module")
def service(layout: Layout) -> Service:
    made = registry_service(layout, ensure_tool(layout, find_go(layout), REGISTRY))
    services.start(layout, made)
    return made


@pytest.fixture(scope="module")
def repository(layout: Layout, service: Service) -> Repository:
    return Repository(f"{layout.registry}/skycoin/skycoin")


@pytest.fixture(scope="module")
def board(layout: Layout) -> Iterator[Board]:
    made = start_board(layout, "small", 41, disk=DISK)
    yield made
    made.end()


def publish(repository: Repository, number: int, *tags: str) -> str:
    """Publish version 0.NUMBER.0 of the node's stand-in; return its reference."""
    health = {"version": {"version": f"0.{number}.0"}, "blockchain": {"head": {"seq": number}}}
    files = {"www/api/v1/health": json.dumps(health).encode(), "bulk": os.urandom(BULK)}
    layers = [_with_web_server(busybox_archive()), _archive(files)]
    config = {
        "os": "linux",
        "architecture": "amd64",
        "config": {
            "Labels": {TITLE: "Skycoin node", "org.opencontainers.image.version": f"0.{number}.0"},
            "Env": ["PATH=/bin"],
        },
        "rootfs": {"type": "layers", "diff_ids": [sha256_of(layer) for layer in layers]},
    }
    kind = "application/vnd.oci.image"
    parts = [
        _sent(repository, f"{kind}.config.v1+json", json.dumps(config).encode()),
        *(
            _sent(repository, f"{kind}.layer.v1.tar+gzip", gzip.compress(layer, 0, mtime=0))
            for layer in layers
        ),
    ]
    fields = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}
    manifest = Manifest(json.dumps(fields).encode(), MANIFEST)
    for reference in (manifest.digest, *tags):
        repository.put_manifest(reference, manifest)
    return f"{repository.name}@{manifest.digest}"


def _with_web_server(archive: bytes) -> bytes:
    whole = io.BytesIO(archive)
    with tarfile.open(fileobj=whole, mode="a") as tar:
        link = tarfile.TarInfo("bin/httpd")
        link.type, link.linkname = tarfile.SYMTYPE, "busybox"
        tar.addfile(link)
    return whole.getvalue()


def _archive(files: dict[str, bytes]) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w") as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def _sent(repository: Repository, kind: str, content: bytes) -> dict[str, Any]:
    digest = sha256_of(content)
    if not repository.has_blob(digest):
        repository.put_blob(digest, io.BytesIO(content))
    return {"mediaType": kind, "digest": digest, "size": len(content)}


@dataclass
class Node:
    """A node on the board, as Pulumi's state has it."""

    board: Board
    identity: str = ""
    inputs: Values = field(default_factory=dict)
    state: Values = field(default_factory=dict)
    said: list[str] = field(default_factory=list)
    warned: list[str] = field(default_factory=list)

    @property
    def kind(self) -> NodeContainer:
        return NodeContainer(lambda _: None, self.warned.append, connect, say=self.said.append)

    @property
    def place(self) -> Values:
        return {"host": "small", "engine": self.board.engine, "sshOptions": self.board.ssh_options}

    @property
    def near(self) -> Values:
        """The same engine without ssh, since ssh connections take most of a handover's time."""
        return {"engine": self.board.docker_host, "sshOptions": []}

    def wanted(self, image: str, **changes: Any) -> Values:
        serve = ["httpd", "-f", "-p", "6420", "-h", "/www"]
        given = {"healthcheck": {**HEALTHY, "interval": "1s", "timeout": "5s", "retries": 30}}
        own = {"image": image, "command": serve, "init": True, "stopTimeout": 10, **given}
        return {**INPUTS, **self.place, **own, **changes}

    def up(self, image: str, **changes: Any) -> None:
        """Pull the image, then hand over, in the order of the program."""
        news = self.wanted(image, **changes)
        PulledImage(lambda _: None).create({**self.place, "image": image})
        if self.identity:
            self.state = self.kind.update(self.identity, self.state, news)
        else:
            self.identity, self.state = self.kind.create(news)
        self.inputs = news

    def previewed(self, image: str) -> list[str]:
        """Lines that a preview prints."""
        said: list[str] = []
        kind = NodeContainer(lambda _: None, said.append, connect, say=said.append)
        kind.planned(self.wanted(image), {**self.inputs, **self.state})
        return said


@pytest.fixture(scope="module")
def node(board: Board) -> Node:
    prepare(board.run, board.docker_host)
    board.docker("volume", "create", "precious")
    return Node(board)


@pytest.fixture(autouse=True)
def _another_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget the images that another run has asked for: each real run is a separate process."""
    monkeypatch.setattr(older_images, "_wanted", {})


@pytest.fixture(scope="module")
def versions(repository: Repository) -> list[str]:
    """Eleven versions, each published under the tag `latest` in turn."""
    return [publish(repository, number, "latest") for number in range(UPGRADES + 1)]


def stored(board: Board) -> dict[str, str]:
    """Image id → tag, or `<none>` for an image without a tag."""
    lines = board.docker("images", "--no-trunc", "--format", "{{.ID}} {{.Tag}}").splitlines()
    return dict(line.split() for line in lines)


def id_of(board: Board, image: str) -> str:
    digest = image.partition("@")[2]
    listed = board.docker("images", "--digests", "--no-trunc", "--format", "{{.ID}} {{.Digest}}").splitlines()
    return next(line.split()[0] for line in listed if line.endswith(digest))


def ids(board: Board, images: Sequence[str]) -> set[str]:
    return {id_of(board, image) for image in images}


@pytest.fixture(scope="module")
def others(board: Board, node: Node, repository: Repository) -> set[str]:
    """Images that must stay: a user's own, a tagged one of this program, and one of a stopped container."""
    command = ["docker", "-H", board.docker_host, "import", "-", "mine:1"]
    subprocess.run(command, input=busybox_archive(), check=True, capture_output=True)
    board.docker("import", str(_empty(board)))
    tagged, used = (publish(repository, number) for number in (100, 101))
    for image in (tagged, used):
        ensure_image(connect(node.place), image, node.place)
    board.docker("tag", id_of(board, tagged), "kept:by-me")
    board.docker("create", "--name", "by-hand", id_of(board, used), "true")
    return set(stored(board))


def _empty(board: Board) -> Path:
    """Archive that is imported as a dangling image, such as a user's builds leave."""
    path = board.folder / "empty.tar"
    path.write_bytes(_archive({"mine": b"mine"}))
    return path


def test_ten_upgrades_end_with_the_disk_as_after_the_second(
    board: Board, node: Node, versions: list[str], others: set[str]
) -> None:
    began, free = time.monotonic(), dict[int, int]()
    for number, image in enumerate(versions[:UPGRADES], start=1):
        older_images._wanted.clear()
        node.up(image, **node.near)
        free[number] = board.free()
        kept = versions[max(0, number - 2) : number]
        assert set(stored(board)) - others == ids(board, kept), f"after upgrade {number}"
    shown = ", ".join(f"{size / 1e6:.1f}" for size in free.values())
    print(f"{UPGRADES} upgrades took {time.monotonic() - began:.0f} s; MB free after each: {shown}")
    assert abs(free[UPGRADES] - free[2]) < SLACK
    assert DISK * 1_000_000 < UPGRADES * BULK * COPIES, "all of them would not fit"
    assert node.warned == []
    assert len(node.said) == UPGRADES - 2
    assert f"of 0.{UPGRADES - 3}.0 (" in node.said[-1]
    assert board.docker("ps", "--format", "{{.Names}}").split() == [NAME]
    assert others <= set(stored(board))
    assert {WALLET, f"{WALLET}-backups", "precious"} <= set(board.docker("volume", "ls", "-q").split())


def test_a_preview_names_the_images_to_remove_and_a_failed_update_removes_none(
    board: Board, node: Node, versions: list[str], others: set[str]
) -> None:
    eighth, ninth, tenth = versions[7], versions[8], versions[9]
    new = versions[UPGRADES]
    [line] = node.previewed(new)
    short = f"skycoin/skycoin@{ninth.partition('@sha256:')[2][:12]}"
    assert line.startswith(
        f"host small: once the new container is healthy, the older image {short} of 0.8.0 ("
    )
    before = board.docker("ps", "-q", "--no-trunc")
    with pytest.raises(ProviderError, match=f"The old container {NAME} was restored"):
        node.up(new, healthcheck=SICK, waitTimeout=10, **node.near)
    assert board.docker("ps", "-q", "--no-trunc") == before
    assert set(stored(board)) - others == ids(board, [ninth, tenth, new])
    assert eighth.partition("@")[2] not in board.docker("images", "--digests")


def test_clean_shows_and_removes_the_images_that_a_failed_update_left(
    board: Board, node: Node, versions: list[str], others: set[str]
) -> None:
    ninth, tenth, new = versions[8:]
    host = ImageHost(
        name="small",
        engine=board.engine,
        ssh_options=tuple(board.ssh_options),
        repositories=frozenset({new.partition("@")[0]}),
    )
    volumes = board.docker("volume", "ls", "-q")
    seen = look([host], [])
    assert f"skycoin/skycoin@{new.partition('@sha256:')[2][:12]}" in table(seen)
    assert [len(status.images) for status in seen] == [1]
    [gone] = clean(seen, [])
    assert (list(gone.images), list(gone.faults)) == (list(seen[0].images), [])
    assert set(stored(board)) == others | ids(board, [ninth, tenth])
    assert board.docker("volume", "ls", "-q") == volumes
    assert look([host], []) == [replace(seen[0], images=[])]


def test_a_board_that_is_rebooted_keeps_its_small_disk(board: Board, node: Node) -> None:
    before = stored(board)
    board.reboot()
    assert stored(board) == before
    assert board.free() < DISK * 1_000_000


# The registry that the images came from.


def written_state(layout: Layout, node: Node) -> None:
    """Write the state of a stack that runs the node."""
    outputs = {"image": node.inputs["image"], "lastHealthy": node.state["lastHealthy"]}
    path = state_file(layout, "local")
    path.parent.mkdir(parents=True, exist_ok=True)
    resource = {"urn": "urn:node", "type": "skycoin:index:NodeContainer", "outputs": outputs}
    path.write_text(json.dumps({"checkpoint": {"latest": {"resources": [resource]}}}))


def read_completely(repository: Repository, image: str) -> None:
    """Read an image from the registry, to its last byte."""
    manifest = repository.manifest(image.partition("@")[2])
    for part in (manifest.fields["config"], *manifest.fields["layers"]):
        with repository.blob(part["digest"], part["size"]) as file:
            assert len(file.read()) == part["size"]


def there(repository: Repository, images: Sequence[str]) -> list[str]:
    return [image for image in images if repository.digest_of(image.partition("@")[2])]


def test_the_registry_keeps_images_that_are_tagged_running_or_last_healthy(
    layout: Layout,
    service: Service,
    repository: Repository,
    node: Node,
    versions: list[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    running, healthy = node.inputs["image"], node.state["lastHealthy"]
    assert (running, healthy) == (versions[9], versions[8])
    written_state(layout, node)
    meanwhile = list[str]()

    def during(argv: Sequence[str], *, log: Path) -> None:
        assert not port_is_taken(layout.registry_port)
        with pytest.raises(RegistryError) as refused:
            Repository(repository.name).digest_of("latest")
        assert refused.value.passing, "whoever pulls tries again"
        meanwhile.append(argv[1])
        run(argv, log=log)

    monkeypatch.setattr(registry_collection, "run", during)
    shown: list[Garbage] = []
    before = _bytes(layout)

    def agreed(found: Garbage) -> bool:
        shown.append(found)
        return True

    gone = collect(layout, agreed)
    assert gone is not None
    assert gone == shown[0]
    assert meanwhile == ["garbage-collect"]
    assert len(gone.manifests) == UPGRADES + 1 + 2 - 3
    assert there(repository, versions) == versions[8:]
    assert repository.tags() == ["latest"]
    for image in versions[8:]:
        read_completely(repository, image)
    assert before - _bytes(layout) >= gone.size >= (UPGRADES - 2) * BULK
    assert collect(layout, lambda _: True) is None, "nothing is left to do"


def _bytes(layout: Layout) -> int:
    return sum(path.stat().st_size for path in (layout.state / "registry").rglob("data") if path.is_file())


@pytest.mark.parametrize("seconds", [0.02, 0.06, 0.12])
def test_a_collection_that_is_killed_loses_nothing_and_is_finished_by_the_next(
    layout: Layout, service: Service, repository: Repository, versions: list[str], seconds: float
) -> None:
    old = publish(repository, 200 + int(seconds * 100))
    assert repository.remove(old.partition("@")[2])
    services.stop(layout, service.name)
    env = {**os.environ, **service.env}
    program, _, config = service.argv
    with subprocess.Popen(
        [program, "garbage-collect", config], env=env, stdout=subprocess.DEVNULL
    ) as process:
        time.sleep(seconds)
        process.kill()
    left = garbage(layout.state / "registry", registry_collection.named(layout))
    assert left.manifests == ()
    services.start(layout, service)
    for image in versions[8:]:
        read_completely(repository, image)
    collect(layout, lambda _: True)
    assert garbage(layout.state / "registry", registry_collection.named(layout)).is_empty
    for image in versions[8:]:
        read_completely(repository, image)


def test_a_collected_registry_still_accepts_and_serves_images(
    repository: Repository, node: Node, board: Board
) -> None:
    new = publish(repository, 400, "again")
    read_completely(repository, new)
    node.up(new, **node.near)
    assert board.docker("ps", "--format", "{{.Names}}").split() == [NAME]


def test_a_registry_that_was_down_stays_down(
    layout: Layout, service: Service, repository: Repository
) -> None:
    publish(repository, 300)
    services.stop(layout, service.name)
    assert collect(layout, lambda _: True) is not None
    assert not port_is_taken(layout.registry_port)
    collect_blobs(layout, service)
    assert not port_is_taken(layout.registry_port)
    services.start(layout, service)
