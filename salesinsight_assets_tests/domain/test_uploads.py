"""CSV uploads: taken whole or refused whole, each refused place by its line and column."""

import re
import tomllib
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from salesinsight_assets.adapters.csv_export import read_csv_file, write_table
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.crm.uploads import (
    NOTHING_STORED,
    DealsMapping,
    Refusal,
    StoredRows,
    UploadRefusedError,
    files_left_out,
    upload_mappings,
    upload_tables,
)
from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import Snapshots, opportunity_history
from salesinsight_assets_tests.domain.happenings import lived, random_events
from salesinsight_assets_tests.domain.worlds import as_read

SHARED = Path(__file__).parents[3] / "shared" / "data"
UTC_ZONE = ZoneInfo("UTC")
NOW = datetime(2025, 6, 30, 12, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
MAPPINGS = upload_mappings({})
with_shared_data = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the public data sets are not at {SHARED}")


def versions_of(upload: Mapping[str, pa.Table]) -> dict[str, pd.DataFrame]:
    """The rows of an upload as the warehouse holds them after a first load."""
    return {
        table.name: as_read(
            table,
            [
                {**row, "valid_from": row["created_date"], "stamped_at": row["system_modstamp"], "is_deleted": False}
                for row in (upload[table.name].to_pylist() if table.name in upload else [])
            ],
        )
        for table in CRM_TABLES
    }


def known(upload: Mapping[str, pa.Table], day: date) -> tuple[Snapshots, pd.DataFrame]:
    history = opportunity_history(versions_of(upload))
    return features_as_of(history, Grid([end_of_day(day, UTC_ZONE)]), FeaturePolicy())


# --- public data sets ---


def skygeni(path: Path = SHARED / "skygeni" / "skygeni_sales_data.csv") -> dict[str, pa.Table]:
    return upload_tables([read_csv_file(path)], "skygeni", MAPPINGS, None, UTC_ZONE, NOW)


@with_shared_data
def test_skygeni_has_702_open_deals_at_the_end_of_march_1st():
    rows, features = known(skygeni(), date(2024, 3, 1))
    assert len(rows) == len(features) == 702
    assert rows.frame["stage_name"].unique().tolist() == ["Open"]
    assert rows.frame["close_date"].isna().all()
    assert features[FEATURE_NAMES].notna().all(axis=None)


@with_shared_data
def test_nothing_of_what_skygeni_knows_later_is_visible_on_open_deals(tmp_path):
    original = pd.read_csv(SHARED / "skygeni" / "skygeni_sales_data.csv", dtype=str)
    is_later = original["closed_date"] > "2024-03-01"
    random = np.random.default_rng(1)
    changed = original.copy()
    n = int(is_later.sum())
    changed.loc[is_later, "closed_date"] = [f"2024-0{m}-28" for m in random.integers(4, 10, n)]
    changed.loc[is_later, "outcome"] = random.choice(["Won", "Lost"], n)
    changed.loc[:, "deal_stage"] = random.choice(["Demo", "Proposal"], len(changed))
    changed.loc[:, "sales_cycle_days"] = random.integers(1, 999, len(changed)).astype(str)
    path = tmp_path / "changed.csv"
    changed.to_csv(path, index=False)
    (deals, features), (deals_after, features_after) = (
        known(upload, date(2024, 3, 1)) for upload in (skygeni(), skygeni(path))
    )
    assert is_later.sum() > 702
    pd.testing.assert_frame_equal(deals.frame, deals_after.frame)
    pd.testing.assert_frame_equal(features, features_after, check_exact=True)


@with_shared_data
def test_maven_has_2089_open_deals_at_the_end_of_the_year():
    files = [read_csv_file(path) for path in sorted((SHARED / "maven").glob("*.csv"))]
    upload = upload_tables(files, "maven", MAPPINGS, date(2017, 12, 31), UTC_ZONE, NOW)
    rows, features = known(upload, date(2017, 12, 31))
    assert len(rows) == len(features) == 2089
    assert set(rows.frame["stage_name"]) == {"Prospecting", "Engaging"}
    assert rows.frame["amount"].notna().all(), "an open deal has its product's price"
    assert rows.frame["region"].notna().all()
    assert len(upload["accounts"]) == 85
    managers = upload["users"].to_pandas()["manager_id"].dropna()
    assert managers.nunique() == 6


# --- a small file of deals ---

HEADER = "deal,created,closed,rep,outcome,amount,final\n"
ROWS = "a,2024-01-01,2024-02-01,Ann,Won,100,90\nb,2024-01-05,,Ann,Open,200,\nc,2024-01-07,2024-03-01,Bob,Lost,300,0\n"
OWN = {
    "own": {"id": "deal", "created": "created", "closed": "closed", "owner": "rep", "outcome": "outcome", "amount": "amount",
            "final_amount": "final"}
}  # fmt: skip
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(text: str, name: str = "deals.csv", encoding: str = "utf-8") -> Path:
        path = tmp_path / name
        path.write_bytes(text.encode(encoding))
        return path

    return written


def upload(path: Path, as_of: date | None = None, zone: ZoneInfo = UTC_ZONE) -> dict[str, pa.Table]:
    return upload_tables([read_csv_file(path)], "own", upload_mappings(OWN), as_of, zone, NOW)


def refusal(path: Path, as_of: date | None = None) -> Refusal:
    with pytest.raises(UploadRefusedError) as refused:
        upload(path, as_of)
    return refused.value.refusals[0]


def test_a_deal_is_open_until_its_closing_day_and_known_with_its_final_amount_from_then_on(write):
    tables = upload(write(HEADER + ROWS))
    history = tables["opportunity_history"].to_pandas().sort_values("created_date")
    assert history[["opportunity_id", "stage_name", "amount"]].to_numpy().tolist() == [
        ["a", "Open", 100.0], ["b", "Open", 200.0], ["c", "Open", 300.0], ["a", "Won", 90.0], ["c", "Lost", 0.0],
    ]  # fmt: skip
    opportunities = tables["opportunities"].to_pandas().set_index("id")
    assert opportunities["is_closed"].tolist() == [True, False, True]
    assert opportunities["is_won"].tolist() == [True, False, False]
    assert opportunities["amount"].tolist() == [90.0, 200.0, 0.0]


def test_days_of_a_file_begin_in_the_companys_time_zone(write):
    tables = upload(write(HEADER + ROWS), zone=BERLIN)
    assert str(tables["opportunities"]["created_date"][0].as_py()) == "2023-12-31 23:00:00+00:00"


@pytest.mark.salesforce(24)
@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        (HEADER.replace("closed,", "") + "a,2024-01-01,Ann,Won,1,1\n", 1, "closed", "a column of that name"),
        (HEADER + ROWS.replace("2024-01-05", "05.01.2024"), 3, "created", "a date such as 2024-03-31"),
        (HEADER + ROWS.replace("200", "two hundred"), 3, "amount", "a number such as 1234.50"),
        (HEADER + ROWS.replace("200", '"1.234,50"'), 3, "amount", "a number such as 1234.50"),
        (HEADER + ROWS.replace("200", "inf"), 3, "amount", "a number such as 1234.50"),
        (HEADER + ROWS.replace("200", "NaN"), 3, "amount", "a number such as 1234.50"),
        (HEADER + ROWS.replace("200", "1234,50"), 3, None, "7 columns as in the header"),
        (HEADER + ROWS + "a,2024-01-09,,Bob,Open,1,\n", 5, "deal", "an Id that occurs once"),
        (HEADER + ROWS + ",2024-01-09,,Bob,Open,1,\n", 5, "deal", "a value"),
        (HEADER + ROWS + "d,2024-01-09,,,Open,1,\n", 5, "rep", "a value"),
        (HEADER + ROWS + "d,2024-01", 5, None, "7 columns as in the header"),
        (HEADER + ROWS + 'd,2024-01-09,,"Bob,Open,1,\n', 5, None, "CSV with closed quotes"),
        (HEADER.replace(",", ";") + ROWS.replace(",", ";"), 1, None, "columns separated by commas"),
        (HEADER + ROWS.replace("2024-01-05", "2024-1-5"), 3, "created", "a date such as 2024-03-31"),
        (HEADER + ROWS.replace("2024-01-05", "2024-02-30"), 3, "created", "a date such as 2024-03-31"),
        (HEADER + ROWS.replace("2024-01-05", "0000-01-05"), 3, "created", "a date such as 2024-03-31"),
        (HEADER + ROWS.replace("200", "2 00"), 3, "amount", "a number such as 1234.50"),
        (HEADER + ROWS.replace("200", "1e999"), 3, "amount", "a number such as 1234.50"),
        (HEADER + "a,,,Ann,Open,1,\nb,,,Ann,Open,2,\n", 2, "created", "the day the deal was created, in one row at least"),
        (HEADER + ",,,,,,\n", 2, "created", "the day the deal was created, in one row at least"),
        (HEADER + ROWS.replace("05,,Ann", "05,2024-01-06,Ann"), 3, "closed", "no closing day, as the deal is open"),
        (HEADER + ROWS.replace("b,", "a ,"), 3, "deal", "an Id without blanks around it"),
        (HEADER + ROWS.replace("a,", "006D000000abCdE,").replace("c,", "006D000000abCdEIAU,"), 4, "deal",
         "an Id that occurs once"),
        ("", 1, None, "a header and at least one row"),
        (HEADER, 1, None, "a header and at least one row"),
        (HEADER + ROWS.replace("Bob", "=HYPERLINK(A1)"), 4, "rep", "text, not a spreadsheet formula"),
        (HEADER + ROWS.replace("Bob", "@SUM(A1)"), 4, "rep", "text, not a spreadsheet formula"),
        (HEADER + ROWS.replace("Lost", "Lots"), 4, "outcome", "one of Won, Lost, Open"),
        (HEADER + ROWS.replace("2024-02-01", "2023-12-31"), 2, "closed", "a day not before the deal was created"),
        (HEADER + ROWS.replace("2024-02-01", ""), 2, "closed", "the day the deal was closed"),
        (HEADER + ROWS.replace("2024-01-07", ""), 4, "created", "the day the deal was created"),
        (HEADER.replace("final", "deal") + ROWS, 1, "deal", "a column name once"),
        (HEADER + ROWS.replace("Ann", '"Ann\nSmith"') + "d,x,,Bob,Open,1,\n", 7, "created", "a date such as 2024-03-31"),
    ],
)  # fmt: skip
def test_a_wrong_place_is_refused_by_its_line_and_column(write, text, line, column, expected):
    found = refusal(write(text))
    assert (found.file, found.line, found.column, found.expected) == ("deals.csv", line, column, expected)


