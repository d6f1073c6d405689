"""The local registry: the server, its certificates, its login, and the files in it."""
