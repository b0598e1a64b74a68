"""The page of the model: what it says is what the tables hold, also where there is no model."""

import csv
import html
import io
from datetime import date, timedelta

import pytest

from salesinsight_assets.domain.reports.said import said_of_snapshots
from salesinsight_assets_tests.conftest import LAST_DAY

pytestmark = pytest.mark.slow
FILES = ("calibration", "checks", "decisions", "defaults", "drift")


def page_of(browser) -> str:
    answer = browser.get("/model")
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def rows_of(browser, name: str) -> list[dict[str, str]]:
    answer = browser.get(f"/model/{name}.csv")
    assert answer.status_code == 200, answer.text
    return list(csv.DictReader(io.StringIO(answer.text)))


def shown_model(dashboard) -> str:
    return str(dashboard.warehouse.read("SELECT model_id FROM insight.models WHERE status = 'champion'")["model_id"][0])


def decide(
    dashboard, day: date, by: str, model_id: str, role: str = "champion", reason: str = "so it was decided"
) -> None:
    dashboard.warehouse.execute(
        "INSERT INTO insight.model_decisions (effective_on, decided_by, role, model_id, reason, decided_at)"
        " VALUES ($1::text::date, $2, $3, $4, $5, $1::text::timestamptz)",
        (day.isoformat(), by, role, model_id, reason),
    )


def compare(dashboard, day: date, challenger: str | None, *gain: float) -> None:
    """A comparison; its gain, lower and upper bound, all above or below zero where the challenger is better or worse."""
    dashboard.warehouse.execute("DELETE FROM insight.model_comparison")
    dashboard.warehouse.execute(
        "INSERT INTO insight.model_comparison (as_of_date, champion_id, challenger_id, deals, champion_brier, challenger_brier,"
        " gain, gain_low, gain_high, deals_needed) VALUES ($1::text::date, 'old', $2::text, 250, 0.2, 0.19,"
        " $3::float, $4::float, $5::float, 1339)",
        (day.isoformat(), challenger, *(gain or (None, None, None))),
    )


def test_the_page_names_the_model_that_is_shown_with_its_metrics(shown_dashboard) -> None:
    (stored,) = shown_dashboard.warehouse.read(
        "SELECT model_id, (metrics ->> 'auc')::float AS auc, (metrics ->> 'auc_low')::float AS low, metrics ->> 'n_deals' AS n,"
        " (metrics ->> 'ece')::float AS ece, (metrics ->> 'base_rate_brier')::float AS base_rate"
        " FROM insight.models WHERE status = 'champion'"
    ).to_dict("records")
    for role in ("rep", "engineer"):
        page = page_of(shown_dashboard.browser(role))
        assert f"scored by <b>{stored['model_id']}</b>" in page
        assert f"<dd>{stored['auc']:.3f}</dd>" in page
        assert f"95 % interval {stored['low']:.3f} to" in page
        assert f"<dd>{stored['ece'] * 100:.1f} pp</dd>" in page
        assert f"saying the same of every deal gets {stored['base_rate']:.3f}" in page
        assert f"Measured on {int(stored['n']):,} deals" in page


@pytest.mark.parametrize(
    ("name", "table"),
    [("checks", "model_checks"), ("drift", "feature_drift"), ("defaults", "feature_defaults"), ("decisions", "model_decisions")],
)  # fmt: skip
def test_the_files_hold_the_latest_rows(shown_dashboard, name, table) -> None:
    rows = rows_of(shown_dashboard.browser("rep"), name)
    day = "" if name == "decisions" else f" WHERE as_of_date = (SELECT max(as_of_date) FROM insight.{table})"
    stored = shown_dashboard.warehouse.read(f"SELECT * FROM insight.{table}{day}")
    assert len(rows) == len(stored) > 0
    shown, told = ("reason", "reason") if name == "decisions" else ("finding", "finding")
    assert {row[shown] for row in rows} == set(stored[told])


