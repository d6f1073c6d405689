"""A stack's YAML as typed values, and all rules over them. Nothing here creates a resource."""
