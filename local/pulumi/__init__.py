"""Pulumi on this machine: the CLI, its plugins, and updates with their display."""
