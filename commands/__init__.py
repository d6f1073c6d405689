"""The commands of `skyinfra`, for all that is not a command of `pulumi`, in a file for each group."""
