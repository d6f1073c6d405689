"""What `make` sets up on one machine: tools, engine, builder, registry, and the stand-in docker plugin.

Nothing here is needed by a plain `pulumi up`: it prepares a machine on which one can run.
"""
