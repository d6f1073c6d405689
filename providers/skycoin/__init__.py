"""The project's own Pulumi provider `skycoin`: resources that read hosts and registries before they act."""
