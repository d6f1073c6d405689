"""Clients of engines, registries, ssh hosts and Pulumi's command line; no settings, nor Pulumi's SDK."""
