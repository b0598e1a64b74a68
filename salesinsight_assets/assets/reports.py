"""Stage reports: what people read of many days."""

from datetime import date, timedelta

import dagster as dg

from salesinsight_assets.domain.crm.tables import HISTORY_TABLES
from salesinsight_assets.domain.derived_tables import COACHING_CARDS, REPORTS
from salesinsight_assets.metadata import OWNERS, markdown_table, partition_day, row_metadata, spec
from salesinsight_assets.partitions import DAILY
from salesinsight_assets.reporting import published, published_to_company
from salesinsight_assets.resources import CompanyResource, WarehouseResource


@dg.asset(
    **spec(
        "reports",
        REPORTS,
        "Monday's report to the head of sales: what moved in the pipeline in a week, so that it adds up; what it covers; what of"
        " it is likely to be won by the end of the month and the quarter, with an interval; and the value at risk.",
        {"pandas", "postgres", "email"},
        name="pipeline_health",
    ),
    deps=["open_opportunities", "opportunity_scores", *(table.name for table in HISTORY_TABLES)],
    partitions_def=DAILY,
)
def pipeline_health(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.pipeline_week import pipeline_health_report

    store = warehouse.open()
    return published_to_company(context, store, company, pipeline_health_report(store, company, partition_day(context)))


@dg.asset(
    **spec(
        "reports",
        REPORTS,
        "Wednesday's review of each manager's team: all reps at a glance, the coaching opportunities, and of whom nothing can be"
        " said yet. Each manager gets that of the own team.",
        {"pandas", "postgres", "email"},
        name="rep_performance",
    ),
    deps=["coaching_cards", "users"],
    partitions_def=DAILY,
)
def rep_performance(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.domain.reports.policy import REP_PERFORMANCE
    from salesinsight_assets.team_week import managers_addresses, rep_performance_reports, without_review

    store, day = warehouse.open(), partition_day(context)
    reports, addresses = rep_performance_reports(store, company, day), managers_addresses(store, company)
    return published(context, store, company, REP_PERFORMANCE, reports, addresses, without_review(store, day))


@dg.asset(
    **spec(
        "reports",
        REPORTS,
        "Friday's report of the model: whether any figure of the weekly checks needs a look, in words; what was said of deals"
        " that are decided by now, and what became of them.",
        {"pandas", "postgres", "email"},
        name="model_check",
    ),
    deps=["feature_drift", "feature_defaults", "model_checks", "opportunity_scores"],
    partitions_def=DAILY,
)
def model_check(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.model_week import model_check_report

    store = warehouse.open()
    return published_to_company(context, store, company, model_check_report(store, company, partition_day(context)))


@dg.asset(
    **spec(
        "reports",
        REPORTS,
        "The review of the 15th: each success measure of the product with its target, its n and its interval; of those that"
        " cannot be told yet, how many deals it takes.",
        {"pandas", "postgres", "email"},
        name="business_review",
    ),
    deps=["opportunity_scores", "alert_outcomes", "alert_lift", *(table.name for table in HISTORY_TABLES)],
    partitions_def=DAILY,
)
def business_review(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.model_week import business_review_report

    store = warehouse.open()
    return published_to_company(context, store, company, business_review_report(store, company, partition_day(context)))


REPLAY_COLUMNS = dg.TableSchema(
    columns=[
        dg.TableColumn("from", "date", "The first day that is judged."),
        dg.TableColumn("to", "date", "The last one."),
        dg.TableColumn("known_until", "date", "The day until which the CRM's rows tell of outcomes."),
        dg.TableColumn("gates", "json", "What the gate said of the model of each month."),
        dg.TableColumn("scores", "json", "Of the models' and of the rules' scores: AUC, Brier score, calibration."),
        dg.TableColumn(
            "alerts", "json", "Precision at the cap, days of warning, the amount warned about, and the deals."
        ),
    ]
)
"""What the figures of a replay hold."""


class Days(dg.Config):
    """The days to judge, as YYYY-MM-DD; left out: from the first, or to the last, that was scored."""

    from_day: str = ""
    to_day: str = ""


@dg.asset(
    group_name="reports",
    owners=OWNERS,
    kinds={"pandas", "postgres"},
    description="What the scores and alerts of past days were worth, by what has become of the deals since: AUC, Brier score,"
    " calibration, precision at the cap, days of warning, amount warned about. Backfill the daily assets first, or run"
    " `salesinsight replay`, which prints the same. It is shown here and stored nowhere else.",
    metadata={"dagster/column_schema": REPLAY_COLUMNS},
    deps=["opportunity_scores", "rep_alerts", "win_probability_model", "opportunities", "opportunity_history"],
    check_specs=[
        dg.AssetCheckSpec(
            "can_be_judged",
            asset="replay_report",
            description="Enough of the deals that were scored are decided by now to judge the scores by.",
        )
    ],
)
def replay_report(config: Days, warehouse: WarehouseResource, company: CompanyResource) -> dg.MaterializeResult:
    from salesinsight_assets.domain.reports.pages import as_markdown
    from salesinsight_assets.domain.reports.replay_pages import replay_sections, replay_title
    from salesinsight_assets.past_days import pictures, report_of_days

    store = warehouse.open()
    first, last = _range(config, store.days_of("opportunity_scores"))
    report = report_of_days(store, company.zone, first, last, company.now())
    page = as_markdown(replay_title(report), replay_sections(report), pictures(report))
    return dg.MaterializeResult(
        metadata={
            **report.headline,
            "report": dg.MetadataValue.md(page),
            "figures": dg.MetadataValue.json(report.as_plain()),
        },
        check_results=[
            dg.AssetCheckResult(
                check_name="can_be_judged",
                passed=any(kind.evaluation for kind in report.scores),
                severity=dg.AssetCheckSeverity.WARN,
                metadata={"figures": len(report.headline)},
            )
        ],
    )


def _range(config: Days, scored: tuple[date, date] | None) -> tuple[date, date]:
    """The days asked for, as far as any were scored."""
    if scored is None:
        raise dg.Failure("expected scores of past days, got none; backfill opportunity_scores and rep_alerts first")
    first, last = (_day(text) or day for text, day in zip((config.from_day, config.to_day), scored, strict=True))
    if first > last:
        raise dg.Failure(f"expected from_day up to to_day, got {first} and {last}; exchange them, or correct one")
    return first, last


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise dg.Failure(f"expected a day such as 2024-03-01, got {text!r}; correct it") from error


@dg.asset(
    **spec(
        "reports",
        COACHING_CARDS,
        "What can be said of each rep: win rate against the team's and against what an average rep would have won with the same"
        " deals, trend, strong and weak segments, deals at risk, each with its n and its interval; and whether the manager can"
        " act on it. Nothing on a rep with too few closed deals. Materialize Tuesday for Wednesday's review.",
        {"pandas", "scikitlearn", "postgres"},
    ),
    deps=[
        "opportunity_scores",
        "opportunities",
        "opportunity_history",
        "opportunity_field_history",
        "accounts",
        "users",
    ],
    partitions_def=DAILY,
)
def coaching_cards(
    context: dg.AssetExecutionContext, warehouse: WarehouseResource, company: CompanyResource
) -> dg.MaterializeResult:
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.domain.history.snapshots import opportunity_history
    from salesinsight_assets.domain.reports.coaching_cards import cards_of_day

    store, day, policies = warehouse.open(), partition_day(context), company.policies
    as_of = company.as_of(day)
    history = opportunity_history(store.crm_rows(as_of - timedelta(days=policies.coaching.window_days), as_of))
    scores = store.partition("opportunity_scores", day)
    cards = cards_of_day(history, scores, as_of, policies.coaching, policies.coaching_playbook)
    store.replace_partition(COACHING_CARDS, {"as_of_date": day}, cards)
    told = cards[cards["is_opportunity"].astype(bool)]
    plot = plots.markdown_image(plots.png(plots.adjusted_chart(cards)), "reps beside an average one")
    return dg.MaterializeResult(
        metadata=row_metadata(
            cards.drop(columns=["card", "figures"]),
            opportunities=len(told),
            cards=dg.MetadataValue.md(markdown_table([{"card": text} for text in told["card"]])),
            **({"plot": dg.MetadataValue.md(plot)} if cards["adjusted_difference"].notna().any() else {}),
        )
    )
