"""Start and stop an own engine twice next to the machine's engine; to be run in a network namespace.

Prints a JSON object: moment → links with addresses, routes, firewall rules and binfmt handlers.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from local.engines import own_engine
from local.engines.engine import dockerd, engine_version
from local.machine import services
from local.machine.layout import Mode
from local.machine.services import Service
from tests.e2e.layouts import layout_in

COMMANDS = {
    "links and addresses": ["ip", "-j", "address"],
    "routes": ["ip", "-j", "route", "show", "table", "all"],
    "rules": ["iptables-save"],
    "binfmt": ["ls", "/proc/sys/fs/binfmt_misc"],
}


def listing() -> dict[str, object]:
    """Links, routes, firewall rules and binfmt handlers of the machine, without times and counters."""
    said = {
        name: subprocess.run(command, capture_output=True, text=True, check=True).stdout
        for name, command in COMMANDS.items()
    }
    links = [
        (
            link["ifname"],
            link["ifindex"],
            link["operstate"],
            [address["local"] for address in link["addr_info"]],
        )
        for link in json.loads(said["links and addresses"])
    ]
    rules = [line.split(" [")[0] for line in said["rules"].splitlines() if not line.startswith("#")]
    routes = sorted(json.dumps(route, sort_keys=True) for route in json.loads(said["routes"]))
    return {"links": links, "routes": routes, "rules": rules, "binfmt": said["binfmt"].split()}


def traces() -> set[str]:
    """One line for each link, route and firewall rule of the machine."""
    found = listing()
    named = [f"{kind} {entry}" for kind in ("routes", "rules") for entry in _entries(found[kind])]
    return {*named, *(f"link {link[0]}" for link in _entries(found["links"]))}


def _entries(found: object) -> list[Any]:
    assert isinstance(found, list)
    return found


def system_engine(folder: Path) -> Service:
    """Service of an engine with docker0 and iptables rules, like that of an ordinary machine."""
    host = f"unix://{folder}/docker.sock"
    flags = {"host": host, "data-root": folder / "data", "exec-root": folder / "run"}
    return Service(
        name="system",
        argv=[dockerd(), *(f"--{flag}={value}" for flag, value in flags.items()), f"--pidfile={folder}/pid"],
        ready=lambda: engine_version(host) is not None,
    )


def main(state: Path) -> None:
    """Record the machine's network before the own engine starts, after each start, and after its removal."""
    layout = layout_in(state, 15449, cache=state / "cache", mode=Mode.EMBEDDED)
    (state / "system").mkdir(parents=True)
    services.start(layout, system_engine(state / "system"))
    folder, noted = state / "engine", {"before": listing()}
    for moment in ("first", "second"):
        own_engine.start(layout, own_engine.NAME, folder)
        noted[moment] = listing()
        own_engine.stop(layout, own_engine.NAME, folder)
    own_engine.remove_traces(folder)
    noted["after"] = listing()
    services.stop(layout, "system")
    print(json.dumps(noted))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
