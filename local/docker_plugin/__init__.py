"""The stand-in docker plugin: pulumi-docker's tokens, served over docker-py.

For machines where Pulumi's plugin registry can't be reached (docs/adr/0002). It serves the four
kinds that this project uses, with the official plugin's names, defaults, replace rules, ids and
delete behaviour, so that one state file serves both. Read in: kreuzwerker/terraform-provider-docker
`internal/provider`, and pulumi/pulumi-docker `provider/resources.go` (version 5).
"""
