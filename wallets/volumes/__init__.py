"""Wallet volumes on hosts, read and written through the engine's API."""
