"""Pulumi's entry point: the stack's configuration → its resources."""

import pulumi
from pulumi.runtime.config import get_config_env

from stacks.catalogue import PROJECT
from stacks.program import Program
from stacks.reading import SettingsError, read_settings

try:
    Program(read_settings(get_config_env(), PROJECT))
except SettingsError as error:
    # RunError prints as it is: no traceback between the user and the list of what to mend.
    raise pulumi.RunError(str(error)) from None