def test_blanks_around_numbers_and_days_are_no_part_of_them(write):
    plain = upload(write(HEADER + ROWS))
    spaced = upload(
        write(HEADER + ROWS.replace("2024-01-05", " 2024-01-05 ").replace("200", "  200 ").replace(",0\n", ", 0\n"))
    )
    assert spaced == plain


@pytest.mark.salesforce(24)
@pytest.mark.parametrize("column", ["created", "closed"])
def test_a_day_that_has_not_come_yet_is_refused(write, column):
    text = HEADER + ROWS.replace("2024-01-07" if column == "created" else "2024-03-01", "2025-07-01")
    found = refusal(write(text))
    assert (found.line, found.column, found.expected) == (4, column, "a day up to 2025-06-30, today")


def test_today_is_the_companys_day(write):
    late_evening = datetime(2024, 3, 31, 23, tzinfo=UTC)
    text = HEADER + ROWS.replace("2024-03-01", "2024-04-01")
    files, mappings = [read_csv_file(write(text))], upload_mappings(OWN)
    assert upload_tables(files, "own", mappings, None, BERLIN, late_evening)
    with pytest.raises(UploadRefusedError, match="a day up to 2024-03-31, today"):
        upload_tables(files, "own", mappings, None, UTC_ZONE, late_evening)


