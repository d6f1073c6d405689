"""Backups and restores of wallets, for `./skyinfra wallet`.

The only volume ever removed here is a drill's own. The only volumes created are that one, and the one that a
wallet moves to. No backup is overwritten. Only the node's own image runs on a wallet, without network and
privileges.
"""
