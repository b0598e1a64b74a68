"""The console of Dagster's runs and sensors: coloured lines, or JSON where SALESINSIGHT_LOG_FORMAT says so.

A run without logger config, which are all that sensors start, takes Dagster's own console logger, whatever loggers the definitions
name; and `python_logs` in dagster.yaml adds handlers, but takes none away. So the function that makes
that logger is replaced.
"""

import logging

import dagster._core.definitions.instigation_logger as of_sensors
import dagster._loggers as of_runs

from salesinsight_assets.log_lines import json_handler
from salesinsight_assets.settings import load_settings


def json_console(name: str, level: str | int) -> logging.Logger:
    """A logger of Dagster's console that writes JSON lines."""
    logger = logging.getLoggerClass()(name, level)
    logger.addHandler(json_handler())
    return logger


def set_format() -> None:
    """Let this process's consoles of Dagster write in the format that the settings name."""
    if load_settings().log_format == "json":
        of_runs.create_console_logger = json_console  # pyright: ignore[reportPrivateImportUsage]
        of_sensors.create_console_logger = json_console  # pyright: ignore[reportPrivateImportUsage]
