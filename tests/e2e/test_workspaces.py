"""The workspace cli and its sibling with a Docker engine: built by the program, opened and used.

`make soak` builds the other workspaces (tests/soak).
"""

import os
import re
import shutil
from collections.abc import Iterator

import pytest

from catalogue.bases import OFFICIAL_GO
from catalogue.workspaces import authority_variables
from local.machine.tools import GO_VERSION
from tests.e2e.machine import Machine
from tests.e2e.states import record
from tests.e2e.workspaces import (
    DIND_OPTIONS,
    GID,
    UID,
    Workspace,
    load_busybox,
    open_workspace,
    publish,
    started,
)

PROGRAMS = {
    "go version": " linux/amd64",
    "gofmt -l .": "",
    "node --version": "v24.",
    "npm --version": "11.",
    "git --version": "git version 2.",
    "gcc --version": "gcc (Debian",
    "make --version": "GNU Make",
    "staticcheck -version": "staticcheck 2026",
    "goimports -l .": "",
    "dlv version": "Delve Debugger",
    "shellcheck --version": "ShellCheck",
    "vim --version": "VIM - Vi IMproved",
    "nano --version": "GNU nano",
    "curl --version": "curl 7.",
    "ssh -V": "OpenSSH_9",
}
CGO = """\
package main

// static int answer(void) { return 42; }
import "C"
import ("fmt"; "os/user")

func main() {
	me, err := user.Current()
	fmt.Println(C.answer(), me.Username, err)
}
"""
GET = """\
package main

import ("log"; "net/http"; "os")

func main() {
	if _, err := http.Get(os.Args[1]); err != nil {
		log.Fatal(err)
	}
}
"""
UNUSED = "package main\n\nfunc unused() {}\n\nfunc main() {}\n"
CLIENT = ("--tlsverify", "--tlscacert", "/certs/server/ca.pem")
CERTIFICATE = ("--tlscert", "/certs/server/cert.pem", "--tlskey", "/certs/server/key.pem")


@pytest.fixture(scope="module")
def cli(up: Machine) -> Iterator[Workspace]:
    """The published workspace; the stack is restored afterwards."""
    before = up.settings()
    tags = publish(up, {"cli": {"arches": ["amd64"], "dind": True}})
    yield open_workspace(up, tags["cli"], "cli")
    up.change(before)
    result = up.make("up")
    assert result.code == 0, result.text


@pytest.fixture(scope="module")
def dind(cli: Workspace) -> Iterator[str]:
    """Name of a container with a nested engine."""
    with started(cli, "develop-dind", "workspace-dind") as name:
        yield name


def inside(cli: Workspace, name: str, *command: str) -> str:
    """Run a command as the person in the container, and return its output."""
    result = cli.machine.docker("exec", "--user", f"{UID}:{GID}", name, *command)
    assert result.code == 0, result.text
    return result.text


def test_each_tag_is_one_list_and_dind_is_an_alias_of_develop_dind(cli: Workspace) -> None:
    assert sorted(cli.tags) == ["develop", "develop-dind", "dind"]
    assert cli.tags["dind"]["digest"] == cli.tags["develop-dind"]["digest"] != cli.tags["develop"]["digest"]


@pytest.mark.records
def test_a_second_up_builds_nothing(cli: Workspace) -> None:
    result = cli.machine.make("up")
    assert result.code == 0, result.text
    assert not re.search(r"workspace-\S+ (created|updated|replaced)", result.text), result.text
    record(cli.machine, "workspaces", "local")


@pytest.mark.parametrize("command", PROGRAMS)
def test_the_programs_of_a_workspace_run(cli: Workspace, command: str) -> None:
    result = cli.as_person("develop", *command.split())
    assert result.code == 0, result.text
    assert PROGRAMS[command] in result.text