@pytest.mark.parametrize("mapping", [None, "own"])
def test_an_as_of_day_that_has_not_come_yet_is_refused_by_its_option(write, mapping):
    files = [read_csv_file(write(HEADER + ROWS))]
    with pytest.raises(UploadRefusedError) as refused:
        upload_tables(files, mapping, upload_mappings(OWN), date(2025, 7, 1), UTC_ZONE, NOW)
    assert str(refused.value) == (
        "--as-of: expected a day up to 2025-06-30, today, got 2025-07-01; nothing was imported, correct the option"
    )


@pytest.mark.salesforce(24, 33)
def test_salesforces_ids_get_18_characters_and_others_stay_as_they_are(write):
    tables = upload(write(HEADER + ROWS.replace("a,", "006D000000abCdE,").replace("b,", "DEAL00000000123,")))
    assert tables["opportunities"]["id"].to_pylist() == ["006D000000abCdEIAU", "DEAL00000000123", "c"]


@pytest.mark.parametrize("column", ["created", "closed"])
def test_a_day_after_the_as_of_day_is_refused(write, column):
    text = HEADER + ROWS.replace("2024-01-07" if column == "created" else "2024-03-01", "2024-03-02")
    found = refusal(write(text), as_of=date(2024, 3, 1))
    assert (found.line, found.column) == (4, column)
    assert found.expected == "a day up to 2024-03-01, the as-of day"
    assert found.found == "'2024-03-02'"


