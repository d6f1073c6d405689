"""Composition of one stack: from settings to components and outputs."""
