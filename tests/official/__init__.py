"""Answers of the official docker plugin, recorded: the stand-in is held against them (README.md)."""
