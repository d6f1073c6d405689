"""The stand-in docker plugin: pulumi-docker's tokens, served over docker-py.

For machines where Pulumi's plugin registry can't be reached (docs/adr/0002). It serves the four
kinds that this project uses, under the official plugin's tokens, with its inputs, defaults, replace
rules, ids and delete behaviour as far as they were read. A state of one is not yet a state of the
other: with the other plugin it replaces containers and networks (docs/adr/0015). Read in:
kreuzwerker/terraform-provider-docker `internal/provider`, and pulumi/pulumi-docker
`provider/resources.go` (version 5).
"""