@pytest.mark.salesforce(24)
def test_a_file_that_is_not_utf_8_is_refused(write):
    found = refusal(write(HEADER + ROWS.replace("Bob", "Zoë"), encoding="cp1252"))
    assert (found.file, found.line, found.column) == ("deals.csv", 4, "rep")
    assert (found.expected, found.found) == ("text in UTF-8", "byte 0xeb")


def test_a_byte_order_mark_blank_lines_and_unknown_columns_are_no_mistakes(write):
    plain = upload(write(HEADER + ROWS))
    text = HEADER.replace("\n", ",note\n") + "\n".join(f"{row},x" for row in ROWS.splitlines()) + "\n\n\n"
    assert upload(write(text, encoding="utf-8-sig"))["opportunities"].equals(plain["opportunities"])


def test_a_refusal_says_what_was_expected_what_came_and_what_to_do(write):
    with pytest.raises(UploadRefusedError) as refused:
        upload(write(HEADER + ROWS.replace("2024-01", "x")))
    assert str(refused.value) == (
        "deals.csv, line 2, column created: expected a date such as 2024-03-31, got 'x-01' (and 2 more places);"
        " nothing was imported, correct the file and import it again"
    )


@pytest.mark.parametrize(("n_wrong", "more"), [(1, ""), (2, " (and 1 more place)"), (30, " (and 29 more places)")])
def test_a_refusal_counts_the_places_beside_the_one_it_names(write, n_wrong, more):
    rows = "".join(f"w{number},2024-01-01,,Ann,Open,x,\n" for number in range(n_wrong))
    with pytest.raises(UploadRefusedError) as refused:
        upload(write(HEADER + rows + ROWS))
    assert f"got 'x'{more}; nothing" in str(refused.value)


def test_a_refusal_is_one_line_whatever_the_file_holds(write):
    with pytest.raises(UploadRefusedError) as refused:
        upload(write('deal,"created\nby"\na,b\n'))
    assert "\n" not in str(refused.value)


def test_an_unknown_mapping_is_refused_with_the_known_ones():
    with pytest.raises(UploadRefusedError) as refused:
        upload_tables([], "nope", MAPPINGS, None, UTC_ZONE, NOW)
    assert str(refused.value) == (
        "--mapping: expected one of maven, skygeni, got nope; nothing was imported,"
        " correct the option, or add the mapping to salesinsight.toml"
    )


