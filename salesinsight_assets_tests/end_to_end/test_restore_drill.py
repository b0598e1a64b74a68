"""The restore drill as docs/operations.md tells it: dump, bring back elsewhere, and every export is the same."""

import json
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SHOWN = "opportunity_scores"
"""The table that the drill exports by the command; all of them are compared in adapters/test_warehouse_dump.py."""


def ok(result: tuple[int, str]) -> str:
    code, output = result
    assert code == 0, output
    return output


def test_a_dump_is_brought_back_elsewhere_by_the_commands(
    salesinsight, work_folder, new_database, night_database
) -> None:
    here = {"SALESINSIGHT_POSTGRES_URL": new_database(night_database).url}
    there = {"SALESINSIGHT_HOME": "elsewhere"}
    ok(salesinsight("db", "dump", "--to", "monday", **here))
    contents = json.loads((work_folder / "monday" / "dump.json").read_text())
    assert contents["files"] == ["salesinsight.dump", "dagster.dump"]
    assert oct((work_folder / "monday").stat().st_mode)[-3:] == "700"
    assert "restored salesinsight and dagster" in ok(salesinsight("db", "restore", "monday", **there))
    assert "the present one" in ok(salesinsight("db", "status", **there))
    before, after = (exported(salesinsight, work_folder, place) for place in (here, there))
    assert before == after
    assert len(before.splitlines()) > 30
    refusals = [
        (("db", "restore", "monday"), "expected databases without rows, got rows in crm.accounts of salesinsight"),
        (
            ("db", "restore", "nowhere"),
            "expected a folder that `salesinsight db dump` made, got nowhere without dump.json",
        ),
        (("db", "dump", "--to", "monday"), "--to: expected a folder that is not there yet, got monday"),
    ]
    for arguments, said in refusals:
        code, output = salesinsight(*arguments, **there)
        assert (code, said in output) == (2, True), output
    (work_folder / "monday" / "dump.json").write_text(json.dumps({**contents, "revision": "9999"}))
    code, output = salesinsight("db", "restore", "monday", **there)
    assert (code, "expected a dump of revision 0" in output) == (2, True), output


def exported(salesinsight, folder: Path, place: dict[str, str]) -> bytes:
    target = folder / "scores.csv"
    ok(salesinsight("export", SHOWN, "--to", target, **place))
    return target.read_bytes()
