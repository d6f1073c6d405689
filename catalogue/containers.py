"""Addresses of ports, and limits of the containers of nodes, exporters, proxies and hosted registries."""

LOOPBACK, EVERYWHERE = "127.0.0.1", "0.0.0.0"
MAX_OPEN_FILES = 4096
"""A node has at most 128 connections and one database; many engines can't grant more."""
MAX_PROCESSES = 1024
"""Limit of threads, which Linux counts as processes."""
