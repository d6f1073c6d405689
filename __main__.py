"""Pulumi's entry point: the stack's configuration → its resources."""

import os
import signal
from pathlib import Path

import pulumi
from pulumi.runtime.config import get_config_env, get_config_secret_keys_env

from program.program import Program
from settings.reading import SettingsError, read_settings, secrets_in_clear

# The engine interrupts the program when a resource failed, and says which: no traceback on top of that.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))

stack_file = Path(__file__).with_name("stacks") / f"Pulumi.{pulumi.get_stack()}.yaml"
try:
    in_clear = secrets_in_clear(stack_file)
    Program(read_settings(get_config_env(), get_config_secret_keys_env(), in_clear))
except SettingsError as error:
    # RunError prints as it is: no traceback between the user and the list of what to mend.
    raise pulumi.RunError(str(error)) from None