@pytest.mark.parametrize("trusts", [False, True])
def test_programs_in_a_workspace_trust_a_given_certificate_authority(
    up: Machine, cli: Workspace, trusts: bool
) -> None:
    """The authority is the set-up's, which signed the local registry's certificate; nobody else trusts it."""
    url = f"https://{up.layout.registry}/v2/"
    (cli.folder / "get.go").write_text(GET)
    os.chown(cli.folder / "get.go", UID, GID)
    given = authority_variables(up.layout.ca.read_text()) if trusts else []
    options = [part for variable in given for part in ("--env", variable)]
    mount = f"type=bind,source={cli.folder},target=/work"
    for command in (
        ["curl", "--silent", "--show-error", url],
        ["node", "--eval", f"fetch('{url}').catch(error => {{ throw error.cause }})"],
        ["go", "run", "get.go", url],
        ["git", "ls-remote", url],
    ):
        said = up.docker(
            *("run", "--rm", "--network", "host", "--user", f"{UID}:{GID}", "--mount", mount, *options),
            *(cli.ref("develop"), *command),
        )
        # git reaches the registry, but finds no git repository there.
        assert ("certificate" in said.text) == (not trusts), said.text
        assert (said.code == 0) == (trusts and command[0] != "git"), said.text


@pytest.mark.parametrize("tag", ["develop", "develop-dind"])
def test_a_login_shell_finds_go_too(cli: Workspace, tag: str) -> None:
    """/etc/profile used to set a PATH without Go."""
    options = ("--user", f"{UID}:{GID}", "--entrypoint", "bash")
    said = cli.run(tag, "-lc", "go version && command -v npm", options=options)
    assert (said.code, " linux/amd64\n/usr/local/bin/npm\n" in said.text) == (0, True), said.text


def test_the_go_of_a_workspace_is_that_of_its_base(up: Machine, cli: Workspace) -> None:
    official = up.settings()["skycoin:bases"] == "official"
    said = cli.as_person("develop", "go", "version").text
    assert f"go{OFFICIAL_GO if official else GO_VERSION} linux/amd64" in said


def test_go_with_c_compiles_and_the_linter_finds_a_fault(cli: Workspace) -> None:
    for name, text in (("cgo", CGO), ("unused", UNUSED)):
        folder = cli.folder / name
        folder.mkdir()
        (folder / "main.go").write_text(text)
        (folder / "go.mod").write_text(f"module {name}\n\ngo 1.26\n")
        for path in (folder, folder / "main.go", folder / "go.mod"):
            os.chown(path, UID, GID)
    built = cli.as_person("develop", "sh", "-c", "cd cgo && go build -o ../made . && ../made")
    assert built.text.splitlines()[-1] == "42 developer <nil>", built.text
    found = cli.as_person("develop", "sh", "-c", "cd unused && staticcheck ./...")
    assert (found.code, "func unused is unused" in found.text) == (1, True), found.text


def test_npm_installs_a_package_of_the_folder(cli: Workspace) -> None:
    """The package is the person's own, and comes from no registry."""
    script = (
        "mkdir -p own web && cd own && npm init --yes > /dev/null && cd ../web && npm init --yes > /dev/null "
        "&& npm install --offline --no-audit ../own && node -e 'console.log(require.resolve(`own/package`))'"
    )
    result = cli.as_person("develop", "bash", "-c", script)
    assert result.text.splitlines()[-1] == "/work/own/package.json", result.text


@pytest.mark.parametrize("options", [("--user", f"{UID}:{GID}"), ("--user", "0"), ("--user", "0:0")])
def test_files_created_in_the_folder_belong_to_its_owner(cli: Workspace, options: tuple[str, ...]) -> None:
    """This holds for the person's ids, and for root, which takes the ids of the folder's owner."""
    script = 'echo x > made.txt && touch "$HOME/own" && whoami && id -u && id -g && pwd'
    result = cli.run("develop", "sh", "-c", script, options=options)
    assert result.text.split() == ["developer", str(UID), str(GID), "/work"], result.text
    made = cli.folder / "made.txt"
    assert (made.stat().st_uid, made.stat().st_gid) == (UID, GID)
    made.unlink()


def test_the_image_by_itself_runs_as_developer(cli: Workspace) -> None:
    result = cli.machine.docker(
        "run", "--rm", "--network", "none", cli.ref("develop"), "sh", "-c", "id && touch made"
    )
    assert result.text.startswith("uid=1000(developer) gid=1000(developer) groups=1000(developer)")
    assert result.code == 0, result.text


@pytest.mark.parametrize("ids", ["1000", "me:me", "1:2:3", ":", "1000:"])
def test_malformed_user_ids_are_refused(cli: Workspace, ids: str) -> None:
    result = cli.run("develop", "true", options=("--user", "0", "--env", f"WORKSPACE_USER={ids}"))
    assert (result.code, "it is UID:GID, such as 1000:1000" in result.text) == (1, True), result.text


