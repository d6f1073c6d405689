"""Interrupt `pulumi up` at several moments: the next run converges."""

import re
import signal
from pathlib import Path

import pytest

from tests.e2e.machine import Machine
from tests.e2e.plugin import until
from tests.e2e.test_up import get

NODE = "skycoin-node-1"
BUILDS = r"docker-build:index:Image \S+ updating"
DEPLOYS = r"skycoin:index:NodeContainer \S+ (creating|updating)"


def interrupted(up: Machine, number: signal.Signals, moment: str) -> int:
    """Exit code of an `up` that gets a signal as soon as its output matches `moment`."""
    ended = up.interrupted_up(
        "local",
        lambda said: re.search(moment, said) is not None,
        lambda process: process.send_signal(number),
    )
    return ended.code


def plugins_of(up: Machine) -> list[str]:
    """Ids of the processes of this project's plugins that were started in the machine's environment."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command, environment = ((process / name).read_bytes() for name in ("cmdline", "environ"))
        except OSError:
            continue  # the process has ended
        ours = b"providers.skycoin" in command or b"providers.docker" in command
        if ours and str(up.layout.state).encode() in environment:
            found.append(process.name)
    return found


@pytest.mark.parametrize(
    ("number", "moment"),
    [
        pytest.param(signal.SIGINT, BUILDS, id="Ctrl-C while it builds", marks=pytest.mark.long),
        pytest.param(signal.SIGKILL, BUILDS, id="killed while it builds"),
        pytest.param(signal.SIGINT, DEPLOYS, id="Ctrl-C while it deploys"),
        pytest.param(signal.SIGKILL, DEPLOYS, id="killed while it deploys", marks=pytest.mark.long),
    ],
)
@pytest.mark.case(15, 17)
def test_an_interrupted_up_converges(up: Machine, number: signal.Signals, moment: str) -> None:
    settings = up.settings()
    image = settings["skycoin:images"]["skycoin"]
    layers = 3 - image.get("layers", 2)
    up.change({**settings, "skycoin:images": {"skycoin": {**image, "layers": layers}}})
    # The volume's time would prove nothing: an engine touches an empty volume when a container mounts it.
    assert up.docker("exec", NODE, "sh", "-c", "echo precious > /wallet/kept").code == 0
    assert interrupted(up, number, moment) != 0
    if number == signal.SIGKILL:
        locked = up.pulumi("up", "--yes", "--skip-preview", "--stack", "local")
        assert locked.code != 0
        assert "pulumi cancel" in locked.text
    result = up.make("up")
    assert result.code == 0, result.text
    names = up.docker("ps", "--all", "--format", "{{.Names}}").text.split()
    assert names == [NODE], "an orphan, or a name twice"
    assert up.inspect("container", NODE)["Config"]["Image"] == up.outputs()["nodes"]["node-1"]["image"]
    assert get("/api/v1/version")["version"] == "0.27.1"
    assert up.docker("exec", NODE, "cat", "/wallet/kept").text == "precious\n"
    assert up.docker("exec", NODE, "rm", "/wallet/kept").code == 0
    until(lambda: plugins_of(up) == [], "a killed engine's plugins end", seconds=10)
