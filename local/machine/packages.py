"""Debian packages: installs missing ones or, on other systems, names all that are needed."""

import shutil
from collections.abc import Iterable

from local.machine.layout import Layout
from local.machine.shared_cache import one_at_a_time
from local.machine.steps import SetupError, as_root, output, run, step


def _installed(package: str) -> bool:
    return (output(["dpkg-query", "-W", "-f", "${db:Status-Status}", package]) or "") == "installed"


def ensure_packages(layout: Layout, why: str, packages: Iterable[str]) -> None:
    """Install the missing ones of `packages` in one apt run. Raises SetupError."""
    wanted = list(packages)
    with step(f"Debian packages for {why}: {' '.join(wanted)}") as this:
        if shutil.which("dpkg-query") is None:
            raise SetupError(
                f"Not Debian or Ubuntu: install {', '.join(wanted)} with your package manager, "
                "or follow README, “Without make”."
            )
        if all(map(_installed, wanted)):
            this.found = "all there"
            return
        with one_at_a_time(layout, "debian-packages"):
            this.found = _install(layout, [package for package in wanted if not _installed(package)])


def _install(layout: Layout, missing: list[str]) -> str:
    if not missing:
        return "installed by another set-up in the meantime"
    log = layout.logs / "apt.log"
    env = {"DEBIAN_FRONTEND": "noninteractive"}
    run(as_root(["apt-get", "update", "-q"]), log=log, env=env, doing="reading Debian's package lists")
    # --no-remove keeps an installed engine of another origin. A machine's own updates may hold dpkg's lock
    # for minutes.
    settings = ["-o", "DPkg::Lock::Timeout=600", "-q", "-y", "--no-remove", "--no-install-recommends"]
    run(
        as_root(["apt-get", "install", *settings, *missing]),
        log=log,
        env=env,
        doing=f"installing {' '.join(missing)}",
    )
    return f"installed {' '.join(missing)}"
