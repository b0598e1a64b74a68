"""The console logger of Dagster's runs: coloured lines, or JSON where SALESINSIGHT_LOG_FORMAT says so."""

import logging

import dagster as dg
from dagster._loggers import colored_console_logger

from salesinsight_assets.log_lines import json_handler
from salesinsight_assets.settings import load_settings


def _console(context: dg.InitLoggerContext) -> logging.Logger:
    if load_settings().log_format == "text":
        return colored_console_logger.logger_fn(context)
    config = context.logger_config
    logger = logging.getLoggerClass()(config["name"], config["log_level"].upper())
    logger.addHandler(json_handler())
    return logger


console = dg.LoggerDefinition(
    _console,
    config_schema=colored_console_logger.config_schema,
    description="Coloured lines, or JSON (SALESINSIGHT_LOG_FORMAT).",
)
"""Dagster's own console logger under its own name, `console`, so that a run's config for that one holds for this one."""
