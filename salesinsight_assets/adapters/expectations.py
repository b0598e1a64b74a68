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
    """How one expectation went: `found` says what was there instead, `rows` shows some of the failing rows.

    `unexpected` is how many rows failed, `observed` the number that was seen; each is None where it does not apply.
    """

    expectation: Expectation
    success: bool
    found: str
    rows: list[dict[str, Any]]
    unexpected: int | None = None
    observed: float | None = None


@dataclass(frozen=True)
class Validation:
    """How the rows of a table did: each expectation's result, how many rows there were, and Great Expectations' own report."""

    results: list[ExpectationResult]
    row_count: int
    report: dict[str, Any]


def check_rows(url: str, query: str, id_column: str, expectations: Sequence[Expectation]) -> list[ExpectationResult]:
    """The results of `validated`."""
    return validated(url, query, id_column, expectations, "rows").results


def validated(url: str, query: str, id_column: str, expectations: Sequence[Expectation], name: str) -> Validation:
    """Check the rows of `query` (a SELECT) in the database `url`; `name` is what the report calls them.

    Raises:
        RuntimeError: an expectation that could not be evaluated at all, such as one on a missing column.
    """
    gx = _great_expectations()
    suite = gx.ExpectationSuite(
        name=name, expectations=[_expectation(gx, e, number) for number, e in enumerate(expectations)]
    )
    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = {"globally": False}
    source = context.data_sources.add_postgres("warehouse", connection_string=sqlalchemy_url(url))
    batch = source.add_query_asset(name, query=query).add_batch_definition_whole_table("all").get_batch()
    report = batch.validate(
        suite,
        result_format={
            "result_format": "SUMMARY",
            "unexpected_index_column_names": [id_column],
            "partial_unexpected_count": SHOWN_ROWS,
        },
    )
    by_number = {result.expectation_config.meta["check"]: result for result in report.results}
    results = [_result(expectation, by_number[str(number)]) for number, expectation in enumerate(expectations)]
    return Validation(results, _row_count(report.results), report.to_json_dict())


def rendered_page(report: Mapping[str, Any]) -> str:
    """Great Expectations' page of a report, as HTML."""
    _great_expectations()
    from great_expectations.core.expectation_validation_result import expectationSuiteValidationResultSchema
    from great_expectations.render.renderer.page_renderer import ValidationResultsPageRenderer
    from great_expectations.render.view.view import DefaultJinjaPageView

    schema: Any = expectationSuiteValidationResultSchema
    renderer: Any = ValidationResultsPageRenderer()
    view: Any = DefaultJinjaPageView()
    return str(view.render(renderer.render(schema.load(dict(report)))))


def _expectation(gx: Any, expectation: Expectation, number: int) -> Any:
    """Great Expectations' object; with a `where`, of the rows alone whose columns have those values."""
    from great_expectations.expectations.row_conditions import Column

    arguments = dict(expectation.arguments)
    for column, value in expectation.where.items():
        arguments["row_condition"] = Column(column) == value
    return getattr(gx.expectations, expectation.kind)(**arguments, meta={"check": str(number)})


def _row_count(results: Any) -> int:
    """How many rows were looked at, by the results that say so."""
    counts = [result.result.get("element_count") for result in results]
    counts += [r.result.get("observed_value") for r in results if "row_count" in r.expectation_config.type]
    return max((int(count) for count in counts if count is not None), default=0)


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
    unexpected, observed = details.get("unexpected_count"), details.get("observed_value")
    return ExpectationResult(
        expectation,
        bool(outcome.success),
        found,
        [dict(row) for row in rows[:SHOWN_ROWS]],
        None if unexpected is None else int(unexpected),
        float(observed) if isinstance(observed, int | float) else None,
    )


def _exceptions(info: Mapping[str, Any]) -> list[str]:
    """The messages of what was raised: `info` describes one exception, or one for each metric that was asked for."""
    each: list[Any] = [info] if "raised_exception" in info else list(info.values())
    return [str(one["exception_message"]) for one in each if one["raised_exception"]]
