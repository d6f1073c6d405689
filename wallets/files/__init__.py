"""Wallet files in memory: their contents, their fingerprint, and losses between two sets. Pure functions."""
