"""Walks through the command line, from an empty folder."""

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest

pytestmark = pytest.mark.slow


def ok(result: tuple[int, str]) -> str:
    code, output = result
    assert code == 0, output
    return output


def exported(salesinsight, folder: Path, table: str, *options: str) -> pd.DataFrame:
    path = folder / f"exported-{table}.csv"
    ok(salesinsight("export", table, *options, "--to", path))
    return pd.read_csv(path)


@pytest.fixture
def taken_port() -> Iterator[int]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield listener.getsockname()[1]


def test_the_missions_own_data_from_file_to_alerts(salesinsight, work_folder, public_data) -> None:
    ok(salesinsight("import-csv", public_data / "skygeni" / "skygeni_sales_data.csv", "--mapping", "skygeni"))
    night = ("nightly", "--date", "2024-03-01", "--no-send", "--json", work_folder / "night.json")
    ok(salesinsight(*night))
    outcome = json.loads((work_folder / "night.json").read_text())
    assert (outcome["success"], outcome["errors"]) == (True, {})
    weekly = outcome["weekly_checks"]["assets"]  # it was a Friday
    assert weekly["feature_drift"]["verdict"] == "nothing to compare yet: too few weeks or too few deals"
    assert [(name, run["success"]) for name, run in outcome["reports"].items()] == [("model_check", True)]
    scores = exported(salesinsight, work_folder, "opportunity_scores", "--date", "2024-03-01")
    assert len(scores) == 702
    assert scores["opportunity_id"].is_unique
    assert scores["win_probability"].between(0, 1).all()
    assert scores["is_fallback"].all(), "there is no signal in these data: no model may pass the gate"
    alerts = exported(salesinsight, work_folder, "rep_alerts", "--date", "2024-03-01")
    assert alerts[alerts["status"] == "to_send"].groupby("owner_id").size().max() <= 3
    assert len(exported(salesinsight, work_folder, "outbox")) == 0
    ok(salesinsight(*night))
    pd.testing.assert_frame_equal(
        exported(salesinsight, work_folder, "opportunity_scores", "--date", "2024-03-01"), scores
    )


def test_the_missions_own_data_replayed_claims_nothing(salesinsight, work_folder, public_data) -> None:
    ok(salesinsight("import-csv", public_data / "skygeni" / "skygeni_sales_data.csv", "--mapping", "skygeni"))
    report = work_folder / "report.json"
    output = ok(salesinsight("replay", "--from", "2024-05-01", "--to", "2024-05-02", "--report", report))
    plain = json.loads(report.read_text())
    assert [gate["has_passed"] for gate in plain["gates"]] == [False]
    assert "April 2024: not passed, not enough signal to tell deals apart" in output
    assert "Scores by the base rate of each stage, on 2 days\n  not enough signal to tell deals apart" in output
    (judged,) = plain["scores"]
    assert judged["tells_deals_apart"] is False
    assert 0.45 <= judged["evaluation"]["auc"] <= 0.55
    assert f"base rate: {judged['base_rate']:.1%}" in output
    assert plain["alerts"]["lost"]["n"] > 20
    assert "better than picking open deals at random" not in output.replace("no better", "")


def test_the_second_public_data_set_with_all_its_files(salesinsight, work_folder, public_data) -> None:
    files = sorted((public_data / "maven").glob("*.csv"))
    output = ok(salesinsight("import-csv", *files, "--mapping", "maven"))
    assert "left out, as it only describes columns: data_dictionary.csv" in output
    assert "needed for a night" not in output
    said = ok(salesinsight("nightly", "--date", "2017-12-31", "--no-send"))  # a Sunday
    assert "2017-12-31/pipeline_health.html; nobody is written to" in said
    scores = exported(salesinsight, work_folder, "opportunity_scores", "--date", "2017-12-31")
    assert len(scores) == 2089
    assert scores["model_id"].str.startswith("base-rate-2017-12-01-").all(), "no model passes the gate on these data"
    assert scores["win_probability"].between(0.5, 0.8).all()
    assert scores["reasons"].str.contains("no deal was ever decided after more than").any()


