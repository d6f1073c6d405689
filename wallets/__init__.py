"""Wallets of deployed nodes: backups, restores, drills, adoption, moves, and the login of a web interface.

The only volume ever removed here is a drill's own. The only volumes created are that one, the one that a
wallet moves to, and volumes of copies. No backup is overwritten. Only the node's own image runs on a wallet,
without a network and without privileges, except to give an empty volume to the node's user.
"""
