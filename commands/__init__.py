"""The commands of `skyinfra`, for tasks that `pulumi` has no command for, with a folder for each group."""
