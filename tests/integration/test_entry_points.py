"""The images' entry points and the script skycoin-cli, under this machine's shell; in images: tests/e2e."""

import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

from catalogue.images import PROJECT

IMAGES = PROJECT / "images"
NODE = "skycoin/docker-entrypoint.sh"
CLI = "skycoin/skycoin-cli.sh"
VISOR = "skywire/docker-entrypoint.sh"
REGISTRY = "registry/files/usr/local/bin/docker-entrypoint.sh"
EXPORTER = "exporter/files/usr/local/bin/docker-entrypoint.sh"


@dataclass(frozen=True)
class Root:
    """A folder as an image's root, with programs that print their name, folder and arguments."""

    folder: Path

    def run(
        self, script: str, *arguments: str, cwd: str = "/", **environment: str
    ) -> tuple[int, list[str], str]:
        """(exit code, lines that the started program printed, error output of the script)."""
        text = (IMAGES / script).read_text()
        for path in ("/data", "/wallet", "/config", "/usr/bin/", "/proc/"):
            text = text.replace(path, f"{self.folder}{path}")
        known = {"DATA_DIR": f"{self.folder}/data/.skycoin", "SKYWIRE_CONFIG": f"{self.folder}/config/c.json"}
        done = subprocess.run(
            ["sh", "-c", text, "docker-entrypoint", *arguments],
            env={"PATH": f"{self.folder}/usr/bin:{os.environ['PATH']}", **known, **environment},
            cwd=cwd,
            text=True,
            capture_output=True,
            check=False,
        )
        printed, said = (text.replace(str(self.folder), "") for text in (done.stdout, done.stderr))
        return done.returncode, printed.splitlines(), said

    def mount(self, folder: str) -> None:
        """Let the kernel list a folder of the image as a mount."""
        line = f"36 35 98:0 / {self.folder}/{folder} rw,noatime - ext4 /dev/sda1 rw\n"
        (self.folder / "proc/self/mountinfo").write_text(line)

    def program(self, name: str) -> None:
        file = self.folder / "usr/bin" / name
        file.write_text(f'#!/bin/sh\nprintf "%s\\n" {name} "$PWD" "$@"\n')
        file.chmod(0o755)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    made = Root(tmp_path)
    (tmp_path / "usr/bin").mkdir(parents=True)
    for folder in ("wallet", "data", "config", "proc/self"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "proc/self/mountinfo").touch()
    for name in ("skycoin", "skycoin-cli", "skywire-visor", "registry", "json_exporter"):
        made.program(name)
    return made


NODE_FLAGS = [
    "-data-dir=/data/.skycoin",
    "-wallet-dir=/wallet",
    "-gui-dir=/usr/local/skycoin/src/gui/static",
    "-color-log=false",
]


@pytest.mark.parametrize(
    ("given", "passed"), [((), []), (("-a", "b c"), ["-a", "b c"]), (("--", "-a"), ["-a"])]
)
def test_flags_go_to_the_node_behind_the_entry_points_own(
    root: Root, given: tuple[str, ...], passed: list[str]
) -> None:
    assert root.run(NODE, *given)[:2] == (0, ["skycoin", "/", *NODE_FLAGS, *passed])


@pytest.mark.parametrize("script", [NODE, VISOR, REGISTRY, EXPORTER])
def test_a_command_behind_two_dashes_runs_as_it_is(root: Root, script: str) -> None:
    """Before, `docker run IMAGE -- sh` started a node, and ignored what followed the dashes."""
    assert root.run(script, "--", "printf", "[%s]", "a b")[:2] == (0, ["[a b]"])


@pytest.mark.parametrize("flag", ["-help", "--help", "-h", "-version", "--version"])
def test_help_and_version_of_a_node_need_no_volume(root: Root, flag: str) -> None:
    (root.folder / "wallet").rmdir()
    (root.folder / "wallet").touch()
    assert root.run(NODE, "-port=6001", flag) == (
        0,
        ["skycoin", "/", "-data-dir=/tmp", "-port=6001", flag],
        "",
    )


@pytest.mark.parametrize("flag", ["--help", "-h", "-v", "--version"])
def test_help_and_version_of_a_visor_need_neither_volume_nor_configuration(root: Root, flag: str) -> None:
    assert root.run(VISOR, flag) == (0, ["skywire-visor", "/", flag], "")


CONFIG, HOSTED = "/etc/distribution/config.yml", "/etc/distribution/hosted.yml"


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ((), ["serve", CONFIG]),
        (("serve",), ["serve", CONFIG]),
        (("mine.yml",), ["serve", "mine.yml"]),
        (("serve", "mine"), ["serve", "mine"]),
        (("--version",), ["--version"]),
        (("--", "--help"), ["--help"]),
        (("help", "serve"), ["help", "serve"]),
        (("garbage-collect", "--dry-run", CONFIG), ["garbage-collect", "--dry-run", CONFIG]),
        (("registry", "-v"), ["-v"]),
    ],
)
def test_flags_and_commands_of_the_registry_go_to_it(
    root: Root, given: tuple[str, ...], passed: list[str]
) -> None:
    """Before, `--version` and `garbage-collect` after `docker run IMAGE` were taken for programs."""
    assert root.run(REGISTRY, *given)[:2] == (0, ["registry", "/", *passed])


@pytest.mark.parametrize("given", [(HOSTED,), ("serve", HOSTED)])
def test_a_hosted_registry_without_its_secrets_is_not_started(root: Root, given: tuple[str, ...]) -> None:
    code, started, said = root.run(REGISTRY, *given)
    assert (code, started) == (78, [])
    assert "No /secrets/tls.crt that user" in said


