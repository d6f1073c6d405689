"""`skyinfra fleet`: commands for all hosts of a stack at once."""
