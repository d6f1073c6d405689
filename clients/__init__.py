"""Clients of engines, registries and ssh hosts. They know neither settings nor Pulumi."""
