"""Answers of the official docker plugin, recorded: the stand-in is compared with them (README.md)."""
