"""Text for people: tables. Knows nothing of the project."""