LOOKUP = {"column": "rep", "key": "name", "values": {"email": "mail"}}


@pytest.mark.parametrize(
    ("entry", "problem"),
    [
        ({"id": "x"}, "expected entries among id, .* got no created, closed, owner, outcome"),
        ({**OWN["own"], "colour": "red"}, "expected entries among id, .* got unknown colour"),
        ("deals", "expected a table with entries, got 'deals'"),
        ({**OWN["own"], "amount": 3}, r"amount: expected the name of a column, as text, got 3"),
        ({**OWN["own"], "id": ""}, r"id: expected the name of a column, as text, got ''"),
        ({**OWN["own"], "won": True}, r"won: expected a value of the outcome column, as text, got True"),
        ({**OWN["own"], "open_stages": "Open"}, r"open_stages: expected a list of stages such as \["),
        ({**OWN["own"], "open_stages": []}, r"open_stages: expected a list of stages such as \["),
        ({**OWN["own"], "open_stages": ["Open", "Won"]}, "expected won, lost and open_stages to differ"),
        ({**OWN["own"], "lookups": "x"}, "lookups: expected a list of tables"),
        ({**OWN["own"], "lookups": ["x"]}, "lookups: expected a table with entries, got 'x'"),
        ({**OWN["own"], "lookups": [{"key": "name"}]}, "lookups: expected entries among column, .* got no column, values"),
        ({**OWN["own"], "lookups": [{**LOOKUP, "key": 1}]}, "lookups key: expected a column, got 1"),
        ({**OWN["own"], "lookups": [{**LOOKUP, "values": "mail"}]}, "lookups values: expected a table such as"),
        ({**OWN["own"], "lookups": [{**LOOKUP, "values": {"email": 1}}]}, "lookups values: expected a table such as"),
        ({**OWN["own"], "lookups": [{**LOOKUP, "values": {"colour": "c"}}]}, "lookups values: expected one of amount, "),
        ({**OWN["own"], "lookups": [{**LOOKUP, "renamed": ["a"]}]}, "lookups renamed: expected a table such as"),
    ],
)  # fmt: skip
def test_a_mapping_with_a_wrong_entry_is_refused(entry, problem):
    with pytest.raises(ValueError, match=rf"salesinsight.toml, \[mappings.mine\].*{problem}.*; correct it"):
        upload_mappings({"mine": entry})


def test_mappings_that_are_no_tables_are_refused():
    with pytest.raises(ValueError, match=r"salesinsight.toml, mappings: expected tables \[mappings.NAME\], got 3"):
        upload_mappings(3)


def test_the_mapping_in_the_readme_can_be_taken():
    readme = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    example = next(block for block in re.findall(r"```toml\n(.*?)```", readme, re.DOTALL) if "[mappings" in block)
    mine = upload_mappings(tomllib.loads(example)["mappings"])["mine"]
    assert (mine.email, dict(mine.lookups[0].values)) == ("rep_email", {"email": "mail", "manager": "boss"})


def test_a_mapping_lists_the_columns_that_it_reads():
    assert DealsMapping.from_config("own", OWN["own"]).columns == [
        "deal",
        "created",
        "closed",
        "rep",
        "outcome",
        "amount",
        "final",
    ]


# --- further files of deals ---

TEAM = {"own": {**OWN["own"], "lookups": [LOOKUP]}}
MAILS = "name,mail\nAnn,ann@example.com\nBob,bob@example.com\n"


def with_team(*paths: Path, mappings: Mapping[str, object] = TEAM) -> dict[str, pa.Table]:
    return upload_tables([read_csv_file(path) for path in paths], "own", upload_mappings(mappings), None, UTC_ZONE, NOW)


def emails(tables: Mapping[str, pa.Table]) -> dict[str, str | None]:
    return {row["id"]: row["email"] for row in tables["users"].to_pylist()}


