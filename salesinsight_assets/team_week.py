"""Wednesday's review of each manager's team: the rows that it is made of, and the manager's own address.

What belongs elsewhere: what it says (domain.reports.rep_performance).
"""

from datetime import date
from typing import TYPE_CHECKING

from salesinsight_assets.domain.reports.policy import REP_PERFORMANCE
from salesinsight_assets.resources import CompanyResource

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.reports.report import Report

_MANAGERS = "SELECT id, name, email FROM crm.users WHERE valid_to IS NULL AND NOT is_deleted AND is_active IS DISTINCT FROM false"


def rep_performance_reports(store: "Warehouse", company: CompanyResource, day: date) -> "list[Report]":
    """One report a manager who is still there, on the reps whose manager that was on the day of the cards."""
    from salesinsight_assets.adapters.warehouse.warehouse import COMPANY_CURRENCY

    cards, names = store.partition("coaching_cards", day), store.read(_MANAGERS).set_index("id")["name"]
    codes = store.read(COMPANY_CURRENCY)["iso_code"].tolist()
    currency = str(codes[0]) if codes else None
    return [
        _of_team(str(manager), str(names[manager]), team.reset_index(drop=True), currency, company, day)
        for manager, team in cards.groupby("manager_id")
        if manager in names.index
    ]


def managers_addresses(store: "Warehouse", company: CompanyResource) -> dict[str, list[str]]:
    """Who gets the review of each manager's team: the manager, where the CRM has an address, and those who get all."""
    emails = store.read(_MANAGERS).set_index("id")["email"]
    everyone = company.policies.reports.recipients(REP_PERFORMANCE)
    own = {str(manager): [str(email)] if isinstance(email, str) and email else [] for manager, email in emails.items()}
    return {manager: list(dict.fromkeys([*address, *everyone])) for manager, address in own.items()}


def without_review(store: "Warehouse", day: date) -> dict[str, int]:
    """How many reps are in no manager's review, by the reason."""
    managers = store.partition("coaching_cards", day)["manager_id"]
    is_here = managers.isin(store.read(_MANAGERS)["id"])
    found = {
        "reps in no review: the CRM names no manager": int(managers.isna().sum()),
        "reps in no review: the manager is no longer active": int((managers.notna() & ~is_here).sum()),
    }
    return {why: n for why, n in found.items() if n}


def _of_team(
    manager_id: str, name: str, team: "pd.DataFrame", currency: str | None, company: CompanyResource, day: date
) -> "Report":
    from salesinsight_assets.adapters import plots
    from salesinsight_assets.domain.reports.pages import PICTURE_SCALE
    from salesinsight_assets.domain.reports.rep_performance import (
        ADJUSTED_PICTURE,
        rep_performance_sections,
        rep_performance_title,
    )
    from salesinsight_assets.domain.reports.report import Report

    sections = rep_performance_sections(team, currency, company.policies.coaching)
    is_drawn = any(section.picture == ADJUSTED_PICTURE for section in sections)
    pictures = {ADJUSTED_PICTURE: plots.png(plots.adjusted_chart(team), PICTURE_SCALE)} if is_drawn else {}
    figures = {"reps": len(team), "opportunities": int(team["is_opportunity"].sum())}
    return Report(REP_PERFORMANCE, rep_performance_title(name, day), manager_id, day, sections, pictures, figures)
