"""The set-up of one machine for `make`: tools, engine, builder, registry, and the stand-in docker plugin.

A plain `pulumi up` needs none of it if Pulumi and Docker are installed.
"""
