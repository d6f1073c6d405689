"""A workspace for other tools: devcontainer.json and devfile.yaml, from the table that builds its image."""
