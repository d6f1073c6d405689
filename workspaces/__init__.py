"""Files to open a workspace in other tools: devcontainer.json and devfile.yaml."""