@pytest.mark.parametrize(
    ("given", "passed"),
    [
        ((), ["--config.file=/etc/exporter/node.yml"]),
        (("--version",), ["--config.file=/etc/exporter/node.yml", "--version"]),
        (("json_exporter", "-h"), ["-h"]),
    ],
)
def test_flags_of_the_exporter_go_to_it(root: Root, given: tuple[str, ...], passed: list[str]) -> None:
    assert root.run(EXPORTER, *given)[:2] == (0, ["json_exporter", "/", *passed])


def test_a_visor_that_is_named_without_arguments_is_started(root: Root) -> None:
    """Before, `set -u` ended it with "2: parameter not set"."""
    assert root.run(VISOR, "skywire-visor")[:2] == (0, ["skywire-visor", "/data"])


@pytest.mark.parametrize(
    ("script", "advice"),
    [
        (NODE, "add -v skycoin-wallet:/wallet."),
        (VISOR, "docker run --rm -v skywire-config:/config IMAGE skywire-cli config gen -o /config/c.json"),
    ],
)
def test_advice_names_the_volumes_of_the_readme(root: Root, script: str, advice: str) -> None:
    said = root.run(script)[2].replace(str(root.folder), "")
    assert advice in said
    volume = next(word for word in advice.split() if ":/" in word).strip(".")
    assert f"-v {volume}" in (IMAGES / script).with_name("README.md").read_text()


@pytest.mark.parametrize("pieces", [[], ["own\n"], ["ow", "n\nsecond\n"]])
def test_a_workspace_joins_the_networks_authorities_to_debians(tmp_path: Path, pieces: list[str]) -> None:
    (tmp_path / "debian.crt").write_text("debian\n")
    for folder in ("workspace", "extrausers"):
        (tmp_path / folder).mkdir()
    text = (IMAGES / "workspace-base/workspace-entrypoint.sh").read_text()
    text = text.replace("/var/lib/", f"{tmp_path}/")
    text = text.replace("/etc/ssl/certs/ca-certificates.crt", f"{tmp_path}/debian.crt")
    given = {f"WORKSPACE_CA_{number}": piece for number, piece in enumerate(pieces)}
    environment = {"PATH": os.environ["PATH"], "HOME": "/", "WORKSPACE_USER": "0:0", **given}
    command = ["sh", "-c", text, "entry", "env"]
    done = subprocess.run(command, env=environment, text=True, capture_output=True, check=True)
    assert "WORKSPACE_CA_" not in done.stdout
    file = tmp_path / "workspace" / "authorities.crt"
    assert (file.read_text() if file.exists() else "") == ("".join(["debian\n", *pieces]) if pieces else "")


def test_the_clis_wallets_are_the_nodes(root: Root) -> None:
    """Before, skycoin-cli listed /data/.skycoin/wallets (no node has it), and wrote to the read-only root."""
    assert root.run(CLI, "listWallets")[:2] == (0, ["skycoin-cli", "/wallet", "listWallets", "/wallet"])
    made = root.run(CLI, "walletCreate", "my own.wlt")
    assert made[:2] == (0, ["skycoin-cli", "/wallet", "walletCreate", "my own.wlt"])


def test_a_folder_that_the_user_names_wins_over_the_nodes_wallets(root: Root, tmp_path: Path) -> None:
    assert root.run(CLI, "listWallets", "/mine")[1][2:] == ["listWallets", "/mine"]
    assert root.run(CLI, "listWallets", DATA_DIR="/mine")[1][2:] == ["listWallets"]
    assert root.run(CLI, "walletCreate", "a.wlt", cwd=str(tmp_path / "data"))[1][1] == "/data"


@pytest.mark.parametrize(
    ("file", "cwd", "warning"),
    [
        ("mine.wlt", "/", ""),
        ("wallet/mine.wlt", "", ""),
        ("data/mine.wlt", "", "data/mine.wlt is not in /wallet, the node's wallet volume: the node does not"),
        (
            "mine.wlt",
            "data",
            "mine.wlt is not in /wallet, the node's wallet volume: the node does not read it",
        ),
        (
            "wallet/sub/mine.wlt",
            "",
            "wallet/sub/mine.wlt is in a folder of /wallet: the node does not read it",
        ),
        ("nowhere/mine.wlt", "", ""),  # the program fails
    ],
)
def test_a_wallet_that_is_created_outside_the_wallet_volume_is_reported(
    root: Root, tmp_path: Path, file: str, cwd: str, warning: str
) -> None:
    """Before, wallets in /tmp and /data looked like any other, and were lost with the container."""
    (tmp_path / "wallet/sub").mkdir()
    root.mount("wallet")
    folder = cwd if cwd == "/" else str(tmp_path / cwd)
    code, started, said = root.run(CLI, "walletCreate", file, "-l", "a b", cwd=folder)
    assert (code, started[2:]) == (0, ["walletCreate", file, "-l", "a b"])
    assert said.startswith(f"skycoin-cli: WARNING: {warning}") if warning else said == ""


def test_a_wallet_that_is_created_without_a_volume_is_reported(root: Root) -> None:
    code, started, said = root.run(CLI, "walletCreate", "mine.wlt")
    assert (code, started) == (0, ["skycoin-cli", "/wallet", "walletCreate", "mine.wlt"])
    warning = "/wallet is no volume: mine.wlt is lost with this container; add -v skycoin-wallet:/wallet."
    assert said == f"skycoin-cli: WARNING: {warning}\n"
    assert root.run(CLI, "walletAddAddresses", "mine.wlt")[2] == ""


def test_the_cli_runs_without_an_accessible_wallet_folder(root: Root) -> None:
    (root.folder / "wallet").rmdir()
    assert root.run(CLI, "version") == (0, ["skycoin-cli", "/", "version"], "")
