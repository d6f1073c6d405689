"""Work on a fleet of hosts: checks, the status of its nodes, and changes to them."""
