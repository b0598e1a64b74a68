"""The parts of docs/ that are lists of what the code declares; `make docs` writes them, a test compares them."""

import ast
from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path

from salesinsight_assets.domain.crm.tables import CRM_TABLES, Column
from salesinsight_assets.domain.expectations import EXPECTATIONS
from salesinsight_assets.domain.features import CATALOGUE

DOCS = Path(__file__).parents[1] / "docs"


def features_page() -> str:
    lines = [
        "# Features",
        "",
        f"The {len(CATALOGUE)} numbers known about an open deal as of a moment. A value that is unknown takes the default; `norm`",
        "is the feature that holds what is usual for the deal (else the median of the open deals). Features of one *fact* are",
        "told to a rep as one reason; the facts are also the keys of the playbook (see [rules.md](rules.md)).",
    ]
    for family, features in groupby(CATALOGUE, key=lambda feature: feature.family):
        lines += ["", f"## {family}", "", "| feature | unit | what it measures | fact | norm | default |"]
        lines += ["|---|---|---|---|---|---|"]
        for f in features:
            known = {"one": "1", "at its age": "median for each week, times its age", None: "median"}
            norm = known.get(f.norm, f"`{f.norm}`")
            default = "norm" if f.default is None else f"{f.default:g}"
            lines.append(f"| `{f.name}` | {f.unit} | {f.sentence} | {f.reason} | {norm} | {default} |")
    return "\n".join(lines) + "\n"


def checks_page() -> str:
    lines = [
        "# Checks",
        "",
        "What must hold for each table, run by Great Expectations inside PostgreSQL on every materialization. A failed *critical*",
        "expectation is an error and stops what lies downstream, a failed *warning* is shown. Both list the failing rows.",
        "",
        "Beside them: `opportunities: upload_accepted` (a CSV upload is taken whole or refused whole),",
        "`opportunity_scores: every_open_deal_is_scored`, and `rep_alerts: no_rep_gets_more_than_the_cap`.",
        "",
        "As warnings that stop nothing: `usual_volume` of each of Salesforce's objects and `volume_checks: usual_volumes` (as many rows,",
        "deals and alerts as is usual on that weekday), `champion: can_score`, `deliveries: everything_arrived`,",
        "`data_docs: needs_no_network`, and `replay_report: can_be_judged`.",
        "",
        "Each evaluation carries numbers to follow over time: the rows that were looked at and, of each expectation, how many failed it.",
        "Its result is kept under `data_docs` in SALESINSIGHT_HOME; at the end of the night the asset `data_docs` makes Great",
        "Expectations' pages of them, to open as files: `data_docs/index.html`.",
        "",
        "Once a week, and as warnings that stop nothing: `feature_drift: no_drift`, `feature_defaults: no_jump_of_defaults` and",
        "`model_checks: within_band` carry the alarms of the weekly checks (see [rules.md](rules.md)).",
    ]
    for table, expectations in EXPECTATIONS.items():
        lines += ["", f"## {table}", ""]
        lines += [f"- {e.severity}: {e.name}" for e in expectations]
    return "\n".join(lines) + "\n"


