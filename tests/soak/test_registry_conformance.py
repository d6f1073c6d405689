"""OCI's conformance suite, unchanged, against the registry under each settings file of the project.

The suite and the registry are built from their Go modules; for every settings file, a registry is started.
"""

import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import bcrypt
import pytest

from catalogue.registries import LOCAL_HOST
from local.machine import services
from local.machine.layout import PROJECT, Layout
from local.machine.services import Service, port_is_taken
from local.machine.tools import REGISTRY, Tool, ensure_tool, find_go
from local.registry import login as registry_login
from local.registry.certificates import ensure_certificates, ensure_name
from local.registry.server import registry_service
from tests.e2e.layouts import layout_in

SUITE = Tool(
    folder="tests/soak/conformance", package="github.com/opencontainers/distribution-spec/conformance"
)
FILES = PROJECT / "images" / "registry" / "files" / "etc" / "distribution"
PORT, DEBUG_PORT = 15446, 15447
USER, PASSWORD = "conformance", "only-for-this-run"

REFERRERS = "distribution has no referrers API, and so names no subject (OCI-Subject)"
SHA512 = "distribution keeps content by sha256 alone, whatever digest a client names"
URLS = "a layer that is not distributable names URLs, and the registry refuses a manifest that names any"
KNOWN = {
    "empty": (1, REFERRERS),
    "artifacts-with-subject": (6, REFERRERS),
    "index-with-subject": (5, REFERRERS),
    "missing-subject": (3, REFERRERS),
    "sha512 blobs": (29, SHA512),
    "sha512": (39, SHA512),
    "non-distributable-layers": (7, URLS),
}
"""Group of the suite → number of cases that fail, and the reason: a limit of upstream, or intended."""
PASSED, SKIPPED = 582, 18
"""Numbers of cases. Skipped: uploads in one request, which may become two, and what is off by default."""


@dataclass(frozen=True, slots=True)
class Case:
    """A case of the suite that contains no other case."""

    group: str
    status: str
    """`passed`, `skipped`, `failure` or `error`."""


@pytest.fixture
def layout(tmp_path: Path) -> Layout:
    """Layout of a registry with certificates, and nothing else of a set-up."""
    place = layout_in(tmp_path, PORT)
    ensure_certificates(place)
    ensure_name(place)
    return place


def of_a_set_up(layout: Layout, program: Path) -> Service:
    layout.registry_password.write_text(PASSWORD)
    registry_login.ensure_login(layout)
    return registry_service(layout, program)


def of_the_image(name: str) -> Callable[[Layout, Path], Service]:
    """Service of a settings file in images/registry; addresses and paths of the container are replaced."""

    def service(layout: Layout, program: Path) -> Service:
        hashed = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
        (layout.state / "htpasswd").write_text(f"{USER}:{hashed}\n")
        places = {
            "HTTP_ADDR": f"127.0.0.1:{PORT}",
            "STORAGE_FILESYSTEM_ROOTDIRECTORY": str(layout.state / "registry"),
        }
        if name == "hosted.yml":
            places |= {
                "HTTP_TLS_CERTIFICATE": str(layout.ca.parent / "registry.crt"),
                "HTTP_TLS_KEY": str(layout.ca.parent / "registry.key"),
                "HTTP_DEBUG_ADDR": f"127.0.0.1:{DEBUG_PORT}",
                "AUTH_HTPASSWD_PATH": str(layout.state / "htpasswd"),
            }
        return Service(
            name="registry",
            argv=[str(program), "serve", str(FILES / name)],
            env={
                "OTEL_TRACES_EXPORTER": "none",
                **{f"REGISTRY_{key}": value for key, value in places.items()},
            },
            ready=lambda: port_is_taken(PORT),
            port=PORT,
        )

    return service


@contextmanager
def running(layout: Layout, service: Service) -> Iterator[None]:
    try:
        services.start(layout, service)
        yield
    finally:
        services.stop(layout, service.name)


def outcome(layout: Layout, suite: Path, **settings: str) -> list[Case]:
    """Run the suite against the registry on the port."""
    results = layout.state / "results"
    environment = {
        "OCI_REGISTRY": f"{LOCAL_HOST}:{PORT}",
        "OCI_RESULTS_DIR": str(results),
        "SSL_CERT_FILE": str(layout.ca),
        **settings,
    }
    done = subprocess.run(
        [suite],
        env=environment,
        cwd=layout.state,
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert (results / "junit.xml").exists(), done.stderr
    # The input is trusted: it was written by the suite that was built here.
    cases = ElementTree.parse(results / "junit.xml").iter("testcase")  # noqa: S314
    return [Case(case.attrib["name"].split("/")[1], case.attrib["status"]) for case in cases]


@pytest.mark.parametrize(
    ("service", "settings"),
    [
        pytest.param(
            of_a_set_up, {"OCI_USERNAME": registry_login.USER, "OCI_PASSWORD": PASSWORD}, id="of-a-set-up"
        ),
        pytest.param(of_the_image("config.yml"), {"OCI_TLS": "disabled"}, id="config.yml"),
        pytest.param(
            of_the_image("hosted.yml"), {"OCI_USERNAME": USER, "OCI_PASSWORD": PASSWORD}, id="hosted.yml"
        ),
    ],
)
def test_the_registry_conforms_to_the_distribution_specification(
    layout: Layout, service: Callable[[Layout, Path], Service], settings: dict[str, str]
) -> None:
    """Known failures are listed: a new one fails here, and so does a listed one that an upgrade fixes."""
    go = find_go(layout)
    program, suite = (ensure_tool(layout, go, tool) for tool in (REGISTRY, SUITE))
    with running(layout, service(layout, program)):
        cases = outcome(layout, suite, **settings)
    failed = Counter(case.group for case in cases if case.status in ("failure", "error"))
    assert failed == {group: count for group, (count, _) in KNOWN.items()}
    others = Counter(case.status for case in cases)
    assert (others["passed"], others["skipped"]) == (PASSED, SKIPPED)
