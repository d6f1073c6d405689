"""The commands of `skyinfra`, for tasks that `pulumi` has no command for, with one file for each group."""