def test_a_reps_address_comes_from_a_column_or_from_a_further_file(write):
    deals = write(HEADER + ROWS)
    looked_up = emails(with_team(deals, write(MAILS, "team.csv")))
    assert looked_up == {"Ann": "ann@example.com", "Bob": "bob@example.com"}
    text = HEADER.replace("final", "mail") + ROWS.replace(",90", ",ann@example.com").replace(
        ",0\n", ",bob@example.com\n"
    )
    own = {"own": {**OWN["own"], "email": "mail"}}
    del own["own"]["final_amount"]
    assert emails(with_team(write(text), mappings=own)) == looked_up


def test_without_addresses_none_are_delivered_that_could_overwrite_others(write):
    assert "email" not in upload(write(HEADER + ROWS))["users"].column_names


def test_an_address_that_is_none_and_a_second_one_of_a_rep_are_refused(write):
    deals = write(HEADER + ROWS)
    with pytest.raises(UploadRefusedError, match=r"team.csv, line 3, column mail: expected an e-mail address such as"):
        with_team(deals, write(MAILS.replace("bob@", "bob at "), "team.csv"))
    text = HEADER.replace("final", "mail") + ROWS.replace(",90", ",a@x.org").replace("200,", "200,b@x.org")
    own = {"own": {**OWN["own"], "email": "mail", "final_amount": "amount"}}
    with pytest.raises(
        UploadRefusedError, match=r"line 3, column mail: expected one address for each rep, got 'b@x.org'"
    ):
        with_team(write(text.replace(",0\n", ",\n")), mappings=own)


def test_a_lookup_of_a_column_that_the_deals_lack_is_refused(write):
    mappings = {"own": {**OWN["own"], "lookups": [{**LOOKUP, "column": "seller"}]}}
    with pytest.raises(UploadRefusedError, match=r"deals.csv, line 1, column seller: expected a column of that name"):
        with_team(write(HEADER + ROWS), write(MAILS, "team.csv"), mappings=mappings)


def test_a_file_that_no_lookup_knows_is_refused(write):
    deals, other = write(HEADER + ROWS), write("city,country\nRome,Italy\n", "cities.csv")
    with pytest.raises(
        UploadRefusedError,
        match=r"cities.csv, line 1: expected a file with one of the key columns \(none\), got city, country;"
        " nothing was imported, leave the file out",
    ):
        with_team(deals, other, mappings=OWN)


def test_a_second_file_of_deals_or_of_a_lookup_is_refused(write):
    deals, team = write(HEADER + ROWS), write(MAILS, "team.csv")
    with pytest.raises(
        UploadRefusedError, match=r"more.csv, line 1: expected one file with the columns deal and outcome"
    ):
        with_team(deals, write(HEADER + ROWS, "more.csv"))
    with pytest.raises(UploadRefusedError, match=r"team2.csv, line 1: expected one file with the key column name"):
        with_team(deals, team, write(MAILS, "team2.csv"))


def test_a_file_that_only_describes_columns_is_named_as_left_out(write):
    paths = [write(HEADER + ROWS), write("Table,Field,Description\ndeals,deal,Id\n", "dictionary.csv")]
    files = [read_csv_file(path) for path in paths]
    assert files_left_out(files, upload_mappings(OWN)["own"]) == ["dictionary.csv"]
    assert with_team(*paths)["opportunities"].num_rows == 3


# --- our own format ---


def test_what_is_exported_is_taken_back_value_by_value(tmp_path):
    crm = lived(random_events(3, 150)).rows()
    for table in CRM_TABLES:
        current = crm[table.name][crm[table.name]["valid_to"].isna()].sort_values("id", ignore_index=True)
        exported = current.drop(columns=["valid_from", "valid_to", "stamped_at"]).assign(
            source="csv", synced_at=pd.Timestamp(2025, 1, 1)
        )
        path = tmp_path / f"{table.name}.csv"
        write_table(exported, path)
        if exported.empty:
            continue
        found = upload_tables([read_csv_file(path)], None, {}, None, UTC_ZONE, NOW)[table.name].to_pandas(
            date_as_object=False
        )
        assert list(found.columns) == table.column_names
        same = current[table.column_names].astype(found.dtypes.to_dict())
        pd.testing.assert_frame_equal(found, same, check_exact=True)


