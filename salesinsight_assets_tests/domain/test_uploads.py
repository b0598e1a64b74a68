"""CSV uploads: taken whole or refused whole, each refused place by its line and column."""

from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from salesinsight_assets.adapters.csv_export import read_csv_file, write_table
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.crm.uploads import (
    DealsMapping,
    Refusal,
    UploadRefusedError,
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
    return upload_tables([read_csv_file(path)], "skygeni", MAPPINGS, None, UTC_ZONE)


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
    upload = upload_tables(files, "maven", MAPPINGS, date(2017, 12, 31), UTC_ZONE)
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
    return upload_tables([read_csv_file(path)], "own", upload_mappings(OWN), as_of, zone)


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
        (HEADER + ROWS.replace("b,", "a ,"), 3, "deal", "an Id without blanks around it"),
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


@pytest.mark.parametrize("column", ["created", "closed"])
def test_a_day_after_the_as_of_day_is_refused(write, column):
    text = HEADER + ROWS.replace("2024-01-05,", "2024-03-02," if column == "created" else "2024-01-05,2024-03-02")
    found = refusal(write(text), as_of=date(2024, 3, 1))
    assert (found.line, found.column) == (3, column)
    assert found.expected == "a day up to 2024-03-01, the as-of day"
    assert found.found == "'2024-03-02'"


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
    with pytest.raises(UploadRefusedError, match="expected one of maven, skygeni, got nope"):
        upload_tables([], "nope", MAPPINGS, None, UTC_ZONE)


@pytest.mark.parametrize(
    ("entry", "problem"),
    [({"id": "x"}, "no created, closed, owner, outcome"), ({**OWN["own"], "colour": "red"}, "unknown colour")],
)
def test_a_mapping_with_a_wrong_entry_is_refused(entry, problem):
    with pytest.raises(
        ValueError, match=rf"\[mappings.mine\]: expected entries among id, .* got {problem}; correct it"
    ):
        upload_mappings({"mine": entry})


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


def test_a_file_that_no_lookup_knows_is_refused(write):
    deals, other = write(HEADER + ROWS), write("city,country\nRome,Italy\n", "cities.csv")
    with pytest.raises(
        UploadRefusedError, match=r"cities.csv, line 1: expected a file with one of the key columns \(none\)"
    ):
        upload_tables([read_csv_file(deals), read_csv_file(other)], "own", upload_mappings(OWN), None, UTC_ZONE)


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
        found = upload_tables([read_csv_file(path)], None, {}, None, UTC_ZONE)[table.name].to_pandas(
            date_as_object=False
        )
        assert list(found.columns) == table.column_names
        same = current[table.column_names].astype(found.dtypes.to_dict())
        pd.testing.assert_frame_equal(found, same, check_exact=True)


USERS = "id,name,email,is_active,created_date,system_modstamp\nu1,Ann,a@example.com,true,2024-01-01T00:00:00Z,2024-01-02T00:00:00Z\n"


def own_format(path: Path) -> dict[str, pa.Table]:
    return upload_tables([read_csv_file(path)], None, {}, None, UTC_ZONE)


@pytest.mark.parametrize(
    ("text", "line", "column", "expected"),
    [
        (USERS.replace("name,", ""). replace("Ann,", ""), 1, "name", "a column of that name"),
        (USERS.replace("email", "mail"), 1, "mail", "a column of users"),
        (USERS.replace("true", "yes"), 2, "is_active", "true or false"),
        (USERS.replace("2024-01-01T", "01/01/2024 "), 2, "created_date", "a time such as 2024-03-31T12:00:00Z"),
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
