"""The review page is for other readers: it has no path or stack trace of the machine that rendered it."""

import pytest

from review.changes import read_changes
from review.markdown import page
from review.portable import PROJECT, without_places, without_trace
from tests.unit.previews import complete
from tests.unit.test_review import node, rendered

TRACEBACK = """\
Program failed with an unhandled exception:
Traceback (most recent call last):
  File "/srv/ci/checkout/__main__.py", line 19, in <module>
    Program(read_settings())
    ^^^^^^^^^^^^^^^^^^^^^^^^
  File "/srv/ci/checkout/components/node.py", line 92, in __init__
    boom

  File "/srv/ci/venv/lib/python3.11/site-packages/pulumi/resource.py", line 3, in get
    raise KeyError
NameError: name 'boom' is not defined
"""
CHAINED = f"""{TRACEBACK}
During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "<stdin>", line 1, in <module>
ValueError: bad
It went on.
"""
PANIC = """\
panic: runtime error: invalid memory address or nil pointer dereference
[signal SIGSEGV: segmentation violation code=0x1 addr=0x0 pc=0x1]
goroutine 1 [running]:
main.main()
\t/home/somebody/go/src/main.go:12 +0x1d

exit status 2
"""
JAVASCRIPT = "Error: no\n    at f (/home/me/x.js:1:2)\n    at /home/me/y.js:3:4\nsaid"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            TRACEBACK,
            "Program failed with an unhandled exception:\n"
            "NameError: name 'boom' is not defined (components/node.py, line 92)",
        ),
        (
            CHAINED,
            "Program failed with an unhandled exception:\n"
            "NameError: name 'boom' is not defined (components/node.py, line 92)\n\n\n"
            "ValueError: bad (<stdin>, line 1)\nIt went on.",
        ),
        (PANIC, "panic: runtime error: invalid memory address or nil pointer dereference\nexit status 2"),
        (JAVASCRIPT, "Error: no\nsaid"),
        ("0.27.1 is published\n  as sha256:1", "0.27.1 is published\n  as sha256:1"),
    ],
    ids=["python", "chained", "go", "javascript", "none"],
)
def test_of_a_traceback_only_the_error_stays(message: str, expected: str) -> None:
    assert without_trace(message) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (f"{PROJECT}/program/nodes.py:56: no", "program/nodes.py:56: no"),
        ("open '/home/me/.docker/config.json': no", "open '…/config.json': no"),
        ("unix:///srv/skycoin/state/engine/docker.sock: no", "unix://…/docker.sock: no"),
        ("file:///srv/state/", "file://…/state"),
        ("| a | /tmp/skyinfra-1/Pulumi.fleet.yaml |", "| a | …/Pulumi.fleet.yaml |"),
        ("PATH=/opt/go/bin:/home/me/bin", "PATH=…/go/bin:…/me/bin"),
    ],
)
def test_paths_of_a_machine_are_cut(text: str, expected: str) -> None:
    assert without_places(text) == expected
    assert without_places(expected) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-i /home/me/keys/id → -i /srv/evil/id", "-i …/keys/id → -i …/evil/id"),
        ("/a/x/id /b/x/id /b/x/id/", "…/a/x/id …/b/x/id …/b/x/id"),
        ("/x/id → /srv/x/id", "…/x/id → …/srv/x/id"),
        (f"/srv/x/id {PROJECT}/x/id /etc/x/id", "…/id x/id /etc/x/id"),
    ],
)
def test_different_paths_are_cut_to_different_text(text: str, expected: str) -> None:
    """Another key, and another file of known hosts, looked like the same one on both sides of the arrow."""
    assert without_places(text) == expected
    assert without_places(expected) == expected


@pytest.mark.parametrize(
    "text",
    [
        "unix:///var/run/docker.sock",
        "/etc/docker/certs.d/registry.localhost:5443",
        "ssh://pi@attic.lan/~/skycoin",
        "~/.ssh/known_hosts ../skycoin/cmd ./skyinfra",
        "`docker.io/skycoin/skycoin:0.27.1` linux/arm/v7 https://ghcr.io/v2/skycoin/",
        "urn:pulumi:local::skycoin::docker:index/volume:Volume::node-1-wallet",
        "/wallet",
        "and/or",
    ],
)
def test_text_that_means_the_same_on_every_machine_is_kept(text: str) -> None:
    assert without_places(text) == text


def test_the_complete_page_has_no_paths_of_the_machine() -> None:
    """Errors, warnings and inputs of the preview all have paths."""
    said = [
        {"severity": "error", "message": f"error: {TRACEBACK}"},
        {"severity": "warning", "message": "warning: host here: unix:///srv/x/docker.sock: no engine"},
    ]
    changed = node(
        "update", {"sshOptions": ["-i", "/srv/a/key"]}, {"sshOptions": ["-i", "/srv/b/key2"]}, "sshOptions"
    )
    text = page(read_changes(complete(changed, diagnostics=said)), "mine") + rendered(changed)
    assert "sshOptions: …/key → …/key2" in text
    assert "NameError: name 'boom' is not defined (components/node.py, line 92)" in text
    for hidden in ("Traceback", "/srv", "/root", "site-packages"):
        assert hidden not in text
