"""Wallets of a plain `docker run`, or of a volume that is in no stack, taken over by a node."""
