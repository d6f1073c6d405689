"""`skyinfra node`: changes to a node that `pulumi up` refuses to make alone."""
