"""Pulumi on this machine: the CLI, and the environment of its commands."""

import json
import os
import shutil
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from local.machine.download import unpacked, wants_official
from local.machine.layout import EARLIER, Layout, Mode, as_owner
from local.machine.private_files import write_aside
from local.machine.steps import SetupError, output, step
from local.machine.tools import LANGUAGE, PULUMI, ensure_tool
from local.pulumi.plugins import renew_stand_in
from local.stacks import lost_passphrase, passphrase_rotation
from local.stacks.checkout import refuse_others
from local.stacks.lock import exclusive

OFFICIAL_CLI = "https://get.pulumi.com/releases/sdk/pulumi-v3.259.0-linux-{arch}.tar.gz"
CLI_SHA256 = {
    "x64": "94ba357acac23d01474084c4b00098dc0f7bc70ce13f34c777459254a5f718e5",
    "arm64": "edc8327463a72160bb36cf82cf5062da9c8a244290a706d9980988e7bf486853",
}
"""Checksums in Pulumi's Homebrew formula: github.com/pulumi/homebrew-tap, Formula/pulumi.rb at 51fb494."""
OFFICIAL_IMAGES = "https://registry-1.docker.io/v2/"


def ensure_cli(layout: Layout, go: str) -> list[Path]:
    """Folders for PATH with the Pulumi CLI and its Python language host."""
    pulumi = shutil.which("pulumi")
    if pulumi and output([pulumi, "version"]) and layout.mode is not Mode.EMBEDDED:
        with step("Pulumi CLI") as this:
            this.found = f"{output([pulumi, 'version'])} by {pulumi}"
        return [Path(pulumi).parent]
    arch = "arm64" if os.uname().machine == "aarch64" else "x64"
    url = OFFICIAL_CLI.format(arch=arch)
    if wants_official(layout, url):
        return [_download_cli(layout, url, CLI_SHA256[arch])]
    cli, host = ensure_tool(layout, go, PULUMI), ensure_tool(layout, go, LANGUAGE)
    for program in host.parent.iterdir():
        # The CLI uses a language host next to it; one elsewhere on PATH causes a warning at every run.
        if not (beside := cli.with_name(program.name)).exists():
            os.link(program, beside)
    return [cli.parent]


def _download_cli(layout: Layout, url: str, sha256: str) -> Path:
    """Download the official release, which includes its language hosts."""
    folder = layout.cache / "tools" / Path(url).name.removesuffix(".tar.gz")
    with step("Pulumi CLI") as this:
        unpacked(url, sha256, folder)
        this.found = f"official, {folder.name}"
    return folder


def passphrase_file(layout: Layout) -> Path:
    """File with the passphrase of this machine's stacks, created once. Raises SetupError if it is empty."""
    path = layout.state / "passphrase"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_aside(path, passphrase_rotation.new_passphrase())
    lost_passphrase.refuse_lost(path)
    return path


def backend_url(state: Path) -> str:
    """PULUMI_BACKEND_URL of the set-up in a state folder."""
    return f"file://{state / 'backend'}"


def _places(layout: Layout) -> dict[str, str]:
    """Variables that contain a path in the state folder, or say how pulumi writes states there."""
    return {
        "PULUMI_HOME": str(layout.state / "pulumi"),
        "PULUMI_BACKEND_URL": backend_url(layout.state),
        # A user may have set these, or their older names, over which these have precedence.
        "PULUMI_DIY_BACKEND_GZIP": "false",
        "PULUMI_DIY_BACKEND_ZSTD": "false",
        "PULUMI_DIY_BACKEND_LEGACY_LAYOUT": "false",
        lost_passphrase.FILE: str(layout.state / "passphrase"),
        "DOCKER_CONFIG": str(layout.docker_config),
        "SSL_CERT_FILE": str(layout.trust),
    }


def leave_former_place(layout: Layout) -> None:
    """Drop variables of a shell from before the state was moved, whose CA bundle no longer exists."""
    for name in _places(layout) if layout.state != EARLIER else ():
        if f"{EARLIER}/" in os.environ.get(name, ""):
            del os.environ[name]


def environment(layout: Layout, tools: Sequence[Path], engine: str) -> dict[str, str]:
    """Variables that `make -s env` exports, with which plain pulumi and docker use this set-up."""
    passphrase_file(layout)  # before anything uses the variables
    folders = [str(Path(sys.executable).parent), *map(str, tools), *os.environ["PATH"].split(os.pathsep)]
    return {
        # Each folder once: in a shell of `make env` the next set-up starts from this PATH.
        "PATH": os.pathsep.join(dict.fromkeys(folders)),
        **_places(layout),
        "PULUMI_SKIP_UPDATE_CHECK": "true",
        # Every run would try to fetch Amazon's plugin, because its SDK is installed for the tests. Missing
        # plugins that a stack uses are still fetched.
        "PULUMI_OPTION_SKIP_PLUGIN_PRE_INSTALL": "true",
        "DOCKER_HOST": engine,
        "BUILDX_NO_DEFAULT_ATTESTATIONS": "1",
    }


def remember(layout: Layout, env: Mapping[str, str]) -> None:
    """Save the environment of a set-up for other commands; it contains no secret."""
    write_aside(layout.environment, json.dumps(dict(env)))


def is_set_up(layout: Layout) -> bool:
    """True if a set-up was completed, so that other commands can use it."""
    with as_owner(layout):
        return layout.environment.exists()


def last_engine(layout: Layout) -> str | None:
    """DOCKER_HOST of the last set-up; None if there was none, or its file is damaged."""
    try:
        return _remembered(layout).get("DOCKER_HOST")
    except (FileNotFoundError, NotADirectoryError, ValueError):
        return None


def known_environment(layout: Layout) -> dict[str, str]:
    """Environment of the last set-up; a killed rotation of the passphrase is finished first.

    Raises SetupError if there was no set-up, its file is damaged, or it belongs to another checkout.
    """
    try:
        env = _remembered(layout)
    except (FileNotFoundError, NotADirectoryError):
        raise SetupError(f"Nothing is set up in {layout.state}: run `make up` first.") from None
    except ValueError:
        raise SetupError(f"{layout.environment} is damaged: run `make up`, which writes it again.") from None
    with as_owner(layout):
        refuse_others(layout)
        renew_stand_in(layout)
    if passphrase_rotation.is_unfinished(layout):
        with exclusive(layout, "a rotation of the passphrase"):
            pass  # `exclusive` finishes the rotation
    return env


def _remembered(layout: Layout) -> dict[str, str]:
    """Read the environment that `remember` has saved. Raises ValueError if the file is invalid."""
    with as_owner(layout):
        env = json.loads(layout.environment.read_text())
    if not isinstance(env, dict):
        raise ValueError(env)
    # The folder may have been moved since.
    return env | _places(layout)
