"""Reasons: what speaks against and for a deal, in plain words with the number and the norm.

Contributions of features that tell one fact are added up first, so that two halves of a fact are not two reasons. The
direction is the contribution's sign; the words follow the value's side of its norm. A sentence that says nothing (a value
that is usual) or argues for the other side is not told. No reason claims to be a cause.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cache
from string import Formatter
from typing import Any, Literal

import numpy as np
import pandas as pd

from salesinsight_assets.domain.features import CATALOGUE
from salesinsight_assets.domain.features.feature import Feature, in_words
from salesinsight_assets.domain.history.grid import Floats, Ints
from salesinsight_assets.domain.model.examples import is_beyond_experience

Source = Literal["model", "rule"]
Direction = Literal["against", "for"]
_Words = Mapping[str, Sequence[str | None]]
"""What a sentence can name, one text a deal; None where the CRM does not hold it."""
DEAL_WORDS = ("stage_name", "lead_source", "industry", "product", "region", "type")
"""Columns of a deal that sentences name."""
_DERIVED_WORDS = {"amount_change": "amount_now", "days_to_close_date": "days_overdue", "cycle_ratio": "cycle_used"}
"""Words made of a feature: unknown where that feature is."""
MOST_REASONS = 5
LEAST_CONTRIBUTION = 0.05
"""Log-odds below which a fact is not worth a sentence: about one percentage point at most."""
CENT = 0.005
USUAL_WITHIN = 0.1
"""A value that differs from its norm by less than this share of the larger of both is usual, and no news."""


@dataclass(frozen=True)
class Reason:
    """One sentence, the fact it tells, whether it speaks for or against the deal, who says so, and its numbers."""

    text: str
    fact: str
    direction: Direction
    source: Source
    value: float
    norm: float

    def as_json(self) -> dict[str, Any]:
        """The reason as stored."""
        return asdict(self)


@dataclass(frozen=True)
class Usual:
    """What is usual among the open deals of a moment.

    Attributes:
        middles: of each feature the median; of flags the share that has it, of a count that grows with time the rate a week.
        amount: the median amount in the company's currency; NaN where none is known.
    """

    middles: Mapping[str, float]
    amount: float


def usual_of(features: pd.DataFrame, deals: pd.DataFrame) -> Usual:
    """What is usual among open deals, from their features and, of the deals themselves, `company_amount`."""
    values = {feature.name: features[feature.name].to_numpy("float64") for feature in CATALOGUE}
    weeks = 1 + values["age_days"] / 7
    middles: dict[str, float] = {}
    for feature in CATALOGUE:
        column = values[feature.name] / weeks if feature.norm == "at its age" else values[feature.name]
        middles[feature.name] = _middle(column, np.mean if feature.unit == "flag" else np.median)
    amounts = deals["company_amount"].to_numpy("float64")
    return Usual(middles, float(np.nanmedian(amounts)) if not np.isnan(amounts).all() else np.nan)


def reasons(
    contributions: pd.DataFrame,
    features: pd.DataFrame,
    deals: pd.DataFrame,
    source: Source,
    usual: Usual | None = None,
) -> list[list[Reason]]:
    """The reasons of each deal, the weightiest first, at most MOST_REASONS.

    Args:
        contributions: log-odds, one column a feature of the catalogue (not all need be there), one row a deal.
        features: all features of the same rows, and `defaulted_features`: what was not known is never told.
        deals: what sentences name of the deals: DEAL_WORDS, `company_amount` and, in their own currency, `amount`.
        source: who says so.
        usual: what is usual among the open deals; None: among these.
    """
    usual = usual or usual_of(features, deals)
    told = {name: contributions[name].to_numpy("float64") for name in contributions.columns}
    known = [feature for feature in CATALOGUE if feature.name in told]
    facts = sorted({feature.reason for feature in known})
    members = [[feature for feature in known if feature.reason == fact] for fact in facts]
    parts = [np.column_stack([told[feature.name] for feature in of_fact]) for of_fact in members]
    totals = np.column_stack([part.sum(axis=1) for part in parts])
    tellers = [_tellers(of_fact, part) for of_fact, part in zip(members, parts, strict=True)]
    values = {feature.name: features[feature.name].to_numpy("float64") for feature in CATALOGUE}
    norms, words = _norms(values, usual), _words(values, deals, features["defaulted_features"].tolist(), usual)
    return [_of_deal(row, totals[row], tellers, values, norms, words, source) for row in range(len(features))]


def with_beyond_experience(
    found: Sequence[Sequence[Reason]], features: pd.DataFrame, longest_days: float
) -> list[list[Reason]]:
    """The reasons of each deal; first, where it is older than any deal was when it was decided, that nobody can tell."""
    is_beyond = is_beyond_experience(features, longest_days)
    return [
        [_never_decided_so_late(float(age), longest_days), *of_deal] if is_set else list(of_deal)
        for of_deal, is_set, age in zip(found, is_beyond, features["age_days"], strict=True)
    ]


def _never_decided_so_late(age: float, longest: float) -> Reason:
    text = f"Open for {age:.0f} days: no deal was ever decided after more than {longest:.0f}"
    return Reason(text, "beyond experience", "against", "rule", age, longest)


@dataclass(frozen=True)
class _Tellers:
    """The features of a fact, for each deal in the order in which they are asked for a sentence, and how many are."""

    features: Sequence[Feature]
    order: Ints
    count: Ints

    def of(self, row: int) -> Sequence[Feature]:
        """Those that may tell the fact of one deal, the weightiest first."""
        return [self.features[place] for place in self.order[row, : self.count[row]]]


def _tellers(members: list[Feature], values: Floats) -> _Tellers:
    """Features whose contribution has their fact's direction; a product speaks only where neither of its factors does."""
    weight = values * np.sign(values.sum(axis=1, keepdims=True))
    is_product = np.array([feature.family == "interaction" for feature in members])
    plain = np.where(is_product, -np.inf, weight)
    asked = np.where((plain > 0).any(axis=1, keepdims=True), plain, weight)
    return _Tellers(members, np.argsort(-asked, axis=1, kind="stable"), (asked > 0).sum(axis=1))


