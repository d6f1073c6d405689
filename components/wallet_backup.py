"""A copy of the wallet before its node's container is replaced (providers/skycoin/wallet_backup.py).

It stands between the preflight and the container: a wallet that can't be copied leaves the old node
running. The volume with the copies is no resource of the stack, so nothing in a stack can remove it.
"""

import pulumi

from components.host import Host


class WalletBackup(pulumi.CustomResource):
    """The newest copy of one wallet, on the host itself; served by this project's own provider."""

    backup: pulumi.Output[str]
    """Folder in the volume `backups`, a time in UTC; empty where there is no wallet yet."""

    def __init__(
        self,
        name: str,
        *,
        host: Host,
        image: pulumi.Input[str],
        wallet: str,
        backups: str,
        new_wallet: bool,
        settings: str,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        """`wallet` and `backups` name volumes; `settings` changes with whatever replaces the container.

        `new_wallet` accepts a wallet volume that is empty although there are copies of it.
        """
        inputs = {
            "host": host.name,
            "engine": host.engine,
            "sshOptions": list(host.ssh_options),
            "image": image,
            "wallet": wallet,
            "backups": backups,
            "newWallet": new_wallet,
            "settings": settings,
        }
        super().__init__("skycoin:index:WalletBackup", name, {**inputs, "backup": None}, opts)
