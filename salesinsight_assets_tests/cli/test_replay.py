"""`salesinsight replay` on the small company: the same ledger however often, whatever came later, and told to nobody."""

import json
from datetime import UTC, date, datetime, timedelta
from html import unescape

import pytest
from click.testing import CliRunner, Result

from salesinsight_assets.cli import progress, replay
from salesinsight_assets_tests.conftest import Platform

FIRST, LAST = date(2025, 2, 28), date(2025, 3, 1)
"""Over the end of a month, so that two models are asked for."""
NEVER_THE_SAME = ["run_id", "scored_at"]


def replayed(first: date, last: date, *options: object) -> Result:
    arguments = ["--from", first, "--to", last, *options]
    return CliRunner().invoke(replay.command, [str(argument) for argument in arguments])


def replayed_well(first: date, last: date, *options: object) -> str:
    result = replayed(first, last, *options)
    assert (result.exit_code, result.exception) == (0, None), result.output
    return result.stdout


def days_of(first: date, last: date) -> list[date]:
    return [first + timedelta(days=n) for n in range((last - first).days + 1)]


def scores(platform: Platform):
    return platform.warehouse.exported("opportunity_scores", None).drop(columns=NEVER_THE_SAME)


def test_replaying_twice_gives_the_same_ledger_row_for_row(trained_platform) -> None:
    store = trained_platform.warehouse
    said = replayed_well(FIRST, LAST)
    before = trained_platform.tables()
    ledger = store.exported("prediction_ledger", None)
    assert ledger["as_of_date"].dt.date.unique().tolist() == days_of(FIRST, LAST)
    assert ledger["win_probability_7d_ago"].notna().sum() > len(ledger) / 2, (
        "the week before is known from the first day on"
    )
    months = store.read("SELECT DISTINCT model_month FROM insight.models ORDER BY 1")["model_month"]
    assert months.dt.date.tolist() == [date(2025, 1, 1), date(2025, 2, 1)], "the missing model was trained first"
    assert replayed_well(FIRST, LAST) == said
    after = trained_platform.tables()
    assert {name for name in before if before[name] != after[name]} == set()
    assert len(store.exported("outbox", None)) == 0


def test_rows_that_came_later_change_no_row_of_the_ledger_and_no_model(trained_platform, org) -> None:
    platform = trained_platform
    for month in (date(2025, 1, 1), date(2025, 2, 1)):  # in their order: who serves depends on who served before
        platform.run_well("training", month)
    replayed_well(FIRST, LAST)
    before = platform.tables()
    org.company.advance(platform.last_day + timedelta(days=10))
    platform.connect(org.server)
    platform.set_time(platform.morning_after + timedelta(days=10))
    platform.run_well("crm_sync")
    for month in (date(2025, 1, 1), date(2025, 2, 1)):
        platform.run_well("training", month)
    replayed_well(FIRST, LAST)
    after = platform.tables()
    assert {name for name in before if not name.startswith("crm.") and before[name] != after[name]} == set()
    assert before["crm.opportunities"] != after["crm.opportunities"]


def test_a_backfill_in_dagster_gives_the_rows_of_the_command(trained_platform) -> None:
    platform = trained_platform
    for day in days_of(platform.last_day - timedelta(days=1), platform.last_day):
        platform.run_well("night_without_sync", day, {"dagster/backfill": "abcdefgh"})
    by_backfill, alerts = scores(platform), platform.warehouse.exported("rep_alerts", None)
    for table in ("prediction_ledger", "scoring_runs", "rep_alerts", "alert_days", "opportunity_features"):
        platform.warehouse.execute(f"DELETE FROM insight.{table}")
    replayed_well(platform.last_day - timedelta(days=1), platform.last_day)
    assert len(by_backfill) > 50
    assert scores(platform).equals(by_backfill)
    assert platform.warehouse.exported("rep_alerts", None).equals(alerts)


