"""New deals: what a rep enters, and the outcome that is drawn in secret from what can be seen of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

import numpy as np
import numpy.typing as npt

from salesinsight_assets.demo.simulation.catalogue import (
    AMOUNT_FACTORS,
    COMPETITOR_SHARE,
    DEAL_WORDS,
    EXISTING_BUSINESS_SHARE,
    INDUSTRIES,
    LEAD_SOURCES,
    PRODUCTS,
)
from salesinsight_assets.demo.simulation.deals import OpenDeals
from salesinsight_assets.demo.simulation.dynamics import BoolArray, FloatArray, amount_log_ratio
from salesinsight_assets.demo.simulation.journal import Strings
from salesinsight_assets.demo.simulation.roster import Accounts, Reps, objects
from salesinsight_assets.demo.simulation.strengths import Strengths

AMOUNT_RANGE = (3_000, 500_000)
_MISSING_LEAD_SOURCE_SHARE = 0.02


@dataclass(frozen=True)
class NewDeals:
    """Deals of one day with the attributes that are entered once."""

    deals: OpenDeals
    names: npt.NDArray[np.object_]
    lead_sources: npt.NDArray[np.object_]
    products: npt.NDArray[np.object_]
    has_competitor: BoolArray
    is_existing_customer: BoolArray


def drawn_deals(
    rng: np.random.Generator, ids: Strings, day: date, reps: Reps, accounts: Accounts, strengths: Strengths
) -> NewDeals:
    """Deals made on `day`, one per Id."""
    count = len(ids)
    account = rng.integers(0, len(accounts.ids), count)
    owner = rng.choice(reps.active, count)
    lead_sources = _drawn(rng, LEAD_SOURCES, count)
    lead_sources[rng.random(count) < _MISSING_LEAD_SOURCE_SHARE] = None
    products = _drawn(rng, PRODUCTS, count)
    corporate_amount = _amounts(rng, products)
    deals = OpenDeals(
        ids=ids,
        account=account,
        owner=owner,
        stage=(rng.random(count) < 0.2).astype(np.int64),
        amount=np.round(corporate_amount * accounts.rates[account], -2),
        close_date=np.datetime64(day, "D") + rng.lognormal(np.log(95), 0.35, count).astype("timedelta64[D]"),
        will_win=np.zeros(count, dtype=bool),
        log_odds=np.zeros(count),
    )
    names = objects(
        f"{account_name} - {rng.choice(DEAL_WORDS[product])}"
        for account_name, product in zip(accounts.names[account], products, strict=True)
    )
    has_competitor, is_existing = rng.random(count) < COMPETITOR_SHARE, rng.random(count) < EXISTING_BUSINESS_SHARE
    new = NewDeals(deals, names, lead_sources, products, has_competitor, is_existing)
    deals.log_odds = log_odds_at_creation(new, reps, accounts, strengths)
    deals.will_win = rng.random(count) < 1 / (1 + np.exp(-deals.log_odds))
    return new


def log_odds_at_creation(new: NewDeals, reps: Reps, accounts: Accounts, strengths: Strengths) -> FloatArray:
    """The true log-odds of winning, from nothing but what the CRM shows on a deal's first day."""
    deals = new.deals
    industries = accounts.industries[deals.account]
    industry_places = {name: place for place, name in enumerate(INDUSTRIES)}
    talents = reps.talents[deals.owner, [industry_places.get(name, 0) for name in industries]]
    effects = (
        talents
        + _effects(strengths.lead_source_effects, new.lead_sources)
        + _effects(strengths.industry_effects, industries)
        + _effects(strengths.product_effects, new.products)
        + strengths.amount_effect * amount_log_ratio(deals.amount / accounts.rates[deals.account])
        + strengths.competitor_effect * (new.has_competitor - COMPETITOR_SHARE)
        + strengths.existing_customer_effect * (new.is_existing_customer - EXISTING_BUSINESS_SHARE)
    )
    return strengths.base_log_odds + strengths.signal * effects


def _effects(effects: Mapping[str, float], values: npt.NDArray[np.object_]) -> FloatArray:
    return np.array([effects.get(value, 0.0) for value in values], dtype=np.float64)


def _amounts(rng: np.random.Generator, products: npt.NDArray[np.object_]) -> FloatArray:
    factors = np.array([AMOUNT_FACTORS[product] for product in products], dtype=np.float64)
    return np.clip(factors * rng.lognormal(np.log(26_000), 0.75, len(products)), *AMOUNT_RANGE)


def _drawn(rng: np.random.Generator, shares: Mapping[str, float], count: int) -> npt.NDArray[np.object_]:
    return rng.choice(np.array(list(shares), dtype=object), count, p=list(shares.values()))
