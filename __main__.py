"""Pulumi's entry point: the stack's configuration → its resources."""

import os
import signal
import sys
from pathlib import Path

from providers.start import without_collections

with without_collections():
    import pulumi
    from pulumi.runtime.config import get_config_env, get_config_secret_keys_env

    from program.program import Program
    from settings.reading import SettingsError, read_settings

REPORTED = 32
"""Exit code of a program that has reported why it ends; Pulumi's language host then adds no message."""

# The engine interrupts the program when a resource failed, and reports which: no traceback is needed.
signal.signal(signal.SIGINT, lambda *_: os._exit(130))

stack_file = Path(__file__).with_name("stacks") / f"Pulumi.{pulumi.get_stack()}.yaml"
try:
    Program(read_settings(get_config_env(), get_config_secret_keys_env(), stack_file))
except SettingsError as error:
    pulumi.log.error(str(error))
    sys.exit(REPORTED)