def test_the_file_of_the_strip_has_what_was_said_and_what_happened(shown_dashboard) -> None:
    stored = shown_dashboard.warehouse.read(
        "SELECT c.* FROM insight.model_calibration AS c JOIN insight.models AS m USING (model_month)"
        " WHERE m.model_id = $1 ORDER BY bin_from",
        (shown_model(shown_dashboard),),
    )
    expected = [
        (one.bin_from, one.bin_to, one.predicted_rate, one.won.rate, one.won.low, one.won.high, one.won.n)
        for one in said_of_snapshots(stored)
    ]
    columns = ("said_from", "said_to", "said", "won", "low", "high", "n_deals")
    rows = rows_of(shown_dashboard.browser("rep"), "calibration")
    assert len(rows) == len(expected) > 1
    for row, told in zip(rows, expected, strict=True):
        assert [float(row[name]) for name in columns] == pytest.approx(list(told))
    assert 'href="/model/calibration.csv"' in page_of(shown_dashboard.browser("rep"))


# --- since when, and by whom ---


def test_the_head_says_since_when_the_model_is_shown_and_that_training_chose_it(shown_dashboard) -> None:
    (stored,) = shown_dashboard.warehouse.read(
        "SELECT effective_on, reason FROM insight.model_decisions WHERE role = 'champion'"
    ).to_dict("records")
    page = page_of(shown_dashboard.browser("rep"))
    assert f"shown since {stored['effective_on']:%-d %B %Y}, chosen by the monthly retraining" in page
    assert f"The reason: {stored['reason']}." in page


@pytest.mark.parametrize(
    ("by", "told"), [("person", "by a person"), ("comparison", "by the nightly comparison with its challenger")]
)
def test_a_choice_is_told_that_is_older_than_the_decisions_on_the_page(dashboard, by, told) -> None:
    dashboard.warehouse.execute("DELETE FROM insight.model_decisions")
    shown, first = shown_model(dashboard), date(2024, 2, 3)
    decide(dashboard, first - timedelta(days=9), "training", "another")
    decide(dashboard, first, by, shown, reason="it was wanted")
    decide(dashboard, first + timedelta(days=1), "training", shown, reason="chosen again")
    for n in range(2, 40):
        decide(dashboard, first + timedelta(days=n), "comparison", f"tried-{n}", "challenger")
    decide(dashboard, LAST_DAY + timedelta(days=1), "training", "the next one")
    browser = dashboard.browser("rep")
    page = page_of(browser)
    assert f"shown since 3 February 2024, chosen {told}" in page
    assert "The reason: it was wanted." in page
    assert "it was wanted" not in page.split("What was decided, the latest 20")[1]
    assert len(rows_of(browser, "decisions")) == 42


# --- champion and challenger ---


@pytest.mark.parametrize(
    ("gain", "verdict"),
    [((0.01, 0.002, 0.02), "good\">better"), ((-0.01, -0.02, -0.002), "bad\">worse"), ((0.001, -0.002, 0.005), "plain\">not yet known")],
)  # fmt: skip
def test_a_challenger_is_shown_beside_the_champion_with_the_day_of_the_comparison(dashboard, gain, verdict) -> None:
    compare(dashboard, LAST_DAY, "the newer one", *gain)
    page = page_of(dashboard.browser("rep"))
    assert "the newer one" in page
    assert f"As of {LAST_DAY:%-d %B %Y}, on 250 decided deals" in page
    assert f'<span class="mark {verdict}</span>' in page
    assert ("about 1,300 decided deals would tell" in page) == ("not yet known" in verdict)
    assert "There is no challenger" not in page


def test_without_a_challenger_it_is_said_that_there_is_none(dashboard) -> None:
    dashboard.warehouse.execute("DELETE FROM insight.model_comparison")
    assert "There is no challenger." in page_of(dashboard.browser("rep"))
    compare(dashboard, LAST_DAY, None)
    assert f"There is no challenger as of {LAST_DAY:%-d %B %Y}." in page_of(dashboard.browser("rep"))


# --- the weekly checks ---


def test_a_weekly_check_stands_beside_what_chance_explains(shown_dashboard) -> None:
    stored = shown_dashboard.warehouse.partition("model_checks", LAST_DAY)
    page = page_of(shown_dashboard.browser("rep"))
    assert len(stored)
    for row in stored.itertuples():
        assert f"by chance {row.low:,.0f} to {row.high:,.0f}</span>" in page
    for row in stored.dropna(subset="auc").itertuples():
        assert f'{row.auc:.3f}<span class="remark">{row.auc_low:.3f} to {row.auc_high:.3f}</span>' in page


