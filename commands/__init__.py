"""The commands of `skyinfra`: everything that is not a command of `pulumi`. One file for each group."""
