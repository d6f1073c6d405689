"""`skyinfra review`: pages of pull requests, and the update that one approved."""
