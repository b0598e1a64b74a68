"""Signs of life: what is written where no terminal can show a spinner."""

import io
import os
import pty
import sys
import time

import pytest
from rich.console import Console

from salesinsight_assets.cli import progress as module
from salesinsight_assets.cli.progress import progress


@pytest.fixture
def console(monkeypatch) -> Console:
    for name, seconds in (("LOOK_SECONDS", 0.01), ("LONG_SECONDS", 0.2), ("SILENT_SECONDS", 0.5)):
        monkeypatch.setattr(module, name, seconds)
    return Console(file=io.StringIO(), width=200)


def lines(console: Console) -> list[str]:
    return console.file.getvalue().splitlines()


def test_each_long_step_is_one_line_and_short_ones_are_none(console) -> None:
    running = ["crm_tables"]
    with progress("night", console) as shown, shown.asking(lambda: running[-1]):
        time.sleep(0.35)
        running.append("open_opportunities")
        time.sleep(0.05)
        running.append("rep_alerts")
        time.sleep(0.35)
    assert lines(console) == ["night: crm_tables, 0 s", "night: rep_alerts, 0 s"]


def test_a_very_long_step_says_that_it_goes_on(console) -> None:
    with progress("night", console) as shown, shown.asking(lambda: "crm_tables"):
        time.sleep(1.3)
    told = lines(console)
    assert [line.startswith("night: crm_tables, ") for line in told] == [True] * len(told)
    assert sum(line.endswith(" s so far") for line in told) == 2


def test_work_that_tells_no_steps_is_named_by_its_title(console) -> None:
    with progress("starting PostgreSQL", console):
        time.sleep(0.3)
    assert lines(console) == ["starting PostgreSQL: 0 s"]


def test_short_work_is_silent(console) -> None:
    with progress("night", console):
        pass
    assert lines(console) == []


def test_nobody_is_asked_after_the_end(console) -> None:
    asked = []
    with progress("night", console) as shown:
        with shown.asking(lambda: asked.append(time.monotonic())):
            time.sleep(0.1)
        ended = time.monotonic()
        time.sleep(0.1)
    assert asked
    assert max(asked) <= ended


def test_a_terminal_shows_it_although_stderr_goes_to_a_file_meanwhile(monkeypatch, tmp_path) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.01)
    seen_by, terminal = pty.openpty()
    with os.fdopen(terminal, "w") as stream, (tmp_path / "captured.err").open("w") as captured:
        monkeypatch.setattr(sys, "stderr", stream)
        with progress("reading") as shown, shown.asking(lambda: "crm_tables", lambda: "tasks 5 of 10 rows"):
            os.dup2(captured.fileno(), terminal)
            time.sleep(0.3)
    assert b"tasks 5 of 10 rows" in os.read(seen_by, 100_000)
    os.close(seen_by)
