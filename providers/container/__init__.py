"""A container as both plugins know it: its inputs' schema, checks and plan, and its creation over docker-py.

Inputs, defaults and replace rules are those of the official docker plugin (docs/adr/0020).
"""
