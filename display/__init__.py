"""Text for people: tables, signs of life, and a Pulumi update as it goes on. Imports no other folder."""
