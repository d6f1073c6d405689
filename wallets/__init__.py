"""Backups of wallets and their way back: what `./skyinfra wallet` runs.

No volume is ever removed here but a drill's own, nor created but that and the one that a wallet moves to; no
backup is overwritten, and nothing runs beside a wallet but the node's own image, without network and rights.
"""