A_TIME = "a time with its zone such as 2024-03-31T12:00:00Z"
USERS = "id,name,email,is_active,created_date,system_modstamp\nu1,Ann,a@example.com,true,2024-01-01T00:00:00Z,2024-01-02T00:00:00Z\n"


def own_format(*paths: Path, as_of: date | None = None, stored: StoredRows = NOTHING_STORED) -> dict[str, pa.Table]:
    return upload_tables([read_csv_file(path) for path in paths], None, {}, as_of, UTC_ZONE, NOW, stored)


@pytest.mark.salesforce(24)
@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        (USERS.replace("name,", ""). replace("Ann,", ""), 1, "name", "a column of that name"),
        (USERS.replace("email", "mail"), 1, "mail", "a column of users"),
        (USERS.replace("true", "yes"), 2, "is_active", "true or false"),
        (USERS.replace("true", "1"), 2, "is_active", "true or false"),
        (USERS.replace("2024-01-01T", "01/01/2024 "), 2, "created_date", A_TIME),
        (USERS.replace("2024-01-01T00:00:00Z", "2024-01-01"), 2, "created_date", A_TIME),
        (USERS.replace("2024-01-01T00:00:00Z", "2024-01-01T00:00:00"), 2, "created_date", A_TIME),
        (USERS.replace("2024-01-01T00", "2024-01-01T25"), 2, "created_date", A_TIME),
        (USERS.replace("2024-01-01T00:00:00Z", ""), 2, "created_date", "a value"),
        (USERS.replace("2024-01-01", "2025-07-01"), 2, "created_date", "a time up to 2025-06-30T12:00:00Z, now"),
        (USERS.replace("2024-01-02", "2099-01-01"), 2, "system_modstamp", "a time up to 2025-06-30T12:00:00Z, now"),
        (USERS.replace("Ann", ""), 2, "name", "a value"),
        (USERS.replace("2024-01-02T00:00:00Z", ""), 2, "system_modstamp", "a value"),
        (USERS.replace("Ann", "=1+1"), 2, "name", "text, not a spreadsheet formula"),
        (USERS + USERS.splitlines()[1] + "\n", 3, "id", "an Id that occurs once"),
    ],
)  # fmt: skip
def test_a_wrong_place_of_our_own_format_is_refused(write, text, line, column, expected):
    with pytest.raises(UploadRefusedError) as refused:
        own_format(write(text, "users.csv"))
    found = refused.value.refusals[0]
    assert (found.file, found.line, found.column, found.expected) == ("users.csv", line, column, expected)


@pytest.mark.parametrize("written", ["true", "True", "TRUE"])
def test_booleans_may_be_written_as_spreadsheets_do(write, written):
    assert own_format(write(USERS.replace("true", written), "users.csv"))["users"]["is_active"].to_pylist() == [True]


def test_a_file_named_like_no_table_is_refused(write):
    with pytest.raises(
        UploadRefusedError, match=r"people.csv: expected a file called TABLE.csv with TABLE one of opportunities"
    ):
        own_format(write(USERS, "people.csv"))


def test_a_phone_number_is_no_formula(write):
    assert own_format(write(USERS.replace("Ann", "+49"), "users.csv"))["users"]["name"].to_pylist() == ["+49"]


ACCOUNTS = (
    "id,name,number_of_employees,annual_revenue,created_date,system_modstamp\n"
    "a1,Acme,{employees},{revenue},2024-01-01T00:00:00Z,2024-01-01T00:00:00Z\n"
)


