"""Containers that use a volume: clients/volumes.py."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from docker.errors import NotFound

from clients.volumes import users

BIND = {"type": "none", "o": "bind", "device": "/srv/wallet"}
TMPFS = {"type": "tmpfs", "device": "tmpfs"}
NFS = {"type": "nfs", "o": "addr=10.0.0.9,rw", "device": ":/srv/wallet"}


@dataclass(frozen=True)
class Engine:
    """An engine with volumes, by name their options, and one container that mounts something."""

    options: Mapping[str, Mapping[str, str] | None]
    mount: Mapping[str, object]

    def inspect_volume(self, name: str) -> dict[str, Any]:
        if name not in self.options:
            raise NotFound(name)
        return {"Name": name, "Mountpoint": place(name), "Options": self.options[name]}

    def volumes(self) -> dict[str, Any]:
        return {"Volumes": [self.inspect_volume(name) for name in self.options] or None}

    def containers(self, *, all: bool) -> Sequence[dict[str, Any]]:  # noqa: A002 docker-py's name
        assert all
        return [{"Id": "1", "Names": ["/user"], "Mounts": [self.mount]}]


def place(name: str) -> str:
    return f"/var/lib/docker/volumes/{name}/_data"


def mounted(name: str) -> dict[str, object]:
    return {"Type": "volume", "Name": name, "Source": place(name), "RW": True}


def bound(folder: str) -> dict[str, object]:
    return {"Type": "bind", "Source": folder, "RW": True}


@pytest.mark.case(36)
@pytest.mark.parametrize(
    ("wallet", "other", "mount", "is_user"),
    [
        pytest.param(None, None, mounted("wallet"), True, id="the volume"),
        pytest.param(None, None, mounted("other"), False, id="another volume"),
        pytest.param(None, None, bound(place("wallet")), True, id="the volume's folder"),
        pytest.param(None, None, bound("/var/lib/docker/volumes"), False, id="a folder above"),
        pytest.param(BIND, None, bound("/srv/wallet"), True, id="its device"),
        pytest.param(BIND, None, bound("/srv"), False, id="a folder above its device"),
        pytest.param(BIND, BIND, mounted("other"), True, id="another volume of its device"),
        pytest.param(NFS, NFS, mounted("other"), True, id="another volume of its export"),
        pytest.param(NFS, {**NFS, "o": "rw,addr=10.0.0.9"}, mounted("other"), True, id="other options"),
        pytest.param(NFS, {**NFS, "o": "addr=10.0.0.8"}, mounted("other"), False, id="another server"),
        pytest.param(TMPFS, TMPFS, mounted("other"), False, id="another volume in memory"),
        pytest.param(BIND, {"o": "size=1g"}, mounted("other"), False, id="a volume without a device"),
        pytest.param(None, {**BIND, "device": place("wallet")}, mounted("other"), True, id="a volume of it"),
        pytest.param(None, BIND, mounted("other"), False, id="a volume of another folder"),
        pytest.param(
            BIND, {**BIND, "device": "/srv/wallet/."}, mounted("other"), True, id="another spelling"
        ),
        pytest.param(BIND, {**BIND, "device": "/srv"}, mounted("other"), False, id="a volume of one above"),
    ],
)
def test_containers_on_a_volume_its_folder_and_its_device_are_its_users(
    wallet: dict[str, str] | None, other: dict[str, str] | None, mount: dict[str, object], is_user: bool
) -> None:
    engine = Engine({"wallet": wallet, "other": other}, mount)
    assert [container["Id"] for container in users(engine, "wallet")] == ["1"] * is_user
    read_only = Engine(engine.options, {**mount, "RW": False})
    assert len(users(read_only, "wallet")) == is_user
    assert users(read_only, "wallet", writing=True) == []


def test_a_volume_that_does_not_exist_has_no_users() -> None:
    assert users(Engine({}, mounted("wallet")), "wallet") == []
