"""`skyinfra wallet`: copies, backups, restore, adoption and acceptance of wallets."""
