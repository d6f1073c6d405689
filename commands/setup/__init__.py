"""`skyinfra setup`: backups, adoption, keys and the registry of a set-up."""