def _of_deal(
    row: int,
    totals: Floats,
    tellers: Sequence[_Tellers],
    values: Mapping[str, Floats],
    norms: Mapping[str, Floats],
    words: _Words,
    source: Source,
) -> list[Reason]:
    found: list[Reason] = []
    for fact in np.argsort(-np.abs(totals), kind="stable"):
        if len(found) == MOST_REASONS or abs(totals[fact]) < LEAST_CONTRIBUTION:
            break
        direction: Direction = "for" if totals[fact] > 0 else "against"
        for feature in tellers[fact].of(row):
            value, norm = float(values[feature.name][row]), float(norms[feature.name][row])
            text = _sentence(feature, value, norm, direction, row, words)
            if text:
                found.append(Reason(text, feature.reason, direction, source, value, norm))
                break
    return found


def _sentence(feature: Feature, value: float, norm: float, direction: Direction, row: int, words: _Words) -> str | None:
    """The feature's sentence with its numbers.

    None where it names something that the CRM does not hold, says nothing, or would argue for the other side.
    """
    if words[feature.name][row] is None:
        return None
    is_above = value > (0.5 if feature.unit == "flag" else norm)
    if feature.good and (is_above == (feature.good == "above")) != (direction == "for"):
        return None
    if feature.negative and value < 0:
        return _filled(feature.negative, {}, row, words) if direction == "against" else None
    if feature.zero and value == 0:
        return feature.zero
    if _is_usual(feature, value, norm):
        return None
    own = {"norm": in_words(norm, feature.unit), "over": f"{100 * abs(value / norm - 1):.0f}" if norm else "0"}
    return _filled(feature.above if is_above else feature.below, own, row, words)


