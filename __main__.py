"""Pulumi's entry point: the stack's configuration → its resources."""

import os
import signal

import pulumi
from pulumi.runtime.config import get_config_env, get_config_secret_keys_env

from stacks.program import Program
from stacks.reading import SettingsError, read_settings

# The engine interrupts the program when a resource failed, and says which: no traceback on top of that.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))

try:
    Program(read_settings(get_config_env(), get_config_secret_keys_env()))
except SettingsError as error:
    # RunError prints as it is: no traceback between the user and the list of what to mend.
    raise pulumi.RunError(str(error)) from None
