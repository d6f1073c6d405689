"""Backup files: their format, the folders they lie in, and what is known of them."""
