"""Basis of all other parts: folders and ports, steps with their progress, downloads, services."""
