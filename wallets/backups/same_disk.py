"""The disk of a backup: if it is also the wallet's, one failure takes both."""

import socket
from pathlib import Path

from clients.engine import engine_address
from clients.engine_form import in_form
from wallets.backups.ssh_folder import SSH
from wallets.errors import WalletError
from wallets.volumes.volume import WalletVolume


def is_on_disk_of(volume: WalletVolume, file: str) -> bool:
    """True if a backup is certainly on the disk that has the wallet volume; False if that is unknown."""
    if file.startswith(SSH) or not engine_address(volume.node.engine).startswith("unix://"):
        return False
    form = dict.fromkeys(("Name", "DockerRootDir"), str)
    try:
        info = volume.ask(lambda: in_form("what it says about itself", form, volume.client.info))
        # A volume with options can be a disk of its own.
        options = volume.ask(lambda: volume.client.api.inspect_volume(volume.node.wallet)).get("Options")
        # A local socket can lead to another machine.
        is_here = info["Name"] == socket.gethostname() and not options
        return is_here and Path(info["DockerRootDir"]).stat().st_dev == Path(file).stat().st_dev
    except (WalletError, OSError):
        return False
