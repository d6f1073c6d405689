"""Stacks of a set-up: settings files and states, the lock, and changes of all files or of none."""
