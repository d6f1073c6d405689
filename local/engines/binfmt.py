"""binfmt_misc: lets this machine's kernel run ARM programs through qemu, also inside containers."""

import platform
import re
from pathlib import Path

from local.machine.layout import Layout
from local.machine.steps import SetupError, as_root, run, step

FOLDER = Path("/proc/sys/fs/binfmt_misc")
INTERPRETERS = {"x86_64": ("qemu-arm", "qemu-aarch64")}
"""Handlers by machine; a 64-bit ARM processor runs the ARM variants itself and needs none."""

_LINE = re.compile(r"^:(qemu-[^:]+):")


def ensure_binfmt(layout: Layout) -> None:
    """Register Debian's qemu-user-static for ARM, with flag F, so that containers need no copy of it."""
    log = layout.logs / "binfmt.log"
    with step("binfmt for ARM programs") as this:
        if not (FOLDER / "register").exists():
            run(as_root(["mount", "-t", "binfmt_misc", "binfmt_misc", str(FOLDER)]), log=log)
        missing = [name for name in INTERPRETERS.get(platform.machine(), ()) if not (FOLDER / name).exists()]
        for name in missing:
            line = _debian_line(name)
            run(
                as_root(["sh", "-c", 'printf %s "$1" > /proc/sys/fs/binfmt_misc/register', "sh", line]),
                log=log,
            )
        this.found = f"registered {', '.join(missing)}" if missing else "none is missing"


def _debian_line(name: str) -> str:
    for path in sorted(Path("/usr/lib/binfmt.d").glob("qemu*.conf")):
        for line in path.read_text().splitlines():
            if (match := _LINE.match(line)) and match[1] == name:
                return line
    raise SetupError(f"No binfmt line for {name} in /usr/lib/binfmt.d: install Debian's qemu-user-static.")
