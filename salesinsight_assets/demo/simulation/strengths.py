"""How strongly what the CRM shows depends on what will become of a deal, and how fast a deal lives.

Every number of the simulation that shapes the signal stands here; names and shares of the company stand in `catalogue`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field


def _lead_sources() -> dict[str, float]:
    return {"Referral": 0.55, "Partner": 0.25, "Web": 0.0, "Event": -0.05, "Outbound": -0.45, "Purchased List": -0.7}


def _industries() -> dict[str, float]:
    return {
        "SaaS": 0.35,
        "FinTech": 0.2,
        "HealthTech": 0.05,
        "EdTech": -0.15,
        "Manufacturing": -0.1,
        "Retail": -0.35,
    }


def _products() -> dict[str, float]:
    return {"Starter": 0.2, "Professional": 0.05, "Enterprise": -0.2, "Analytics Add-on": 0.15}


@dataclass(frozen=True)
class Strengths:
    """Effects on the log-odds of winning at creation, and tilts of what happens afterwards.

    A tilt is the logarithm of (daily rate if the deal will be won / daily rate if it will be lost). `signal` scales all
    effects and tilts: at 0 nothing the CRM shows has to do with the outcome.
    """

    signal: float = 1.0
    base_log_odds: float = -0.52
    rep_skill_deviation: float = 0.45
    rep_industry_deviation: float = 0.25
    amount_effect: float = -0.22
    competitor_effect: float = -0.5
    existing_customer_effect: float = 0.45
    lead_source_effects: Mapping[str, float] = field(default_factory=_lead_sources)
    industry_effects: Mapping[str, float] = field(default_factory=_industries)
    product_effects: Mapping[str, float] = field(default_factory=_products)

    close_tilts: tuple[float, ...] = (-1.6, -1.4, -1.2, -1.0, 0.45)
    advance_tilt: float = 0.4
    regress_tilt: float = -0.7
    push_tilt: float = -0.5
    task_tilt: float = 0.22
    event_tilt: float = 0.3


@dataclass(frozen=True)
class Pace:
    """Daily rates of an average deal, by stage where there are five numbers. The geometric mean of won and lost."""

    close: tuple[float, ...] = (0.0034, 0.0038, 0.0043, 0.005, 0.035)
    advance: tuple[float, ...] = (0.057, 0.052, 0.047, 0.05, 0.0)
    regress: tuple[float, ...] = (0.0, 0.003, 0.005, 0.006, 0.009)
    tasks: tuple[float, ...] = (0.12, 0.14, 0.16, 0.19, 0.22)
    events: tuple[float, ...] = (0.02, 0.04, 0.05, 0.05, 0.06)
    # A push is rare while the close date is far, likely once it is near or past.
    push_when_far: float = 0.006
    push_when_near: float = 0.2
    near_days: int = 5
    # A deal of ten times the amount lives about a third longer.
    amount_exponent: float = -0.12
    amount_change: float = 0.004
    owner_change: float = 0.0008
    deletion: float = 0.00025
    # Per working day of the whole company.
    departure: float = 0.008