def test_an_import_says_what_a_night_still_needs(salesinsight, work_folder, new_database, template_database) -> None:
    stamps = "2024-01-01T00:00:00Z,2024-01-01T00:00:00Z"
    header = "name,owner_id,stage_name,created_date,system_modstamp"
    (work_folder / "opportunities.csv").write_text(f"id,{header}\nd1,One,u1,New,{stamps}\n")
    environment = {"SALESINSIGHT_POSTGRES_URL": new_database(template_database).url}
    output = ok(salesinsight("import-csv", "opportunities.csv", **environment))
    assert "opportunities                1 rows, 1 new, 0 changed" in output
    assert "still needed for a night: rows in opportunity_history, opportunity_stages, users" in output
    assert "`salesinsight import-csv opportunity_history.csv opportunity_stages.csv users.csv`" in output


def test_bad_input_gets_one_line_and_changes_nothing(salesinsight, work_folder, postgres_url, new_database, tables_of,
                                                     night_database, taken_port) -> None:  # fmt: skip
    warehouse = new_database(night_database)
    before = tables_of(warehouse, ())
    (work_folder / "users.csv").write_text("id,name\n1,a\n")
    (work_folder / "bad.toml").write_text("[alerts]\nmax_per_rep_per_day = 'three'\n")
    (work_folder / "flat.toml").write_text("alerts = 3\n")
    (work_folder / "moment.toml").write_text("[partitions]\nfirst_day = 2020-01-01T00:00:00\n")
    nobody = "postgresql://ann:hush@127.0.0.1:1/insight"
    (work_folder / "mapping.toml").write_text(
        "[mappings.mine]\nid = 3\ncreated = 'c'\nclosed = 'd'\nowner = 'o'\noutcome = 's'\n"
    )
    cases: list[tuple[tuple[str, ...], dict[str, str], str]] = [
        (("import-csv", "nothing.csv"), {}, "expected a CSV file, got no such file"),
        (("import-csv", "users.csv"), {}, "users.csv, line 1, column created_date: expected a column of that name"),
        (("import-csv", "users.csv", "--mapping", "hubspot"), {}, "--mapping: expected one of"),
        (("import-csv", "users.csv", "--as-of", "2999-01-01"), {}, "--as-of: expected a day up to"),
        (("import-csv", "users.csv"), {"SALESINSIGHT_CONFIG": "mapping.toml"}, "[mappings.mine] id: expected the name"),
        (("nightly", "--date", "1. March"), {}, "--date: expected a day such as 2024-03-01, got '1. March'"),
        (("nightly", "--date", "2999-01-01"), {}, "expected a day that has ended"),
        (("nightly", "--date", "1999-01-01"), {}, "expected 2016-01-01 or later"),
        (("replay", "--from", "2025-03-02", "--to", "2025-03-01"), {}, "--from: expected a day up to --to, 2025-03-01"),
        (("replay", "--from", "2025-03-01", "--to", "2999-01-01"), {}, "--to: expected a day that has ended"),
        (("export", "deals", "--to", "deals.csv"), {}, "expected one of accounts"),
        (("export", "users", "--to", "users.xlsx"), {}, "expected a file ending in .csv or .parquet"),
        (("export", "users", "--date", "2024-03-01", "--to", "u.csv"), {}, "expected a table with days, got users"),
        (("db", "status"), {"SALESINSIGHT_CONFIG": "bad.toml"}, "[alerts] max_per_rep_per_day: expected a number"),
        (("db", "status"), {"SALESINSIGHT_TIMEZONE": "Mars"}, "SALESINSIGHT_TIMEZONE: expected an IANA name"),
        (("sync",), {}, "expected SALESFORCE_CLIENT_ID"),
        (("nightly", "--json", "nowhere/night.json"), {}, "--json: expected a file that can be written"),
        (("export", "users", "--to", "nowhere/u.csv"), {}, "--to: expected a file that can be written"),
        (("dev", "--port", str(taken_port)), {}, "--port: expected a free port"),
        (("db", "status"), {"SALESINSIGHT_CONFIG": "flat.toml"}, "alerts: expected a table of entries"),
        (("db", "status"), {"SALESINSIGHT_CONFIG": "moment.toml"}, "[partitions] first_day: expected a date"),
        (("db", "status"), {"SALESINSIGHT_HOME": "users.csv"}, "SALESINSIGHT_HOME: expected a folder"),
        (("db", "status"), {"SALESINSIGHT_POSTGRES_URL": nobody}, "SALESINSIGHT_POSTGRES_URL: expected a PostgreSQL"),
    ]
    for arguments, environment, message in cases:
        code, output = salesinsight(*arguments, **{"SALESINSIGHT_POSTGRES_URL": warehouse.url, **environment})
        lines = [line for line in output.splitlines() if line.strip() and not re.fullmatch(r"[\w ]+: \d+ s", line)]
        assert code == 2, (arguments, output)
        assert len(lines) == 1, output
        assert message in lines[0], output
        assert "Traceback" not in output
        assert "hush" not in output
    assert tables_of(warehouse, ()) == before


