"""Logs as JSON: each line of a real run, and of the services, says whose it is."""

import json
import logging
import os
import subprocess
import sys

import pytest

from salesinsight_assets.log_lines import JsonLines
from salesinsight_assets.settings import SettingsError, load_settings

RUN = """
import dagster as dg
from salesinsight_assets import run_logs
run_logs.set_format()

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2025-03-31"]))
def scores(context):
    context.log.info("two lines\\nof text")

@dg.asset(partitions_def=dg.StaticPartitionsDefinition(["2025-03-31"]), deps=[scores])
def alerts():
    raise ValueError("no scores")

night = dg.Definitions(assets=[scores, alerts], jobs=[dg.define_asset_job("night")]).resolve_job_def("night")
print(night.execute_in_process(partition_key="2025-03-31", raise_on_error=False).run_id)
"""


def test_each_line_of_a_run_says_its_run_partition_step_and_asset() -> None:
    environment = {**os.environ, "SALESINSIGHT_LOG_FORMAT": "json", "PYTHONWARNINGS": "ignore"}
    ran = subprocess.run([sys.executable, "-c", RUN], env=environment, capture_output=True, text=True, check=True)
    lines = [json.loads(line) for line in ran.stderr.splitlines()]
    own = {"run_id": ran.stdout.strip(), "job": "night", "partition": "2025-03-31"}
    assert [line for line in lines if not own.items() <= line.items()] == []
    (told,) = [line for line in lines if line["message"] == "two lines\nof text"]
    assert (told["level"], told["step"], told["time"][-6:]) == ("INFO", "scores", "+00:00")
    (made,) = [line for line in lines if line.get("event") == "ASSET_MATERIALIZATION"]
    assert (made["asset"], made["step"]) == ("scores", "scores")
    (failed,) = [line for line in lines if line.get("event") == "STEP_FAILURE"]
    assert (failed["level"], failed["step"], "no scores" in failed["error"]) == ("ERROR", "alerts", True)


def test_an_error_of_a_service_is_one_line_with_its_traceback() -> None:
    try:
        int("no answer")
    except ValueError:
        record = logging.LogRecord("web", logging.ERROR, "", 0, "a page failed", (), sys.exc_info())
    line = JsonLines().format(record)
    assert "\n" not in line
    assert "ValueError: invalid literal" in json.loads(line)["error"]


def test_another_format_is_refused() -> None:
    assert load_settings({}).log_format == "text"
    with pytest.raises(SettingsError, match="SALESINSIGHT_LOG_FORMAT: expected text or json, got 'xml'"):
        load_settings({"SALESINSIGHT_LOG_FORMAT": "xml"})