def test_the_report_is_written_in_the_form_that_its_name_asks_for(trained_platform, tmp_path) -> None:
    day = trained_platform.last_day - timedelta(days=20)
    said = replayed_well(day, day, "--report", tmp_path / "report.json")
    plain = json.loads((tmp_path / "report.json").read_text())
    decided = sum(kind["n_won"] + kind["n_lost"] for kind in plain["scores"])
    assert f"{plain['scores'][0]['n_won']} won, {plain['scores'][0]['n_lost']} lost" in said
    assert decided > 5
    replayed_well(day, day, "--report", tmp_path / "report.html")
    replayed_well(day, day, "--report", tmp_path / "report.md")
    html, text = ((tmp_path / f"report.{form}").read_text() for form in ("html", "md"))
    for page in (html, text):
        assert page.count("data:image/png;base64,") == 2
        read = unescape(page).replace("\u00a0", " ")
        assert [line for line in said.splitlines() if line.strip() and line.strip() not in read] == []


def test_the_asset_shows_the_same_report(trained_platform) -> None:
    platform = trained_platform
    day = platform.last_day - timedelta(days=20)
    said = replayed_well(day, day)
    (event,) = platform.materialize("replay_report").get_asset_materialization_events()
    metadata = event.step_materialization_data.materialization.metadata
    page = metadata["report"].value
    assert page.count("data:image/png;base64,") == 2
    assert [line for line in said.splitlines() if line.strip() not in page] == []
    assert metadata["figures"].value["from"] == str(day)
    assert metadata["share lost of all open deals"].value == metadata["figures"].value["alerts"]["lost_of_all"]["rate"]


def test_a_day_that_fails_ends_the_replay_and_says_which_it_was(trained_platform) -> None:
    trained_platform.warehouse.execute("ALTER TABLE insight.rep_alerts RENAME TO mislaid")
    result = replayed(trained_platform.last_day, trained_platform.last_day)
    assert result.exit_code == 1
    assert f"{trained_platform.last_day} could not be replayed: failed (run " in result.output
    assert "rep_alerts" in result.output


TOMORROW = datetime.now(UTC).date() + timedelta(days=1)
REFUSED = {
    "exchanged": (LAST, FIRST, (), f"--from: expected a day up to --to, {FIRST}, got {LAST}; exchange them"),
    "future": (FIRST, TOMORROW, (), "--to: expected a day that has ended"),
    "before the partitions": (date(1999, 1, 1), LAST, (), "--from: expected 2016-01-01 or later, got 1999-01-01"),
    "no day": ("1. March", LAST, (), "--from: expected a day such as 2024-03-01, got '1. March'"),
    "no rows": (FIRST, LAST, (), "expected CRM rows, got an empty database"),
    "other form": (
        FIRST,
        LAST,
        ("--report", "r.pdf"),
        "--report: expected a file ending in .json, .md or .html, got r.pdf",
    ),
    "no folder": (FIRST, LAST, ("--report", "nowhere/r.md"), "--report: expected a file that can be written"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_replayed_is_refused_in_one_line(platform, case) -> None:
    first, last, options, message = REFUSED[case]
    before = platform.tables()
    result = replayed(first, last, *options)
    assert result.exit_code == 2
    (line,) = [line for line in result.output.splitlines() if line.strip()]
    assert message in line
    assert platform.tables() == before


# --- how far it is ---


def test_a_replay_says_how_many_days_are_done_and_how_long_the_others_will_take(monkeypatch) -> None:
    seconds = iter([0.0, 30.0, 30.0, 300.0])
    monkeypatch.setattr(replay.time, "monotonic", lambda: next(seconds))
    how_far = replay.HowFar(days_of(date(2024, 3, 1), date(2024, 3, 30)))
    assert how_far.text() == "0 of 30 days done, at 2024-03-01"
    how_far.done = 10
    assert how_far.text() == "10 of 30 days done, at 2024-03-11, about 60 s left"
    assert how_far.text() == "10 of 30 days done, at 2024-03-11, about 60 s left"
    assert how_far.text() == "10 of 30 days done, at 2024-03-11, about 10 min left"


def test_it_says_so_on_stderr_while_the_days_run(trained_platform, monkeypatch) -> None:
    for name, seconds in (("LOOK_SECONDS", 0.02), ("SILENT_SECONDS", 0.1)):
        monkeypatch.setattr(progress, name, seconds)
    result = replayed(trained_platform.last_day, trained_platform.last_day)
    assert f"0 of 1 days done, at {trained_platform.last_day}" in result.stderr
    assert "replaying" not in result.stdout
