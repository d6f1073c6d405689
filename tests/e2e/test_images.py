"""The published images, read back from the registry and run on a real engine."""

import hashlib
import json
import math
import os
import re
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from catalogue.arch import ARCHES
from local.machine.layout import PROJECT
from local.machine.tools import CRANE, ensure_tool, find_go, go_environment
from mocks.engine import BUILD
from tests.e2e.images import Repository, program
from tests.e2e.machine import Machine
from tests.e2e.sboms import LICENCES, SBOMS, Modules, linked_modules, modules_of, others_of, sbom_of

TAGS = ("latest", "0.27", "0.27.1", "release-v0.27.1")
PLATFORMS = {
    "amd64": ("linux", "amd64", ""),
    "arm32v5": ("linux", "arm", "v5"),
    "arm32v6": ("linux", "arm", "v6"),
    "arm32v7": ("linux", "arm", "v7"),
    # BuildKit normalises arm64/v8 to arm64 (buildx#1652), and a list repeats what its images say.
    "arm64v8": ("linux", "arm64", ""),
}
MACHINES = {
    "amd64": ("EM_X86_64", 64),
    "arm32v5": ("EM_ARM", 32),
    "arm32v6": ("EM_ARM", 32),
    "arm32v7": ("EM_ARM", 32),
    "arm64v8": ("EM_AARCH64", 64),
}
RUN_HERE = ("amd64", "arm32v5", "arm32v6", "arm32v7", "arm64v8")
COMMIT = "13141d81aaa5fa3c653522f6d462dfc851c962f2"
MODULE = "github.com/skycoin/skycoin"
STORM = 20
"""Seconds during which the restarts of a program that exits at once are counted: eight at most."""
PATCHES = PROJECT / "images" / "skycoin" / "patches"
SBOM_MODULE = PROJECT / "images" / "go-module" / "sbom"


@pytest.fixture(scope="session")
def repository(up: Machine) -> Repository:
    return Repository(up.layout, "skycoin/skycoin")


def image_of(repository: Repository, arch: str) -> Any:
    return repository.manifest(f"0.27.1-{arch}")


