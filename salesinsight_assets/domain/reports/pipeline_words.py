"""The words that the parts of Monday's report share."""

from salesinsight_assets.domain.delivery.texts import BY_RULES, money
from salesinsight_assets.domain.reports.forecast import Forecast
from salesinsight_assets.domain.reports.pipeline_health import PipelineHealth
from salesinsight_assets.domain.reports.pipeline_movement import Pipeline
from salesinsight_assets.domain.reports.words import counted, short_money

NOT_YET = "not yet known"


def if_by_rules(found: PipelineHealth) -> str:
    """Behind a sum that the rules gave."""
    return f" ({BY_RULES})" if found.scored_by == "rules" else ""


def amount_with_interval(expected: Forecast, found: PipelineHealth) -> str:
    """With its interval; the rules promise no probability, so there is none of theirs."""
    amount = short_money(expected.expected, found.currency)
    return amount if found.scored_by == "rules" else f"{amount} ({_interval(expected, found)})"


def _interval(expected: Forecast, found: PipelineHealth) -> str:
    low, high = (short_money(bound, found.currency) for bound in (expected.low, expected.high))
    return f"95 % interval {low} to {high}"


def sum_of(pipeline: Pipeline, found: PipelineHealth) -> str:
    """Amount and deals in a sentence."""
    return f"{short_money(pipeline.amount, found.currency)} in {counted(pipeline.deals, 'deal')}"


def total_of(pipeline: Pipeline, found: PipelineHealth) -> str:
    """Amount and deals in a cell."""
    return f"{money(float(pipeline.amount), found.currency)}\n{counted(pipeline.deals, 'deal')}"