@pytest.mark.parametrize("tag", ["develop", "develop-dind"])
def test_no_file_lets_a_user_become_root(cli: Workspace, tag: str) -> None:
    find = ("find", "/", "-xdev", "-type", "f", "-perm", "/6000")
    result = cli.machine.docker("run", "--rm", "--entrypoint", "find", cli.ref(tag), *find[1:])
    lines = [line for line in result.text.splitlines() if not line.endswith("Permission denied")]
    assert lines == []
    assert cli.as_person("develop", "sh", "-c", "! command -v sudo").code == 0


def test_docker_works_inside_without_a_registry(cli: Workspace, dind: str) -> None:
    assert "Server Version" in inside(cli, dind, "docker", "info")
    imported = load_busybox(cli.machine, dind)
    assert imported.code == 0, imported.text
    said = inside(
        cli, dind, "docker", "run", "--rm", "--network", "none", "inside/busybox:1", "echo", "hello"
    )
    assert said.strip() == "hello"


def test_the_command_in_it_runs_as_the_person_and_can_gain_nothing(cli: Workspace, dind: str) -> None:
    status = inside(cli, dind, "sh", "-c", "cat /proc/$(pgrep -x sleep)/status")
    said = dict(line.split(":\t") for line in status.splitlines() if ":\t" in line)
    assert said["Uid"].split() == [str(UID)] * 4
    assert said["Gid"].split() == [str(GID)] * 4
    assert (int(said["CapBnd"], 16), said["NoNewPrivs"]) == (0, "1")


def listening(cli: Workspace, name: str) -> set[int]:
    """TCP ports on which anything in the container listens."""
    table = inside(cli, name, "cat", "/proc/net/tcp", "/proc/net/tcp6")
    rows = [line.split() for line in table.splitlines() if ":" in line and "local_address" not in line]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[3] == "0A"}


def test_the_nested_engine_listens_on_no_port(cli: Workspace, dind: str) -> None:
    assert listening(cli, dind) == set()


def test_with_certificates_it_listens_and_asks_for_one(cli: Workspace) -> None:
    tls, folder = cli.machine.layout.ca.parent, cli.folder.parent / "certificates"
    folder.mkdir(exist_ok=True)
    for name, source in (("ca", "ca.crt"), ("cert", "registry.crt"), ("key", "registry.key")):
        shutil.copyfile(tls / source, folder / f"{name}.pem")
    options = (
        *("--mount", f"type=bind,source={folder},target=/certs/server,readonly"),
        *("--add-host", "registry.localhost:127.0.0.1"),
    )
    with started(cli, "dind", "workspace-tls", *options) as name:
        assert listening(cli, name) == {2376}
        client = ("exec", name, "docker", "--host", "tcp://registry.localhost:2376", *CLIENT)
        refused = cli.machine.docker(*client, "version")
        assert (refused.code, "certificate" in refused.text) == (1, True), refused.text
        answered = cli.machine.docker(*client, *CERTIFICATE, "version")
        assert answered.code == 0, answered.text


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ((), "needs docker run --cap-add SYS_ADMIN"),
        (DIND_OPTIONS[:4], "--security-opt seccomp=unconfined"),
        ((*DIND_OPTIONS, "--user", f"{UID}:{GID}"), f"give -e WORKSPACE_USER={UID}:{GID}"),
    ],
)
def test_a_sibling_that_cannot_start_its_engine_says_why(
    cli: Workspace, options: tuple[str, ...], expected: str
) -> None:
    result = cli.run("develop-dind", "true", options=options)
    assert (result.code, expected in result.text) == (1, True), result.text


def test_sizes_are_those_of_the_readme_and_within_their_limits(cli: Workspace) -> None:
    text = (cli.machine.checkout / "images" / "skycoindev-cli" / "README.md").read_text()
    for tag, limit in (("develop", 1050), ("develop-dind", 1300)):
        [said] = re.findall(rf"`{tag}` ([0-9]+) MB", text)
        size = cli.unpacked(tag)
        assert abs(size - float(said)) < 0.05 * size, f"{tag}: {size:.0f} MB"
        assert size <= limit