def run(
    up: Machine, arch: str, *arguments: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    """Run one variant with `docker run`, by its digest."""
    ref = up.outputs()["images"]["skycoin"]["latest"]["variants"][arch]["ref"]
    command = ["docker", "run", "--rm", "--network", "none", *options, ref, *arguments]
    return subprocess.run(
        command, env=up.environment(), text=True, capture_output=True, timeout=300, check=False
    )


def platform_of(described: Any) -> tuple[str, str, str]:
    """Platform in a list's entry or in an image's configuration."""
    return described["os"], described["architecture"], described.get("variant", "")


@pytest.mark.parametrize("tag", TAGS)
def test_list_holds_exactly_the_five_platforms_in_table_order(repository: Repository, tag: str) -> None:
    """There are no unknown/unknown entries, since builds add no attestations."""
    manifests = repository.manifest(tag)["manifests"]
    assert [platform_of(entry["platform"]) for entry in manifests] == list(PLATFORMS.values())


@pytest.mark.parametrize("place", ["skycoin/skycoin:latest", "base/busybox:bookworm-local"])
def test_a_list_says_the_platform_of_each_images_configuration(up: Machine, place: str) -> None:
    """The list used to say arm64/v8 for an image of arm64; `crane validate` wants them to be equal."""
    name, _, tag = place.partition(":")
    repository = Repository(up.layout, name)
    for entry in repository.manifest(tag)["manifests"]:
        config = repository.config(repository.manifest(entry["digest"]))
        assert platform_of(entry["platform"]) == platform_of(config)
    crane = str(ensure_tool(up.layout, find_go(up.layout), CRANE))
    command = [crane, "validate", "--remote", f"{up.layout.registry}/{place}"]
    said = up.run(*command, env=up.environment())
    assert said.code == 0, said.text


def test_all_tags_name_the_same_children(repository: Repository) -> None:
    children = {tag: [entry["digest"] for entry in repository.manifest(tag)["manifests"]] for tag in TAGS}
    assert len({tuple(digests) for digests in children.values()}) == 1


def test_outputs_match_the_content_of_the_registry(up: Machine, repository: Repository) -> None:
    latest = up.outputs()["images"]["skycoin"]["latest"]
    listed = [entry["digest"] for entry in repository.manifest("latest")["manifests"]]
    assert [variant["digest"] for variant in latest["variants"].values()] == listed
    assert latest["ref"].endswith(f":latest@{latest['digest']}")


@pytest.mark.parametrize("arch", ARCHES)
def test_a_variants_platform_is_that_of_its_program(repository: Repository, arch: str) -> None:
    """All 32 ARM tags that the former build hooks published said linux/amd64."""
    manifest = image_of(repository, arch)
    config = repository.config(manifest)
    assert platform_of(config) == PLATFORMS[arch]
    for name in ("skycoin", "skycoin-cli"):
        found = program(repository.file(manifest, f"usr/bin/{name}"))
        assert (found.machine, found.bits) == MACHINES[arch]
        assert not found.dynamic, f"{name} asks for a dynamic linker, and busybox has none"
    base = program(repository.file(manifest, "bin/busybox"))
    assert (base.machine, base.bits, base.dynamic) == (*MACHINES[arch], False)
    assert base.hard_float == (arch == "arm32v7"), "armel serves v5 and v6, armhf v7"


@pytest.mark.parametrize("arch", ARCHES)
def test_variant_has_two_layers_above_its_base(repository: Repository, arch: str) -> None:
    base = Repository(repository.layout, "base/busybox").manifest(f"bookworm-local-{arch}")
    layers = [layer["digest"] for layer in image_of(repository, arch)["layers"]]
    below = len(base["layers"])
    assert len(layers) - below == 2


def test_variants_share_one_layer_by_digest(repository: Repository) -> None:
    """GUI, certificates and entry point are uploaded once for all five."""
    each = [{layer["digest"] for layer in image_of(repository, arch)["layers"]} for arch in ARCHES]
    assert len(set.intersection(*each)) == 1


@pytest.fixture(scope="session")
def own(repository: Repository, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each architecture's own layer, unpacked into a folder."""
    folder = tmp_path_factory.mktemp("own")
    for arch in ARCHES:
        with repository.layer(image_of(repository, arch)["layers"][-1]) as layer:
            layer.extractall(folder / arch, filter="data")
    return folder


def pinned_modules() -> Modules:
    text = (PROJECT / "images" / "skycoin" / "go.mod").read_text()
    return set(re.findall(r"^(?:require)?\s*(\S+) (v\S+)", text, re.M))


@pytest.fixture(scope="session")
def writer(up: Machine, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that writes SBOMs, compiled outside the builder."""
    built = tmp_path_factory.mktemp("sbom") / "sbom"
    command = [find_go(up.layout), "build", "-o", str(built), "."]
    environment = {**os.environ, **go_environment(up.layout)}
    subprocess.run(command, cwd=SBOM_MODULE, env=environment, check=True, timeout=300)
    return built


@pytest.mark.parametrize("name", ["skycoin", "skycoin-cli"])
@pytest.mark.parametrize("arch", ARCHES)
def test_an_sbom_names_the_linked_modules_at_their_pinned_versions(
    up: Machine, own: Path, arch: str, name: str
) -> None:
    found = modules_of(sbom_of(own / arch, name))
    assert found == linked_modules(up, own / arch / "usr/bin" / name)
    assert found <= pinned_modules()


@pytest.mark.parametrize("name", ["skycoin", "skycoin-cli"])
@pytest.mark.parametrize("arch", ARCHES)
def test_an_sbom_describes_the_program_next_to_it(own: Path, arch: str, name: str) -> None:
    bom = sbom_of(own / arch, name)
    content = (own / arch / "usr/bin" / name).read_bytes()
    subject = bom.metadata.component
    assert subject is not None
    assert (subject.name, subject.version) == (MODULE, "v0.27.1")
    assert str(subject.purl) == f"pkg:golang/{MODULE}@v0.27.1#cmd/{name}"
    assert [digest.content for digest in subject.hashes] == [hashlib.sha256(content).hexdigest()]
    assert subject.pedigree is not None
    assert [str(release.purl) for release in subject.pedigree.ancestors] == [f"pkg:golang/{MODULE}@v0.27.1"]
    patches = [
        patch.diff.text.content for patch in subject.pedigree.patches if patch.diff and patch.diff.text
    ]
    assert patches == [file.read_text() for file in sorted(PATCHES.iterdir())]
    properties = {entry.name: entry.value for entry in bom.metadata.properties}
    assert properties["cdx:gomod:build:vcs:revision"] == COMMIT
    assert properties["cdx:gomod:build:env:GOARCH"] == ARCHES[arch].goarch
    assert properties.get("cdx:gomod:build:env:GOARM", "") == ARCHES[arch].goarm


@pytest.mark.parametrize("arch", ARCHES)
def test_an_sbom_lists_parts_that_are_not_go_programs(repository: Repository, own: Path, arch: str) -> None:
    """busybox, the certificates and the web interface used to be in no SBOM."""
    others = others_of(own / arch)
    gui = f"{MODULE}/src/gui/static/dist"
    assert set(others) == {"busybox", "ca-certificates", gui}
    assert others[gui] == ("v0.27.1", f"pkg:golang/{MODULE}@v0.27.1#src/gui/static/dist")
    version, purl = others["busybox"]
    match = re.search(
        rb"BusyBox v(\d+\.\d+\.\d+)", repository.file(image_of(repository, arch), "bin/busybox")
    )
    assert match is not None
    assert version == match[1].decode()
    assert re.fullmatch(r"pkg:deb/debian/busybox@1:[^+]+(%2Bdeb\d+u\d+)?\?arch=source&distro=debian-12", purl)
    assert others["ca-certificates"][1].startswith("pkg:deb/debian/ca-certificates@20")
    [digest] = [
        component.hashes[0].content
        for component in sbom_of(own / arch, "image").components
        if component.name == "busybox"
    ]
    assert digest == hashlib.sha256(repository.file(image_of(repository, arch), "bin/busybox")).hexdigest()


@pytest.mark.parametrize("name", ["skycoin", "skycoin-cli"])
@pytest.mark.parametrize("arch", ARCHES)
def test_an_sbom_written_again_elsewhere_is_identical(
    writer: Path, own: Path, tmp_path: Path, arch: str, name: str
) -> None:
    """An SBOM has no serial number, no time, and nothing specific to the machine that wrote it."""
    program_file = own / arch / "usr/bin" / name
    told = ["-version", "0.27.1", "-commit", COMMIT, "-epoch", "1606093308", "-folder", str(tmp_path)]
    told += ["-patches", str(PATCHES)]
    subprocess.run([str(writer), *told, str(program_file)], check=True, timeout=60)
    file = f"{name}.cdx.json"
    assert (tmp_path / file).read_bytes() == (own / arch / SBOMS / file).read_bytes()


@pytest.mark.parametrize("arch", ARCHES)
def test_licences_of_all_that_is_linked_are_in_the_shared_layer(
    repository: Repository, own: Path, arch: str
) -> None:
    """Skycoin's module 0.27.1 has no licence file in its root, and none is invented."""
    shared = repository.names(image_of(repository, arch)["layers"][-2])
    top = f"{LICENCES}/skycoin/"
    licensed = {name.removeprefix(top) for name in shared if name.startswith(top)}
    folders = {name.rpartition("/")[0] for name in licensed}
    for name in ("skycoin", "skycoin-cli"):
        assert {module for module, _ in modules_of(sbom_of(own / arch, name))} <= folders
    assert "go/LICENSE" in licensed
    assert f"{MODULE}/src/cipher/bip39/LICENSE" in licensed
    assert not (own / arch / LICENCES).exists()


@pytest.mark.parametrize("arch", ARCHES)
def test_variant_is_labelled_and_runs_as_an_unprivileged_user(repository: Repository, arch: str) -> None:
    config = repository.config(image_of(repository, arch))["config"]
    labels = config["Labels"]
    assert labels["org.opencontainers.image.version"] == "0.27.1"
    assert labels["org.opencontainers.image.revision"] == COMMIT
    assert labels["com.skycoin.patches"] == "wallet-memory.patch wallet-saves.patch"
    assert labels["org.opencontainers.image.created"] == "2020-11-23T01:01:48Z"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", labels["org.opencontainers.image.base.digest"])
    assert "org.opencontainers.image.licenses" not in labels, "Skycoin 0.27.1 names none, and none is made up"
    assert config["User"] == "10000:10000"
    assert config["StopSignal"] == "SIGINT"
    assert config["Entrypoint"] == ["docker-entrypoint.sh"]
    assert "Volumes" not in config, "an anonymous wallet volume is lost with its container"
    assert not any(name.startswith(("WALLET_DIR", "WALLET_NAME")) for name in config["Env"])


def built_again(up: Machine) -> set[str]:
    """Images that the next `up` would build, by a preview."""
    done = up.pulumi("preview", "--stack", "local", "--json")
    assert done.code == 0, done.text
    steps = json.JSONDecoder().raw_decode(done.text[done.text.index("{") :])[0]["steps"]
    urns = [step["urn"].split("::") for step in steps if step["op"] != "same"]
    return {name for *_, kind, name in urns if kind.endswith(BUILD)}


def test_a_changed_patch_builds_the_node_again_and_nothing_else(up: Machine) -> None:
    """Its folder is part of the build context, which the builder's plugin hashes."""
    file = up.checkout / PATCHES.relative_to(PROJECT) / "wallet-saves.patch"
    text = file.read_text()
    same = built_again(up)
    try:
        file.write_text(f"Another reason.\n{text}")
        changed = built_again(up)
    finally:
        file.write_text(text)
    assert (same, changed) == (set(), {f"skycoin-{arch}-image" for arch in ARCHES})


@pytest.mark.parametrize("arch", ARCHES)
def test_the_manifest_is_annotated_as_its_image_is_labelled(repository: Repository, arch: str) -> None:
    manifest = repository.manifest(f"latest-{arch}")
    assert manifest["annotations"] == repository.config(manifest)["config"]["Labels"]
    assert manifest["annotations"]["org.opencontainers.image.version"] == "0.27.1"


@pytest.mark.parametrize("arch", ARCHES)
def test_image_holds_no_setuid_file_and_no_package_manager(repository: Repository, arch: str) -> None:
    manifest = image_of(repository, arch)
    names: set[str] = set()
    for descriptor in manifest["layers"]:
        with repository.layer(descriptor) as layer:
            for member in layer.getmembers():
                assert not member.mode & 0o6000, f"{member.name} is setuid or setgid"
                names.add(member.name)
    assert not {"usr/bin/apt", "usr/bin/dpkg", "bin/dpkg", "bin/rpm", "sbin/apk"} & names
    assert "etc/ssl/certs/ca-certificates.crt" in {name.removeprefix("./") for name in names}


@pytest.mark.parametrize("arch", RUN_HERE)
def test_any_command_runs_and_the_platform_is_right(up: Machine, arch: str) -> None:
    """ARM variants run under binfmt, with real programs of their architecture."""
    result = run(up, arch, "skycoin-cli", "version")
    assert "skycoin:0.27.1" in result.stdout, result.stderr
    shell = run(up, arch, "sh", "-c", "id -u; id -g; echo $$")
    assert shell.stdout.split() == ["10000", "10000", "1"], shell.stderr


@pytest.mark.parametrize("arch", ["amd64", "arm32v7", "arm64v8"])
def test_arguments_of_the_container_are_passed_to_the_node(up: Machine, arch: str) -> None:
    result = run(up, arch, "-version")
    assert "0.27.1" in result.stdout + result.stderr


@pytest.mark.parametrize(
    "argument", ["; rm -rf /", "two words", "'quoted' \"twice\"", "$(id)", "line\nbreak", "*", ""]
)
@pytest.mark.case(29)
def test_arguments_reach_the_command_as_written(up: Machine, argument: str) -> None:
    """The former entry point flattened "$@" into `su -c`: words were split, and `;` was executed."""
    result = run(up, "amd64", "printf", "[%s]", argument)
    assert result.stdout == f"[{argument}]", result.stderr


def test_an_image_runs_without_root_and_with_a_read_only_root(up: Machine) -> None:
    options = (
        "--read-only",
        "--user",
        "4321:4321",
        "--tmpfs",
        "/data:uid=4321",
        "--tmpfs",
        "/wallet:uid=4321",
    )
    result = run(up, "amd64", "-version", options=options)
    assert result.returncode == 0, result.stderr
    assert "0.27.1" in result.stdout + result.stderr


@pytest.mark.case(30)
def test_an_unwritable_volume_is_reported_with_the_remedy(up: Machine) -> None:
    result = run(up, "amd64", "-disable-networking", options=("--user", "4321:4321"))
    assert result.returncode == 73
    assert "is not writable for user 4321:4321" in result.stderr
    assert "chown" in result.stderr


@pytest.mark.case(30)
def test_a_node_that_can_not_write_is_started_again_ever_less_often(up: Machine) -> None:
    """Docker waits 0.1 s before the first restart, then twice as long each time, up to a minute."""
    ref, env = up.outputs()["images"]["skycoin"]["latest"]["variants"]["amd64"]["ref"], up.environment()
    options = ("--restart", "unless-stopped", "--network", "none", "--user", "4321:4321")
    begun = up.run("docker", "run", "--detach", *options, ref, "-disable-networking", env=env)
    container = begun.text.split()[-1]
    try:
        time.sleep(STORM)
        asked = up.run("docker", "inspect", "--format", "{{.RestartCount}}", container, env=env)
        assert 2 <= int(asked.text) <= 1 + math.log2(STORM / 0.1 + 1)
    finally:
        up.run("docker", "rm", "--force", "--volumes", container, env=env)


@pytest.mark.case(30)
@pytest.mark.parametrize("arch", ["amd64", "arm32v7"])
@pytest.mark.parametrize(
    ("options", "folder"),
    [
        (("--read-only",), "/data/.skycoin"),
        (("--tmpfs", "/data:uid=10000", "--tmpfs", "/wallet:uid=10000,ro"), "/wallet"),
    ],
    ids=["no volumes", "a read-only one"],
)
def test_a_read_only_volume_is_reported(
    up: Machine, arch: str, options: tuple[str, ...], folder: str
) -> None:
    """Such a volume seems writable by its mode bits alone."""
    result = run(up, arch, "-disable-networking", options=options)
    assert result.returncode == 73, result.stderr
    assert (
        f"{folder} is on a read-only file system, and a node writes there: add -v skycoin-" in result.stderr
    )
    assert "chown" not in result.stderr


def test_a_wallet_folder_that_is_not_a_volume_is_warned_of(up: Machine) -> None:
    assert "/wallet is no volume" in run(up, "amd64", "skycoin", "-version").stderr


@pytest.mark.parametrize(("flag", "shown"), [("-version", "0.27.1"), ("-help", "-data-dir")])
def test_help_and_version_need_no_volume(up: Machine, flag: str, shown: str) -> None:
    result = run(up, "amd64", flag, options=("--read-only", "--user", "4321:4321"))
    assert (result.returncode, "docker-entrypoint" in result.stderr) == (0, False), result.stderr
    assert shown in result.stdout + result.stderr


def test_a_command_behind_two_dashes_runs_as_it_is(up: Machine) -> None:
    result = run(up, "amd64", "--", "printf", "[%s]", "a b")
    assert result.stdout == "[a b]", result.stderr


def test_cli_works_inside_the_image_with_its_environment(up: Machine) -> None:
    """skycoin-cli refuses to run if WALLET_DIR or WALLET_NAME is set, as they were in the former image."""
    result = run(up, "amd64", "skycoin-cli", "addressGen", "--num", "1")
    assert result.returncode == 0, result.stderr
    assert '"address"' in result.stdout


def test_a_wallet_is_created_and_listed_without_naming_a_folder(up: Machine) -> None:
    """The container is confined as a node's is, and only the owner may read the wallet."""
    confined = ("--read-only", "--cap-drop", "ALL", "--tmpfs", "/wallet:uid=10000,mode=700")
    made = "skycoin-cli walletCreate mine.wlt --mnemonic --encrypt --password secret --label mine"
    shown = (
        "skycoin-cli listWallets; skycoin-cli showSeed mine.wlt --password secret; stat -c '%n %a' /wallet/*"
    )
    result = run(up, "amd64", "sh", "-euc", f"{made} > /dev/null; {shown}", options=confined)
    assert result.returncode == 0, result.stderr
    listed, end = json.JSONDecoder().raw_decode(result.stdout)
    assert listed == {
        "directory": "/wallet",
        "wallets": [{"name": "mine.wlt", "label": "mine", "address_num": 1}],
    }
    seed, mode = result.stdout[end:].split("\n")[1:3]
    assert (len(seed.split()), mode) == (12, "/wallet/mine.wlt 600")


def test_a_wallet_that_is_created_outside_the_wallet_volume_is_reported(up: Machine) -> None:
    """Before, such a wallet looked like any other until its container was removed."""
    create = "skycoin-cli walletCreate"
    result = run(up, "amd64", "sh", "-euc", f"{create} a.wlt; {create} /tmp/b.wlt; {create} /data/c.wlt")
    assert result.returncode == 0, result.stderr
    assert re.findall(r"WARNING: (\S+ is (?:no|not in) \S+)", result.stderr) == [
        "/wallet is no volume:",
        "/tmp/b.wlt is not in /wallet,",
        "/data/c.wlt is not in /wallet,",
    ]


def test_certificates_are_a_bundle_and_no_dangling_link(repository: Repository) -> None:
    bundle = repository.file(image_of(repository, "arm64v8"), "etc/ssl/certs/ca-certificates.crt")
    assert bundle.count(b"-----BEGIN CERTIFICATE-----") > 100


@pytest.mark.parametrize("arch", ["amd64", "arm32v5", "arm64v8"])
@pytest.mark.case(2)
def test_node_stops_cleanly_on_its_stop_signal(up: Machine, arch: str) -> None:
    """SIGTERM would kill it with the database open, so STOPSIGNAL is SIGINT and the entry point execs."""
    ref = up.outputs()["images"]["skycoin"]["latest"]["variants"][arch]["ref"]
    name = f"stop-{arch}"
    tmpfs = ("--tmpfs", "/data:uid=10000", "--tmpfs", "/wallet:uid=10000")
    started = up.docker("run", "-d", "--name", name, "--network", "none", *tmpfs, ref, "-disable-networking")
    assert started.code == 0, started.text
    try:
        for _ in range(240):
            health = up.docker("exec", name, "wget", "-q", "-O", "-", "http://127.0.0.1:6420/api/v1/version")
            if health.code == 0:
                break
        assert '"version": "0.27.1"' in health.text
        assert up.docker("stop", "--time", "60", name).code == 0
        state = up.inspect("container", name)["State"]
        logs = up.docker("logs", name).text
        assert state["ExitCode"] == 0, logs[-2000:]
        assert "Goodbye" in logs
    finally:
        up.docker("rm", "-f", name)
