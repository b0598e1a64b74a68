"""The page of the model: what it says is what the tables hold, also where there is no model."""

import csv
import io

import pytest

pytestmark = pytest.mark.slow


def test_the_page_names_the_model_that_is_shown_with_its_metrics(shown_dashboard) -> None:
    (stored,) = shown_dashboard.warehouse.read(
        "SELECT model_id, (metrics ->> 'auc')::float AS auc, (metrics ->> 'auc_low')::float AS low, metrics ->> 'n_deals' AS n"
        " FROM insight.models WHERE status = 'champion'"
    ).to_dict("records")
    for role in ("rep", "engineer"):
        page = shown_dashboard.browser(role).get("/model").text
        assert f"model {stored['model_id']}, which knew" in page
        assert f"<dd>{stored['auc']:.3f}</dd>" in page
        assert f"95 % interval {stored['low']:.3f} to" in page
        assert f"Measured on {int(stored['n']):,} deals" in page


@pytest.mark.parametrize(
    ("name", "table"), [("checks", "model_checks"), ("drift", "feature_drift"), ("decisions", "model_decisions")]
)
def test_the_files_hold_the_latest_rows(shown_dashboard, name, table) -> None:
    rows = list(csv.DictReader(io.StringIO(shown_dashboard.browser("rep").get(f"/model/{name}.csv").text)))
    day = "" if name == "decisions" else f" WHERE as_of_date = (SELECT max(as_of_date) FROM insight.{table})"
    stored = shown_dashboard.warehouse.read(f"SELECT * FROM insight.{table}{day}")
    assert len(rows) == len(stored) > 0
    shown, told = ("reason", "reason") if name == "decisions" else ("finding", "finding")
    assert {row[shown] for row in rows} == set(stored[told])


def test_alarms_come_first_and_are_marked(dashboard) -> None:
    dashboard.warehouse.execute(
        "UPDATE insight.feature_drift SET is_alarm = true, finding = 'amounts doubled' WHERE feature = 'age_days' AND population = 'open'"
    )
    page = dashboard.browser("engineer").get("/model").text
    assert '<p><span class="mark bad">look</span> amounts doubled</p>' in page


def test_deals_scored_by_rules_are_called_so(dashboard) -> None:
    dashboard.warehouse.execute("UPDATE insight.scoring_runs SET model_id = 'rules', is_fallback = true")
    page = dashboard.browser("rep").get("/model").text
    assert "deals were scored by rules" in page
    assert "AUC</dt>" not in page


def test_before_the_first_night_the_page_says_what_to_do(empty_dashboard) -> None:
    assert "salesinsight nightly" in empty_dashboard.browser("engineer").get("/model").text
    assert empty_dashboard.browser("engineer").get("/model/nothing.csv").status_code == 404
