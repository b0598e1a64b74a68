"""Reasons: what speaks against and for a deal, in plain words with the number and the norm.

Contributions of features that tell one fact are added up first, so that two halves of a fact are not two reasons. The
direction is the contribution's sign; the words follow the value's side of its norm. No reason claims to be a cause.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from string import Formatter
from typing import Any, Literal

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import CATALOGUE
from salesinsight_assets.domain.features.feature import Feature, in_words
from salesinsight_assets.domain.history.grid import Floats, Ints

Source = Literal["model", "rule"]
DEAL_WORDS = ("stage_name", "lead_source", "industry", "product", "region")
"""Columns of a deal that sentences name."""
_DERIVED_WORDS = {"amount_change": "amount_now", "days_to_close_date": "days_overdue"}
"""Words made of a feature: unknown where that feature is."""
MOST_REASONS = 5
LEAST_CONTRIBUTION = 0.05
"""Log-odds below which a fact is not worth a sentence: about one percentage point at most."""


@dataclass(frozen=True)
class Reason:
    """One sentence, the fact it tells, whether it speaks for or against the deal, who says so, and its numbers."""

    text: str
    fact: str
    direction: Literal["against", "for"]
    source: Source
    value: float
    norm: float

    def as_json(self) -> dict[str, Any]:
        """The reason as stored."""
        return asdict(self)


def reasons(
    contributions: pd.DataFrame, features: pd.DataFrame, deals: pd.DataFrame, source: Source
) -> list[list[Reason]]:
    """The reasons of each deal, the weightiest first, at most MOST_REASONS.

    Args:
        contributions: log-odds, one column a feature of the catalogue (not all need be there), one row a deal.
        features: all features of the same rows, and `defaulted_features`: what was not known is never told.
        deals: what sentences name of the deals: DEAL_WORDS and `company_amount`.
        source: who says so.
    """
    known = [feature for feature in CATALOGUE if feature.name in contributions.columns]
    facts = sorted({feature.reason for feature in known})
    totals = np.column_stack(
        [contributions[[f.name for f in known if f.reason == fact]].sum(axis=1).to_numpy() for fact in facts]
    )
    leads = [_leads(fact, known, contributions) for fact in facts]
    values = {feature.name: features[feature.name].to_numpy("float64") for feature in CATALOGUE}
    norms, words = _norms(values), _words(values, deals, features["defaulted_features"].tolist())
    return [_of_deal(row, totals[row], leads, values, norms, words, source) for row in range(len(features))]


def _leads(fact: str, known: list[Feature], contributions: pd.DataFrame) -> tuple[list[Feature], Ints]:
    """The features of a fact, and for each deal the one that contributes most in the fact's direction."""
    members = [feature for feature in known if feature.reason == fact]
    values = contributions[[feature.name for feature in members]].to_numpy()
    weight = values * np.sign(values.sum(axis=1, keepdims=True))
    is_product = np.array([feature.family == "interaction" for feature in members])
    plain = np.where(is_product, -np.inf, weight)  # a product speaks only where neither of its factors does
    has_plain = plain.max(axis=1, keepdims=True) > 0
    return members, np.argmax(np.where(has_plain, plain, weight), axis=1)


def _of_deal(
    row: int,
    totals: Floats,
    leads: list[tuple[list[Feature], Ints]],
    values: Mapping[str, Floats],
    norms: Mapping[str, Floats],
    words: Mapping[str, Sequence[str | None]],
    source: Source,
) -> list[Reason]:
    found: list[Reason] = []
    for fact in np.argsort(-np.abs(totals), kind="stable"):
        if len(found) == MOST_REASONS or abs(totals[fact]) < LEAST_CONTRIBUTION:
            break
        members, lead = leads[fact]
        feature = members[lead[row]]
        value, norm = float(values[feature.name][row]), float(norms[feature.name][row])
        text = _sentence(feature, value, norm, row, words)
        if text:
            direction: Literal["against", "for"] = "for" if totals[fact] > 0 else "against"
            found.append(Reason(text, feature.reason, direction, source, value, norm))
    return found


def _sentence(
    feature: Feature, value: float, norm: float, row: int, words: Mapping[str, Sequence[str | None]]
) -> str | None:
    """The feature's sentence with its numbers.

    None where it names something that the CRM does not hold, or compares a value with a norm that equals it.
    """
    if words[feature.name][row] is None or (
        value == norm and feature.above != feature.below and feature.unit != "flag"
    ):
        return None
    is_above = value > (0.5 if feature.unit == "flag" else norm)
    template, names = _template(feature.above if is_above else feature.below)
    own = {"norm": in_words(norm, feature.unit), "over": f"{100 * abs(value / norm - 1):.0f}" if norm else "0"}
    texts = {name: own.get(name) or words[name][row] for name in names}
    return None if None in texts.values() else template.format_map(texts)


@cache
def _template(sentence: str) -> tuple[str, tuple[str, ...]]:
    """A sentence and the names in its braces."""
    return sentence, tuple(name for _, name, _, _ in Formatter().parse(sentence) if name)


def _norms(values: Mapping[str, Floats]) -> dict[str, Floats]:
    """What is usual for each feature and deal: its norm feature, 1, or the median (of flags the mean) of the open deals."""
    norms: dict[str, Floats] = {}
    for feature in CATALOGUE:
        column = values[feature.name]
        if feature.norm == "one":
            norms[feature.name] = np.ones(len(column))
        elif feature.norm:
            norms[feature.name] = values[feature.norm]
        else:
            middle = np.mean if feature.unit == "flag" else np.median
            norms[feature.name] = np.full(len(column), middle(column) if len(column) else 0.0)
    return norms


def _words(
    values: Mapping[str, Floats], deals: pd.DataFrame, defaulted: Sequence[Sequence[str]]
) -> dict[str, Sequence[str | None]]:
    """What a sentence can name, one text a deal: every feature as written for people, and the deal's own words.

    None where the CRM does not hold it: a feature that took its default, an amount or a word that is missing.
    """
    words: dict[str, list[str | None]] = {
        **{feature.name: [in_words(value, feature.unit) for value in values[feature.name]] for feature in CATALOGUE},
        "amount_now": [in_words(value, "share") for value in np.exp(values["amount_change"])],
        "days_overdue": [in_words(-value, "days") for value in values["days_to_close_date"]],
    }
    for row, names in enumerate(defaulted):
        for name in names:
            words[name][row] = None
            if name in _DERIVED_WORDS:
                words[_DERIVED_WORDS[name]][row] = None
    amounts = deals["company_amount"].to_numpy("float64")
    usual = in_words(float(np.nanmedian(amounts)), "amount") if not np.isnan(amounts).all() else None
    return {
        **words,
        **{name: deals[name].astype(object).where(deals[name].notna(), None).tolist() for name in DEAL_WORDS},
        "company_amount": [None if np.isnan(value) else in_words(value, "amount") for value in amounts],
        "usual_amount": [usual] * len(amounts),
    }
