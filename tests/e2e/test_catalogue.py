"""The other images of the catalogue: built, started and in use; the exporter for all five architectures.

A node's web interface has the proxy for amd64 (test_hosts.py); those for older ARM are started here.
"""

import json
import re
import subprocess
import urllib.parse
import urllib.request
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
import requests

from catalogue.arch import ARCHES
from local.machine import services
from local.machine.services import Service
from settings.proxy import VERSION
from tests.e2e.images import Repository
from tests.e2e.machine import Machine, Result
from tests.e2e.plugin import until
from tests.e2e.sboms import LICENCES, linked_modules, modules_of, others_of, sbom_of
from tests.e2e.test_images import COMMIT
from tests.unit.yaml_like import EXPORTER

METRICS_PORT, PROMETHEUS_PORT, REGISTRY_PORT, PROXY_PORT = 16490, 16491, 16492, 16493
SOURCES = {
    "exporter": EXPORTER["source"],
    "registry": {
        "module": "github.com/distribution/distribution/v3",
        "version": "v3.1.2",
        "commit": "1" * 40,
    },
}
ARCHES_OF = {"exporter": list(ARCHES), "registry": ["amd64", "arm32v6"]}
"""The registry's module is the largest, so only two of its variants are built; all five are built alike."""
SHORT = ("amd64", "arm32v6")
"""Architectures that `make test` builds for; each other one takes a minute or two."""
OLD_PROCESSORS = {"arm32v5": "arm926", "arm32v6": "arm1176"}
"""Processor, in qemu's words, that lacks the instructions of the next architecture."""
PROXY = {
    "source": {"debian": "nginx", "version": VERSION},
    "arches": ["amd64", *OLD_PROCESSORS],
    "channel": "develop",
}
VARIANTS = [
    pytest.param(name, arch, marks=() if arch in SHORT else pytest.mark.long)
    for name, arches in ARCHES_OF.items()
    for arch in arches
]
SCRAPE = """\
scrape_configs:
  - job_name: skycoin
    scrape_interval: 1s
    metrics_path: /probe
    params: {{module: [node], target: ["http://skycoin-node-1:6420/api/v1/health"]}}
    static_configs: [{{targets: ["127.0.0.1:{port}"]}}]
"""


@pytest.fixture(scope="module")
def catalogue(up: Machine, request: pytest.FixtureRequest) -> Iterator[Result]:
    """The stack with both images, and an exporter next to the node; restored afterwards."""
    before = up.settings()
    own = [item for item in request.session.items if item.path == request.path]
    tested = {item.callspec.params.get("arch") for item in own if hasattr(item, "callspec")}
    images = {
        name: {
            "source": source,
            "arches": [arch for arch in ARCHES_OF[name] if arch in SHORT or arch in tested],
            "channel": "release",
        }
        for name, source in SOURCES.items()
    }
    images["proxy"] = PROXY
    node = {**before["skycoin:nodes"]["node-1"], "metrics-port": METRICS_PORT}
    up.change(
        {
            **before,
            "skycoin:images": {**before["skycoin:images"], **images},
            "skycoin:nodes": {"node-1": node},
        }
    )
    result = up.make("up")
    assert result.code == 0, result.text
    yield result
    up.change(before)
    result = up.make("up")
    assert result.code == 0, result.text


