"""Text for people: tables, progress, and the course of a Pulumi update. Imports no other folder."""