SALESFORCE_LINES = {
    1: "Four ways to log in; a wrong secret is one clear line",
    2: "Login URL, port and CA come from settings",
    3: "A rotated refresh token is stored before it is used",
    4: "A session that dies is renewed once",
    5: "A query whose locator died starts again",
    6: "REST pages are followed as given, of any size",
    7: "REST and Bulk give the same rows",
    8: "A short Bulk result is never complete; no job stays",
    9: "Each night asks for what changed",
    10: "A look-back window for late commits",
    11: "Thousands of rows of one stamp",
    12: "The server's clock, never the worker's",
    13: "Rows that change, come and go while they are read",
    14: "Killed at any moment, the next run is whole",
    15: "The first load takes all history",
    16: "Soft deletes, undelete, merged accounts",
    17: "Hard deletes",
    18: "Archived tasks and events",
    19: "A timeout on every call",
    20: "Repeats with backoff and a budget",
    21: "API quota",
    22: "One failing object leaves the others right",
    23: "Stored rows under 24 h old, then a CSV upload, else refused",
    24: "A CSV upload is validated",
    25: "Fields that are hidden, removed or renamed",
    26: "New fields are filled, type changes told",
    27: "Stages by their flags, renamed stages",
    28: "Formula fields",
    29: "Our own write-backs are no activity",
    30: "Any text arrives as it is",
    31: "Currencies and dated rates",
    32: "Time zones",
    33: "Ids of 18 characters, by letter case",
    34: "Compound fields and person accounts",
    35: "Hundreds of custom fields",
    36: "Write-back: batches, refused rows are tried again",
    37: "Write-back: a lost answer leaves the same end state",
    38: "Write-back: only its own fields",
    39: "No secret in a log, a result, the database or an error",
}
"""What a trusted sync does, by the numbers that the tests' `salesforce` markers bear."""
_HOW_A_SYNC_WORKS = """\
# Salesforce

`salesinsight sync`, or the job `crm_sync`, makes the tables of the schema `crm` equal to the company's Salesforce as of the
moment at which it began. When something goes wrong, a table is either whole or its object is named as stale, and the next
ordinary run makes it whole.

## Logging in

`SALESFORCE_LOGIN_URL` is where the token is asked for, with its port; `SALESFORCE_CA_BUNDLE` is trusted in place of the
machine's authorities. `SALESFORCE_AUTH` is one of

- `client_credentials` (default): `SALESFORCE_CLIENT_ID`, `SALESFORCE_CLIENT_SECRET`
- `jwt`: `SALESFORCE_CLIENT_ID`, `SALESFORCE_USERNAME`, `SALESFORCE_PRIVATE_KEY_FILE`; dated by the server's clock
- `refresh_token`: `SALESFORCE_CLIENT_ID`, `SALESFORCE_REFRESH_TOKEN`, the secret where the app wants one; a token that
  Salesforce changes is kept in `SALESINSIGHT_HOME`, readable by its owner only
- `password` (legacy, Salesforce ends it): also `SALESFORCE_USERNAME`, `SALESFORCE_PASSWORD`, `SALESFORCE_SECURITY_TOKEN`

A session that dies is renewed once; a login that is refused is not tried again.

## What is read, and how

- Before each read, describe() tells the fields. A column whose field is hidden, gone, renamed or of a type that does not
  fit keeps its stored values and is listed in `missing_columns`; without a required one the object fails by its name. A column
  that can be filled again is filled in all rows.
- Rows with `stamp >= cursor - SALESFORCE_LOOKBACK_SECONDS` are read and stored by Id. The cursor is the server's time at the
  beginning of the sync. Objects without a stamp below are read in full.
- From `SALESFORCE_BULK_THRESHOLD` rows on, and where a query is too long for an address, Bulk API 2.0 is used, else REST with
  pages of `SALESFORCE_PAGE_SIZE`; where an org has no Bulk, REST. The rows are counted against what was announced.
- Rows, deletions and the cursor are stored in one transaction. A large read is stored in parts of `rows_at_once` rows, in the
  order of their stamps; an interrupted one goes on after the last part.
- Deleted: rows in the recycle bin by queryAll, rows deleted for good by getDeleted. Where as many rows are stored as the CRM
  counts, that is all. Where not, where getDeleted cannot tell, and every `days_between_comparisons`, all Ids, stamps,
  formulas and picklists are compared with the CRM's: what differs is read, what is missing is marked as deleted, unless more than
  `most_missing_share` of the rows are missing, which is taken for a lost right.

A change that leaves no stamp, as of a formula or by a renamed picklist value, or that was committed later than the look-back, is therefore seen after
`days_between_comparisons` at the latest. A value that changes without a stamp in any other field is not seen.

## When Salesforce does not answer

Lost connections, timeouts (`SALESFORCE_TIMEOUT_SECONDS`), 429, 5xx and row locks are repeated, with growing waits, as
Retry-After says, for `SALESFORCE_RETRY_BUDGET_SECONDS` in all. At `SALESFORCE_API_SHARE` of the org's API calls the sync
stops: the objects that are not done are `incomplete` and go on next time. An object that fails leaves the others alone. For
a stale object the night uses the stored rows while they are under 24 hours old, and says so on the asset and above every
message; older ones fail the run until the access is repaired or a CSV file is imported. A failed run is told to the data
engineer in `SLACK_OPS_CHANNEL`.

## The result

Each object has a result, which is shown on its asset and as JSON by `salesinsight sync --json`: `status` (complete, incomplete,
failed, skipped), rows read, inserted, updated, deleted and refilled, `crm_rows` beside `stored_rows`, `cursor_before` and
`cursor_after`, `missing_columns`, `new_columns`, `type_changes`, `is_compared`, `retries`, `api_calls`, `seconds`,
`age_seconds`, `error`.

## From object to table, from field to column

A column has its field's name in snake case. Another object or field is named in `salesinsight.toml`, such as
`[crm.competitors]` with `object = "Competitor__c"` and `fields = {competitor_name = "Name"}`. Fields in **bold** are required."""


def salesforce_page() -> str:
    lines = [_HOW_A_SYNC_WORKS, "", "| table | object | changes are found by | fields |", "|---|---|---|---|"]
    for table in CRM_TABLES:
        name = f"{table.salesforce_object}{' (optional)' if table.is_optional else ''}"
        fields = ", ".join(_field_name(column) for column in table.columns)
        lines.append(f"| `{table.name}` | {name} | {table.cursor_field or 'read in full'} | {fields} |")
    lines += [
        "",
        "## What holds, and the tests that show it",
        "",
        "| | what a trusted sync does | tests |",
        "|---|---|---|",
    ]
    proofs = salesforce_proofs()
    for number, promise in SALESFORCE_LINES.items():
        tests = "<br>".join(f"`{name}`" for name in proofs.get(number, ())) or "none yet"
        lines.append(f"| {number} | {promise} | {tests} |")
    return "\n".join(lines) + "\n"


def _field_name(column: Column) -> str:
    return f"**{column.field}**" if column.is_required else column.field


def salesforce_proofs() -> dict[int, list[str]]:
    """The names of the tests that bear a line's number in their `salesforce` marker, in the order of files and lines."""
    found: dict[int, list[str]] = {}
    for path in sorted(Path(__file__).parent.rglob("test_*.py")):
        for number, name in _marked(ast.parse(path.read_text(encoding="utf-8"))):
            found.setdefault(number, []).append(name)
    return found


def _marked(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in module.body:
        for mark in node.decorator_list if isinstance(node, ast.FunctionDef) else ():
            if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.salesforce":
                yield from ((ast.literal_eval(number), node.name) for number in mark.args)


PAGES: dict[str, Callable[[], str]] = {
    "features.md": features_page,
    "checks.md": checks_page,
    "salesforce.md": salesforce_page,
}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (DOCS / name).write_text(page(), encoding="utf-8")