def run(up: Machine, image: str, arch: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    tags = up.outputs()["images"][image]
    ref = tags["latest"]["variants"][arch]["ref"]
    command = ["docker", "run", "--rm", "--network", "none", "--read-only", ref, *arguments]
    return subprocess.run(
        command, env=up.environment(), text=True, capture_output=True, timeout=120, check=False
    )


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(("image", "arch"), VARIANTS)
def test_every_variant_starts_and_says_its_version(up: Machine, image: str, arch: str) -> None:
    arguments = {"exporter": ["--version"], "registry": ["--version"]}[image]
    done = run(up, image, arch, *arguments)
    assert done.returncode == 0, done.stderr
    assert SOURCES[image]["version"].removeprefix("v") in done.stdout + done.stderr


@pytest.mark.usefixtures("catalogue")
@pytest.mark.parametrize(("image", "arch"), VARIANTS)
def test_every_variant_has_an_sbom_and_the_licences_of_what_is_linked(
    up: Machine, tmp_path: Path, image: str, arch: str
) -> None:
    repository = Repository(up.layout, f"skycoin/{image}")
    with repository.layer(repository.manifest(f"latest-{arch}")["layers"][-1]) as layer:
        layer.extractall(tmp_path, filter="data")
    source = SOURCES[image]
    [program] = (tmp_path / "usr/bin").iterdir()
    bom = sbom_of(tmp_path, program.name)
    subject = bom.metadata.component
    assert subject is not None
    assert (subject.name, subject.version) == (source["module"], source["version"])
    assert [digest.content for digest in subject.hashes] == [sha256(program.read_bytes()).hexdigest()]
    linked = linked_modules(up, program)
    assert modules_of(bom) == linked
    licences = tmp_path / LICENCES / program.name
    missing = {name for name, _ in linked if not any(file.is_file() for file in (licences / name).glob("*"))}
    assert missing == set()
    assert (licences / source["module"] / "LICENSE").is_file()
    assert (licences / "go/LICENSE").is_file()
    reports = json.loads(up.pulumi("stack", "output", "verification", "--json", "--stack", "local").text)
    files = [f"/usr/share/sbom/{name}.cdx.json" for name in ("image", program.name)]
    assert list(reports[image][arch]["sboms"]) == files
    # An official busybox is not Debian's.
    packages = reports[image][arch]["packages"]
    assert {"ca-certificates"} <= packages.keys() <= {"busybox", "ca-certificates"}
    modules = json.loads(up.pulumi("stack", "output", "modules", "--json", "--stack", "local").text)
    [one] = [module for module in modules[image] if arch in module["variants"]]
    assert one["program"] == program.name
    found = {(module, f"v{version}") for module, version in one["modules"].items() if module != "stdlib"}
    assert found == linked | {(source["module"], source["version"])}
    # The exporter is its module's root package, whose package URL used to end with an empty `#`.
    below = {"exporter": "", "registry": "#cmd/registry"}[image]
    assert str(subject.purl) == f"pkg:golang/{source['module']}@{source['version']}{below}"
    assert set(others_of(tmp_path)) == {"busybox", "ca-certificates"}


@pytest.mark.usefixtures("catalogue")
def test_the_exporter_shows_the_nodes_answers(up: Machine) -> None:
    url = up.outputs()["nodes"]["node-1"]["metrics"]
    assert url.startswith(f"http://127.0.0.1:{METRICS_PORT}/probe")
    with urllib.request.urlopen(url, timeout=10) as answer:
        lines = answer.read().decode().splitlines()
    assert "skycoin_blockchain_height 0" in lines
    assert 'skycoin_peers{direction="outgoing"} 0' in lines
    assert f'skycoin_node_info{{branch="master",commit="{COMMIT}",version="0.27.1"}} 1' in lines


@pytest.mark.usefixtures("catalogue")
def test_the_exporter_is_confined_and_on_loopback(up: Machine) -> None:
    container = up.inspect("container", "skycoin-node-1-exporter")
    host = container["HostConfig"]
    assert host["PortBindings"] == {"7979/tcp": [{"HostIp": "127.0.0.1", "HostPort": str(METRICS_PORT)}]}
    assert (host["ReadonlyRootfs"], host["CapDrop"], host["Privileged"]) == (True, ["ALL"], False)
    assert (container["Config"]["User"], container["Mounts"]) == ("10001:10001", [])
    assert container["State"]["Health"]["Status"] == "healthy"
    limits = {limit["Name"]: limit["Hard"] for limit in host["Ulimits"]}
    assert (host["Memory"], limits) == (64 << 20, {"nofile": 4096, "nproc": 1024})


@pytest.fixture(scope="module")
def prometheus(up: Machine, catalogue: Result) -> Iterator[str]:
    """Debian's Prometheus, unpacked but not installed: an installation would start a service."""
    assert catalogue.code == 0
    folder = up.layout.state / "prometheus"
    folder.mkdir(exist_ok=True)
    subprocess.run(["apt-get", "download", "-q", "prometheus"], cwd=folder, check=True, capture_output=True)
    [package] = folder.glob("prometheus_*.deb")
    subprocess.run(["dpkg", "-x", package, folder / "root"], check=True)
    config = folder / "prometheus.yml"
    config.write_text(SCRAPE.format(port=METRICS_PORT))
    services.start(
        up.layout,
        Service(
            name="prometheus",
            argv=[
                str(folder / "root" / "usr" / "bin" / "prometheus"),
                f"--config.file={config}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{PROMETHEUS_PORT}",
            ],
            # Prometheus answers 503 while it starts.
            ready=lambda: answers(f"http://127.0.0.1:{PROMETHEUS_PORT}/-/ready"),
            port=PROMETHEUS_PORT,
        ),
    )
    yield f"http://127.0.0.1:{PROMETHEUS_PORT}"
    services.stop(up.layout, "prometheus")


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)["data"]


def test_prometheus_has_the_target_up_with_the_nodes_metrics(prometheus: str) -> None:
    def targets() -> Any:
        return ask(f"{prometheus}/api/v1/targets")["activeTargets"]

    until(lambda: [target["health"] for target in targets()] == ["up"], "the target is up", seconds=30)
    assert [(target["health"], target["lastError"]) for target in targets()] == [("up", "")]
    query = urllib.parse.quote("skycoin_node_info")
    [found] = ask(f"{prometheus}/api/v1/query?query={query}")["result"]
    assert found["metric"]["version"] == "0.27.1"
    age = urllib.parse.quote("time() - skycoin_blockchain_head_timestamp_seconds > 0")
    assert len(ask(f"{prometheus}/api/v1/query?query={age}")["result"]) == 1


