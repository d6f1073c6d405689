"""Pulumi resources for Skycoin's images and nodes, one public component per file.

Components read no configuration, export no outputs and create no providers; `program/` does.
"""