def test_a_fraction_in_a_column_of_whole_numbers_is_refused(write):
    path = write(ACCOUNTS.format(employees="12.5", revenue="1"), "accounts.csv")
    with pytest.raises(
        UploadRefusedError, match=r"line 2, column number_of_employees: expected a whole number such as 42"
    ):
        own_format(path)


def test_blanks_around_a_number_a_flag_or_a_time_are_no_part_of_it(write):
    account = own_format(write(ACCOUNTS.format(employees=" 1200.0 ", revenue="  "), "accounts.csv"))["accounts"]
    assert account["number_of_employees"].to_pylist() == [1200]
    assert account["annual_revenue"].to_pylist() == [None]
    spaced = USERS.replace("true,", " true , ").replace("Ann", " Ann ")
    user = own_format(write(spaced, "users.csv"))["users"].to_pylist()[0]
    assert (user["is_active"], user["created_date"], user["name"]) == (True, datetime(2024, 1, 1, tzinfo=UTC), " Ann ")


def test_a_stamp_after_the_as_of_day_is_refused(write):
    path = write(USERS, "users.csv")
    assert own_format(path, as_of=date(2024, 1, 2))
    with pytest.raises(
        UploadRefusedError, match=r"system_modstamp: expected a time up to the end of 2024-01-01, the as-of"
    ):
        own_format(path, as_of=date(2024, 1, 1))


@pytest.mark.salesforce(24, 33)
def test_the_15_and_the_18_characters_of_an_id_are_one_id(write):
    row = USERS.splitlines()[1].replace("u1", "005D000000abCdE")
    text = USERS.replace("u1", "005D000000abCdEIAU") + row + "\n"
    with pytest.raises(
        UploadRefusedError, match=r"line 3, column id: expected an Id that occurs once, got '005D000000abCdE'"
    ):
        own_format(write(text, "users.csv"))


def test_two_files_for_one_table_are_refused(write, tmp_path):
    (tmp_path / "other").mkdir()
    with pytest.raises(UploadRefusedError, match=r"users.csv: expected one file for users, got two of them"):
        own_format(write(USERS, "users.csv"), write(USERS, "other/users.csv"))


STAGES = "id,master_label,api_name,is_closed,is_won,sort_order\ns1,New,new,false,false,1\ns2,Won,,true,true,2\n"
DEALS = (
    "id,name,owner_id,stage_name,created_date,system_modstamp\n"
    "d1,One,u1,new,2024-01-01T00:00:00Z,2024-01-01T00:00:00Z\n"
    "d2,Two,u1,{stage},2024-01-01T00:00:00Z,2024-01-01T00:00:00Z\n"
)


def deals_in(write: Write, stage: str, stages: str | None = STAGES, stored: StoredRows = NOTHING_STORED) -> int:
    paths = [write(DEALS.format(stage=stage), "opportunities.csv")]
    paths += [write(stages, "opportunity_stages.csv")] if stages else []
    return own_format(*paths, stored=stored)["opportunities"].num_rows


@pytest.mark.salesforce(24, 27)
def test_a_deal_in_a_stage_that_nobody_knows_is_refused(write):
    assert deals_in(write, "Won") == 2, "a first upload brings its stages along"
    with pytest.raises(
        UploadRefusedError,
        match=r"opportunities.csv, line 3, column stage_name: expected one of the stages Won, new, got 'New'",
    ):
        deals_in(write, "New")


def test_stored_stages_and_those_of_stored_deals_are_known_as_well(write):
    stored = StoredRows(stages=frozenset({"new", "Won"}), stages_in_use=frozenset({"Pilot"}))
    assert deals_in(write, "Won", None, stored) == deals_in(write, "Pilot", None, stored) == 2
    with pytest.raises(UploadRefusedError, match=r"expected one of the stages Won, new, got 'Trial'"):
        deals_in(write, "Trial", None, stored)


def test_deals_may_come_before_the_first_stages(write):
    assert deals_in(write, "anything", None) == 2
