"""Great Expectations, run inside PostgreSQL: several times faster there than on a DataFrame, and flat in memory.

The library takes seconds to import, so only `check_rows` does.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from salesinsight_assets.adapters.warehouse.warehouse import sqlalchemy_url
from salesinsight_assets.domain.expectations import Expectation
from salesinsight_assets.settings import export_environment

SHOWN_ROWS = 10


@dataclass(frozen=True)
class ExpectationResult:
    """How one expectation went: `found` says what was there instead, `rows` shows some of the failing rows."""

    expectation: Expectation
    success: bool
    found: str
    rows: list[dict[str, Any]]


def check_rows(url: str, query: str, id_column: str, expectations: Sequence[Expectation]) -> list[ExpectationResult]:
    """Check the rows of `query` (a SELECT) in the database `url`.

    Raises:
        RuntimeError: an expectation that could not be evaluated at all, such as one on a missing column.
    """
    gx = _great_expectations()
    kinds = gx.expectations
    suite = gx.ExpectationSuite(
        name="suite",
        expectations=[
            getattr(kinds, e.kind)(**e.arguments, meta={"check": str(number)}) for number, e in enumerate(expectations)
        ],
    )
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_postgres("warehouse", connection_string=sqlalchemy_url(url))
    batch = source.add_query_asset("rows", query=query).add_batch_definition_whole_table("all").get_batch()
    report = batch.validate(
        suite,
        result_format={
            "result_format": "SUMMARY",
            "unexpected_index_column_names": [id_column],
            "partial_unexpected_count": SHOWN_ROWS,
        },
    )
    by_number = {result.expectation_config.meta["check"]: result for result in report.results}
    return [_result(expectation, by_number[str(number)]) for number, expectation in enumerate(expectations)]


def _great_expectations() -> Any:
    export_environment({"GX_ANALYTICS_ENABLED": "False"})  # before the import, or it reports its use
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it warns of its own dependencies at import
        import great_expectations as gx
    return gx


def _result(expectation: Expectation, outcome: Any) -> ExpectationResult:
    details = outcome.result
    raised = _exceptions(outcome.exception_info or {})
    if raised:
        raise RuntimeError(f"{expectation.name} could not be checked: {'; '.join(raised)}")
    if "unexpected_count" in details:
        found = f"{details['unexpected_count']} of {details['element_count']} rows"
    else:
        found = str(details.get("observed_value"))
    rows = details.get("partial_unexpected_index_list") or []
    return ExpectationResult(expectation, bool(outcome.success), found, [dict(row) for row in rows[:SHOWN_ROWS]])


def _exceptions(info: Mapping[str, Any]) -> list[str]:
    """The messages of what was raised: `info` describes one exception, or one for each metric that was asked for."""
    each: list[Any] = [info] if "raised_exception" in info else list(info.values())
    return [str(one["exception_message"]) for one in each if one["raised_exception"]]
