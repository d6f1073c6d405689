"""`make down ALL=1`: the last end-to-end test, since it removes the machine."""

import json
import re
from pathlib import Path

import pytest

from local.builds.network import own_build_network
from local.machine import services
from local.machine.services import Service
from tests.e2e.beside import traces
from tests.e2e.machine import Machine


@pytest.mark.case(44)
def test_down_all_removes_containers_and_the_registry_but_no_volume(up: Machine, tmp_path: Path) -> None:
    bystander = Service(name="bystander", argv=["sleep", "600"], ready=lambda: True)
    services.start(up.layout, bystander)
    network = own_build_network(up.layout)
    assert network is not None
    number = int((up.layout.state / "engine" / "number").read_text())
    assert f"link skycoin{number}" in traces()
    config = up.layout.docker_config / "config.json"
    logins = json.loads(config.read_text())
    logins["auths"]["ghcr.io"] = {"auth": "bWU6bXk="}
    config.write_text(json.dumps(logins))
    # With another builder root, the cache stays for the next run of the tests.
    result = up.run("make", "down", "ALL=1", env={"SKYCOIN_BUILDER_ROOT": str(tmp_path / "none")})
    assert result.code == 0, result.text
    for name in ("registry", "buildkitd", "dockerd"):
        assert services.running_pid(up.layout, name) is None
    # `make down` used to forget the pid files of services that it did not stop: nothing found them again.
    assert services.running_pid(up.layout, "bystander") is not None
    services.stop(up.layout, "bystander")
    kept = {path.name for path in up.layout.state.iterdir()}
    assert not {"build-network", "build-network.conflist"} & kept
    assert not {"registry", "certificates", "registry-password", "htpasswd", "bases.json"} & kept
    assert [path.name for path in up.layout.docker_config.iterdir()] == ["config.json"]
    assert {*json.loads(config.read_text())["auths"]} == {*logins["auths"]} - {up.layout.registry}
    assert re.search(rf"the logins of .*\bghcr\.io\b.* in {up.layout.docker_config}", result.text)
    assert {"backend", "passphrase"} <= kept
    volumes = up.layout.state / "engine" / "data" / "volumes"
    assert (volumes / "skycoin-node-1-wallet" / "_data").is_dir()
    assert not Path("/etc/docker/certs.d", up.layout.registry).exists()
    # Searched by names and addresses, since other things on the machine may change meanwhile.
    marks = (
        network.bridge,
        str(network.subnet[0]),
        f"skycoin{number}",
        f"10.209.{number}.",
        f"10.{210 + number}.",
    )
    assert not [line for line in traces() if any(mark in line for mark in marks)]
    assert up.run("git", "status", "--porcelain").text == ""