def test_parts_of_the_company_that_are_as_expected_are_folded_away(dashboard) -> None:
    browser = dashboard.browser("engineer")
    dashboard.warehouse.execute("UPDATE insight.model_checks SET is_alarm = false")
    parts = [row for row in rows_of(browser, "checks") if row["dimension"] != "all deals"]
    assert parts
    shown, _, folded = page_of(browser).split("Does it hold, week by week?")[1].partition("<details>")
    assert f"{len(parts)} parts of the company, all as expected" in folded
    assert "All deals" in shown
    assert not [row for row in parts if f'<td class="main">{row["segment"]}<' in shown]
    assert [row for row in parts if f'<td class="main">{row["segment"]}<' in folded.split("</details>")[0]] == parts


def test_alarms_come_first_and_nothing_is_called_quiet_beside_them(dashboard) -> None:
    browser = dashboard.browser("engineer")
    drifted = dashboard.warehouse.partition("feature_drift", LAST_DAY).sort_values("psi")["feature"].iloc[0]
    dashboard.warehouse.execute("UPDATE insight.feature_drift SET is_alarm = false")
    dashboard.warehouse.execute("UPDATE insight.feature_defaults SET is_alarm = false")
    assert "Nothing has drifted." in page_of(browser)
    for table, what, told in (
        ("feature_drift", drifted, "amounts doubled"),
        ("feature_defaults", "age_days", "a third have none"),
    ):
        dashboard.warehouse.execute(
            f"UPDATE insight.{table} SET is_alarm = true, finding = $1 WHERE feature = $2", (told, what)
        )
        page = page_of(browser)
        alarms = page.split('<ul class="plain alarms">')[1].split("</ul>")[0]
        assert told in alarms
        assert alarms.count("<li>") == alarms.count('<span class="mark bad">look</span>')
        assert "Nothing has drifted" not in page
        rows = rows_of(browser, table.split("_")[1])
        assert rows[0]["finding"] == told, "the alarm is the first row"
        assert rows[-1]["finding"] != told
        dashboard.warehouse.execute(f"UPDATE insight.{table} SET is_alarm = false")


def test_an_alarm_of_the_weekly_check_is_its_first_row(dashboard) -> None:
    browser = dashboard.browser("engineer")
    last = rows_of(browser, "checks")[-1]
    dashboard.warehouse.execute("UPDATE insight.model_checks SET is_alarm = false")
    dashboard.warehouse.execute(
        "UPDATE insight.model_checks SET is_alarm = true WHERE dimension = $1 AND segment = $2 AND weeks = $3",
        (last["dimension"], last["segment"], int(last["weeks"])),
    )
    first = page_of(browser).split("Does it hold, week by week?")[1].split("<tbody>")[1].split("</tr>")[0]
    assert f'<td class="main">{last["segment"]}<' in first
    assert '<span class="mark bad">look</span>' in first


# --- where there is none ---


def test_deals_scored_by_rules_are_called_so(dashboard) -> None:
    dashboard.warehouse.execute("UPDATE insight.scoring_runs SET model_id = 'rules', is_fallback = true")
    browser = dashboard.browser("rep")
    page = page_of(browser)
    assert "deals were scored by rules" in page
    assert "AUC</dt>" not in page
    assert "shown since" not in page
    assert rows_of(browser, "calibration") == []


def test_before_the_first_night_the_page_says_what_to_do(empty_dashboard) -> None:
    browser = empty_dashboard.browser("engineer")
    assert "salesinsight nightly" in page_of(browser)
    assert [rows_of(browser, name) for name in FILES] == [[]] * len(FILES)
    assert browser.get("/model/nothing.csv").status_code == 404


def test_before_the_first_model_and_check_nothing_is_claimed(dashboard) -> None:
    for table in ("models", "model_decisions", "model_comparison", "model_checks", "feature_drift", "feature_defaults"):
        dashboard.warehouse.execute(f"DELETE FROM insight.{table}")
    dashboard.warehouse.execute("UPDATE insight.scoring_runs SET model_id = 'rules', is_fallback = true")
    page = page_of(dashboard.browser("engineer"))
    assert page.count("Not yet known: the first check comes") == 2
    assert "There is no challenger." in page
    assert "What was decided" not in page
    assert "Nothing has drifted" not in page
