"""What all parts of a set-up use: folders and ports, steps with their progress, downloads, services."""
