"""The set-up of `make` on one machine: tools, engine, builder, registry, and the stand-in docker plugin.

A plain `pulumi up` needs nothing of it, if Pulumi and Docker are installed.
"""
