"""Debian packages: installs what is missing and names what it can't."""

import shutil
from collections.abc import Iterable

from local.layout import Layout
from local.steps import SetupError, as_root, output, run, step


def _installed(package: str) -> bool:
    return (output(["dpkg-query", "-W", "-f", "${db:Status-Status}", package]) or "") == "installed"


def ensure_packages(layout: Layout, why: str, packages: Iterable[str]) -> None:
    """Install those of `packages` that are missing, in one apt run."""
    wanted = list(packages)
    with step(f"Debian packages for {why}: {' '.join(wanted)}") as this:
        if shutil.which("dpkg-query") is None:
            raise SetupError(
                f"This is no Debian or Ubuntu: install {', '.join(wanted)} by your own package manager, "
                "or follow README, “Without make”."
            )
        missing = [package for package in wanted if not _installed(package)]
        if not missing:
            this.found = "all there"
            return
        log = layout.logs / "apt.log"
        env = {"DEBIAN_FRONTEND": "noninteractive"}
        run(as_root(["apt-get", "update", "-q"]), log=log, env=env, doing="reading Debian's package lists")
        # --no-remove: an installed engine of another origin is never taken away for ours.
        install = ["apt-get", "install", "-q", "-y", "--no-remove", "--no-install-recommends", *missing]
        run(as_root(install), log=log, env=env, doing=f"installing {' '.join(missing)}")
        this.found = f"installed {' '.join(missing)}"
