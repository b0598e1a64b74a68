"""A report on its way to its readers: kept by day, written as a page, put into the outbox, shown in Dagster.

What belongs elsewhere: what it says (domain.reports), and sending it (`delivering`).
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import dagster as dg

from salesinsight_assets.metadata import partition_day
from salesinsight_assets.resources import CompanyResource
from salesinsight_assets.sending import note_on_report, withheld_because

if TYPE_CHECKING:
    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.reports.report import Report

Recipients = Mapping[str, Sequence[str]]
"""E-mail addresses by audience."""


def published(
    context: dg.AssetExecutionContext,
    store: "Warehouse",
    company: CompanyResource,
    name: str,
    reports: "Sequence[Report]",
    recipients: Recipients,
    more: Mapping[str, Any] | None = None,
) -> dg.MaterializeResult:
    """Keep and queue the reports of one name, one for each audience.

    The outcome has the first one's words and figures, and `more`.
    """
    from salesinsight_assets.adapters.warehouse.report_store import replace_reports
    from salesinsight_assets.domain.reports.report import report_rows

    day, note = partition_day(context), note_on_report(context, store, company)
    noted = [replace(report, note=note) for report in reports]
    replace_reports(store, day, name, report_rows(noted), company.now())
    pages = _write_pages(noted, company.settings.home / "reports" / day.isoformat())
    return dg.MaterializeResult(
        metadata={
            "dagster/row_count": len(noted),
            **(noted[0].figures if len(noted) == 1 else {}),
            "mails": _mails(context, store, company, name, noted, recipients),
            **_shown(noted, pages),
            **(more or {}),
        }
    )


def published_to_company(
    context: dg.AssetExecutionContext, store: "Warehouse", company: CompanyResource, report: "Report"
) -> dg.MaterializeResult:
    """Keep and queue a report that is one for the whole company."""
    recipients = {report.audience: company.policies.reports.recipients(report.name)}
    return published(context, store, company, report.name, [report], recipients)


def _write_pages(reports: "Sequence[Report]", folder: Path) -> list[Path]:
    """Each report as a page to open."""
    folder.mkdir(parents=True, exist_ok=True)
    pages = [folder / report.file_name for report in reports]
    for page, report in zip(pages, reports, strict=True):
        page.write_text(report.page, encoding="utf-8")
    return pages


def _mails(
    context: dg.AssetExecutionContext,
    store: "Warehouse",
    company: CompanyResource,
    name: str,
    reports: "Sequence[Report]",
    recipients: Recipients,
) -> str:
    """What became of the mails of the reports, in words."""
    import pandas as pd

    from salesinsight_assets.adapters.warehouse.report_store import mail_states, queue_reports
    from salesinsight_assets.domain.reports.report import report_messages
    from salesinsight_assets.domain.reports.words import counted

    if not any(recipients.get(report.audience) for report in reports):
        return f"nobody is written to: set [reports] {name} in salesinsight.toml"
    withheld = withheld_because(context, store, company)
    if withheld:
        return f"nothing queued: {withheld}"
    made = [report_messages(report, recipients.get(report.audience, ()), company.now()) for report in reports]
    queued = queue_reports(store, pd.concat([frame for frame in made if len(frame)], ignore_index=True))
    states = mail_states(store, partition_day(context), name)
    unread = sum(not recipients.get(report.audience) for report in reports)
    without = f"; for {counted(unread, 'report')} the CRM has no e-mail address" if unread else ""
    return f"{queued} queued; now {', '.join(f'{n} {status}' for status, n in states.items())}{without}"


def _shown(reports: "Sequence[Report]", pages: Sequence[Path]) -> dict[str, Any]:
    from salesinsight_assets.domain.reports.pages import as_markdown

    if not reports:
        return {"report": "there is nobody to report to"}
    first = reports[0]
    return {
        "page": dg.MetadataValue.path(str(pages[0])),
        "report": dg.MetadataValue.md(as_markdown(first.title, first.sections, first.pictures)),
    }
