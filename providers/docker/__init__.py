"""The stand-in docker plugin: resource types of pulumi-docker, served over docker-py.

It is used where the official plugin has no recorded checksum or can't be downloaded (docs/adr/0002). It
serves the three resource types that this project uses, and RemoteImage, which version 0.1.0 used. Tokens,
inputs, defaults, replace rules, ids and delete behaviour are those of the official plugin, as its recorded
answers show (docs/docker-plugin.md), and otherwise its source: kreuzwerker/terraform-provider-docker
`internal/provider`, and pulumi/pulumi-docker `provider/resources.go` (version 5). Both plugins can work on
one state: a switch replaces nothing (docs/adr/0020).
"""
