"""Backups and restores of wallets: what `./skyinfra wallet` runs.

The only volume that is ever removed here is a drill's own; the only ones created are that and the one that a
wallet moves to. No backup is overwritten, and only the node's own image runs on a wallet, without network and
rights.
"""
