"""Clients for engines, registries, ssh hosts and Pulumi, without the settings or Pulumi's SDK."""
