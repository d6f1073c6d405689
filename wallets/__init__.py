"""Backups of wallets and their way back: what `./skyinfra wallet` runs.

No volume is ever created or removed here but a drill's own, no backup overwritten, and nothing runs beside
a wallet but the node's own image, without network and rights.
"""