def answers(url: str, *, refused: int | None = None) -> bool:
    """True if the program answers; the engine opens its port before the program listens."""
    try:
        with urllib.request.urlopen(url, timeout=5):
            return True
    except OSError as error:
        return refused is not None and getattr(error, "code", None) == refused


@pytest.mark.usefixtures("catalogue")
def test_the_registry_serves_and_keeps_its_data_in_a_volume(up: Machine) -> None:
    tags = up.outputs()["images"]["registry"]
    started = up.docker(
        "run", "--detach", "--name", "catalogue-registry", "--read-only", "--cap-drop", "ALL",
        "--publish", f"127.0.0.1:{REGISTRY_PORT}:5000", "--volume", "catalogue-registry:/var/lib/registry",
        tags["latest"]["ref"],
    )  # fmt: skip
    try:
        assert started.code == 0, started.text
        root = f"http://127.0.0.1:{REGISTRY_PORT}/v2/"
        until(lambda: answers(root), "the registry answers", seconds=20)
        post = urllib.request.Request(f"{root}a/b/blobs/uploads/", data=b"", method="POST")
        with urllib.request.urlopen(post, timeout=10) as answer:
            assert answer.status == 202, "it may write to its volume"
    finally:
        up.docker("rm", "--force", "catalogue-registry")
        up.docker("volume", "rm", "catalogue-registry")


@pytest.fixture
def proxy(up: Machine, catalogue: Result, request: pytest.FixtureRequest) -> Iterator[str]:
    """Container of a proxy on an emulated old processor, next to the node."""
    assert catalogue.code == 0
    arch, name = request.param, f"catalogue-proxy-{request.param}"
    ref = up.outputs()["images"]["proxy"]["develop"]["variants"][arch]["ref"]
    [network] = up.inspect("container", "skycoin-node-1")["NetworkSettings"]["Networks"]
    started = up.docker(
        "run", "--detach", "--name", name, "--network", network, "--env", f"QEMU_CPU={OLD_PROCESSORS[arch]}",
        "--read-only", "--cap-drop", "ALL", "--tmpfs", "/tmp", "--volume", f"{name}:/login",
        "--publish", f"127.0.0.1:{PROXY_PORT}:8080", ref, "proxy", "skycoin-node-1", str(PROXY_PORT),
    )  # fmt: skip
    try:
        assert started.code == 0, started.text
        yield name
    finally:
        up.docker("rm", "--force", name)
        up.docker("volume", "rm", name)


@pytest.mark.parametrize("proxy", OLD_PROCESSORS, indirect=True)
def test_a_proxy_forwards_with_its_login_on_a_processor_without_newer_instructions(
    up: Machine, proxy: str
) -> None:
    """Its OpenSSL needs a library that has code for ARMv7 too, and chooses at run time (docs/adr/0042)."""
    url = f"http://127.0.0.1:{PROXY_PORT}/api/v1/version"
    until(lambda: answers(f"http://127.0.0.1:{PROXY_PORT}/", refused=401), "the proxy asks", seconds=60)
    user, password = re.findall(r": (\S+)$", up.docker("exec", proxy, "gui-login").text, re.MULTILINE)
    assert requests.get(url, timeout=30).status_code == 401
    assert requests.get(url, auth=(user, password[:-1]), timeout=30).status_code == 401
    shown = requests.get(url, auth=(user, password), timeout=30)
    assert (shown.status_code, shown.json()["version"]) == (200, "0.27.1")


@pytest.mark.parametrize("processor", OLD_PROCESSORS.values())
def test_an_emulated_old_processor_lacks_newer_instructions(up: Machine, processor: str) -> None:
    """Otherwise, the test of the proxy would pass with ARMv7 code, too."""
    ref = up.outputs()["images"]["skycoin"]["latest"]["variants"]["arm32v7"]["ref"]
    name, program = f"catalogue-{processor}", ("--entrypoint", "busybox", ref, "true")
    # In the background: as the first process of its container, a program does not die of its own signal.
    up.docker("run", "--detach", "--name", name, "--env", f"QEMU_CPU={processor}", *program)
    try:
        until(lambda: "(Illegal instruction)" in up.docker("logs", name).text, "it fails", seconds=60)
    finally:
        up.docker("rm", "--force", name)


def test_each_images_readme_has_the_measured_sizes(up: Machine, catalogue: Result) -> None:
    """The sizes in the READMEs are within 5 % of those in the registry."""
    assert catalogue.code == 0
    for image in (*SOURCES, "proxy"):
        page: Path = up.checkout / "images" / image / "README.md"
        [row] = [line for line in page.read_text().splitlines() if line.startswith("Unpacked: ")]
        [tag] = {"latest", "develop"} & up.outputs()["images"][image].keys()
        for arch, variant in up.outputs()["images"][image][tag]["variants"].items():
            said = float(row.partition(f"{arch} ")[2].partition(" MB")[0])
            assert abs(variant["unpacked"] / 1e6 - said) < 0.05 * said, (image, arch)