def test_a_deal_is_scored_by_its_short_id_and_one_that_cannot_be_is_told_why(
    salesinsight, work_folder, new_database, night_database
) -> None:
    warehouse = new_database(night_database)
    deals = warehouse.read(
        "SELECT o.id, o.is_closed, o.is_won, o.created_date FROM crm.opportunities AS o"
        " WHERE valid_to IS NULL AND NOT is_deleted ORDER BY id"
    )
    opened, lost = (
        deals.loc[found, "id"].iloc[0]
        for found in (~deals["is_closed"], deals["is_won"].eq(False) & deals["is_closed"])
    )

    def scored(*arguments: str) -> tuple[int, str]:
        return salesinsight("score", *arguments, SALESINSIGHT_POSTGRES_URL=warehouse.url)

    assert json.loads(ok(scored(opened[:15], "--as-of", "2025-03-31")))["opportunity_id"] == opened
    cases = [
        ((lost, "--as-of", "2025-03-31"), "which was lost since 202"),
        ((opened, "--as-of", "2020-01-01"), "which was not yet created: it is there since 202"),
        (("006000000000000AAA",), "expected the Id of a deal, got '006000000000000AAA'"),
        ((opened, "--as-of", "2999-01-01"), "--as-of: expected a day or moment that has passed, got 2999-01-01"),
    ]
    for arguments, said in cases:
        code, output = scored(*arguments)
        assert (code, len(output.splitlines()), said in output) == (2, 1, True), output


def test_an_export_of_a_day_without_rows_says_which_days_there_are(
    salesinsight, work_folder, new_database, night_database
) -> None:
    url = new_database(night_database).url
    target = work_folder / "out.csv"
    output = ok(
        salesinsight("export", "rep_alerts", "--date", "2020-01-01", "--to", target, SALESINSIGHT_POSTGRES_URL=url)
    )
    assert "0 rows of rep_alerts" in output
    assert "none is of 2020-01-01, there are rows from 2025-03-17 to 2025-03-31" in output
    assert target.read_text().startswith("as_of_date,opportunity_id,")
    ok(salesinsight("export", "models", "--to", target, SALESINSIGHT_POSTGRES_URL=url))
    names = pd.read_csv(target).set_index("kind")["feature_names"]
    assert "age_days" in json.loads(names["lightgbm"])
    assert json.loads(names["base_rate"]) == ["stage_position"]


def test_a_night_in_the_first_month_goes_on_by_the_rules(salesinsight, work_folder, public_data) -> None:
    (work_folder / "salesinsight.toml").write_text("[partitions]\nfirst_day = 2024-03-01\n")
    ok(salesinsight("import-csv", public_data / "skygeni" / "skygeni_sales_data.csv", "--mapping", "skygeni"))
    output = ok(salesinsight("nightly", "--date", "2024-03-02", "--no-send"))
    assert "scored by the rules" in output


def test_the_demo_runs_and_runs_again(salesinsight, work_folder) -> None:
    first = ok(salesinsight("demo", "--days", "1"))
    assert "where to look next" in first
    assert "Salesforce was not read" not in first
    scores = exported(salesinsight, work_folder, "opportunity_scores")
    ok(salesinsight("demo", "--days", "1"))
    pd.testing.assert_frame_equal(exported(salesinsight, work_folder, "opportunity_scores"), scores)
    assert list((work_folder / ".salesinsight" / "messages").rglob("*.txt"))
    assert not (work_folder / ".salesinsight" / "postgres" / "postmaster.pid").exists()


def test_a_database_says_where_it_stands(salesinsight, work_folder) -> None:
    code, output = salesinsight("db", "status")
    assert (code, "run `salesinsight db upgrade`" in output) == (1, True)
    assert "the present one" in ok(salesinsight("db", "upgrade"))
    assert "the present one" in ok(salesinsight("db", "status"))
