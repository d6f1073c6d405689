"""Which options of ssh lead to another machine, and which only say how it is reached."""

import pytest

from catalogue.ssh_options import way_of


@pytest.mark.parametrize(
    ("options", "way"),
    [
        ([], []),
        (["-i", "key", "-o", "ConnectTimeout=5"], []),
        (["-p", "2222", "-i", "key"], [("-p", "2222")]),
        (["-J", "gate", "-p", "22"], [("-J", "gate"), ("-p", "22")]),
        (["-o", "ProxyJump=gate"], [("proxyjump", "gate")]),
        (["-o", "HostKeyAlias attic"], [("hostkeyalias", "attic")]),
    ],
)
def test_port_jump_host_and_the_keys_name_decide_which_machine_is_reached(
    options: list[str], way: list[tuple[str, str]]
) -> None:
    assert way_of(options) == way
