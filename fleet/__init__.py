"""A fleet of hosts: what is checked on them, what runs on them, and how it gets there."""