def _is_usual(feature: Feature, value: float, norm: float) -> bool:
    """Whether a comparison of the two says nothing; a flag is told whatever is usual."""
    if feature.unit == "flag":
        return False
    if feature.unit == "log amount":  # logs differ by little where the amounts differ by much
        return abs(value - norm) < USUAL_WITHIN
    is_near = abs(value - norm) < USUAL_WITHIN * max(abs(value), abs(norm))
    return is_near or value == norm or in_words(value, feature.unit) == in_words(norm, feature.unit)


def _filled(sentence: str, own: Mapping[str, str], row: int, words: _Words) -> str | None:
    """`sentence` with its names replaced, each with its noun for one or more; None where a word is unknown."""
    parts: list[str] = []
    for literal, name, nouns in _parsed(sentence):
        parts.append(literal)
        if name:
            word = own.get(name) or words[name][row]
            if word is None:
                return None
            one, _, more = nouns.partition("|")
            parts.append(word if not nouns else f"{word} {one if word == '1' else more}")
    return "".join(parts)


@cache
def _parsed(sentence: str) -> tuple[tuple[str, str, str], ...]:
    """The pieces of a sentence: text, and the name in braces behind it with its nouns, if any."""
    return tuple((literal, name or "", spec or "") for literal, name, spec, _ in Formatter().parse(sentence))


def _norms(values: Mapping[str, Floats], usual: Usual) -> dict[str, Floats]:
    """What is usual for each feature and deal: its norm feature, 1, or the median (of flags the mean) of the open deals.

    Of a count that grows with time it is their median rate, times this deal's age.
    """
    norms: dict[str, Floats] = {}
    weeks = 1 + values["age_days"] / 7
    for feature in CATALOGUE:
        column = values[feature.name]
        if feature.norm == "one":
            norms[feature.name] = np.ones(len(column))
        elif feature.norm == "at its age":
            norms[feature.name] = usual.middles[feature.name] * weeks
        elif feature.norm:
            norms[feature.name] = values[feature.norm]
        else:
            norms[feature.name] = np.full(len(column), usual.middles[feature.name])
    return norms


def _middle(column: Floats, of: Callable[[Floats], Any]) -> float:
    return float(of(column)) if len(column) else 0.0


def _words(
    values: Mapping[str, Floats], deals: pd.DataFrame, defaulted: Sequence[Sequence[str]], usual: Usual
) -> _Words:
    """Every feature as written for people, and the deal's own words.

    None also for a feature that took its default.
    """
    words: dict[str, list[str | None]] = {
        **{feature.name: [in_words(value, feature.unit) for value in values[feature.name]] for feature in CATALOGUE},
        "amount_now": [in_words(value, "share") for value in np.exp(values["amount_change"])],
        "cycle_used": [in_words(value, "share") for value in values["cycle_ratio"]],
        "days_overdue": [in_words(-value, "days") for value in values["days_to_close_date"]],
    }
    for row, names in enumerate(defaulted):
        for name in names:
            words[name][row] = None
            if name in _DERIVED_WORDS:
                words[_DERIVED_WORDS[name]][row] = None
    amounts = deals["company_amount"].to_numpy("float64")
    is_converted = np.abs(deals["amount"].to_numpy("float64") - amounts) >= CENT
    usual_amount = None if np.isnan(usual.amount) else in_words(usual.amount, "amount")
    return {
        **words,
        **{name: deals[name].astype(object).where(deals[name].notna(), None).tolist() for name in DEAL_WORDS},
        "company_amount": [_company_amount(*found) for found in zip(amounts, is_converted, strict=True)],
        "usual_amount": [usual_amount] * len(amounts),
    }


def _company_amount(value: float, is_converted: bool) -> str | None:
    """An amount to compare with others; said to be converted where the message's head has another currency."""
    if np.isnan(value):
        return None
    return in_words(value, "amount") + (" in the company's currency" if is_converted else "")
