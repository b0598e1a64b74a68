"""How much our model knows of four companies' next months, beside five rivals: one table. Aim: the best Brier score, or within its interval.

Judged by time only: on the first of each of the last six months everybody learns what was known then, and says P(won) of the
deals open on the Sundays of that month. What became of them by the end of the data judges; deals that are undecided by then are
left out, and counted. `BENCH_COMPANIES=skygeni,maven` judges some of the companies only.
"""

import os
from collections.abc import Callable, Iterator
from datetime import date, datetime, timedelta
from pathlib import Path

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # threads that wait must not spin, see domain/conftest.py

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.demo.company import DemoCompany
from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import snapshots
from salesinsight_assets.domain.model.evaluation import Gain, evaluate, paired_gain
from salesinsight_assets.domain.model.examples import (
    is_beyond_experience,
    longest_decided_days,
    outcomes_by,
    training_examples,
)
from salesinsight_assets.domain.model.policy import ExamplePolicy, ModelPolicy
from salesinsight_assets.domain.model.training import train_model
from salesinsight_assets_tests.benchmarks.past_companies import ZONE, PastCompany, made_up_company, public_company
from salesinsight_assets_tests.benchmarks.rivals import NAMES, RIVALS

MONTHS, SUNDAY = 6, 6
LAST_DAY = date(2026, 6, 30)
OURS, SHOWN, BASE, TRUTH = "our model", "what we show", "base rate", "the truth"
BEYOND = "is_beyond_experience"


def _made_up(folder: Path, name: str, signal: float) -> PastCompany:
    with DemoCompany.create(folder / "company.sqlite", LAST_DAY, signal=signal) as company:
        return made_up_company(company, name)


COMPANIES: dict[str, Callable[[Path], PastCompany]] = {
    "skygeni": lambda _: public_company("skygeni", date(2024, 7, 20)),
    "maven": lambda _: public_company("maven", date(2017, 12, 31)),
    "made up": lambda folder: _made_up(folder, "made up", 1.0),
    "no signal": lambda folder: _made_up(folder, "no signal", 0.0),
}
CHOSEN = [name for name in os.environ.get("BENCH_COMPANIES", ",".join(COMPANIES)).split(",") if name]


@pytest.mark.timeout(3600)
def test_our_model_beside_its_rivals(tmp_path: Path) -> None:
    print(f"\n{'':32}{'AUC':>20} {'Brier':>8} {'log loss':>9} {'ECE':>21}  Brier gain over the base rate x 10,000")
    for name in CHOSEN:
        (tmp_path / name).mkdir()
        _print_company(COMPANIES[name](tmp_path / name))


def _print_company(company: PastCompany) -> None:
    months = [_judged_month(company, first) for first in _month_starts(company.end.date())]
    said = pd.concat([found for found, _ in months], ignore_index=True)
    is_decided = said["is_decided"].to_numpy(bool)
    judged = said[is_decided]
    champions = sum(is_champion for _, is_champion in months)
    print(
        f"{company.name}: {len(judged):,} snapshots of {judged['opportunity_id'].nunique():,} deals,"
        f" {len(said) - len(judged):,} undecided ones left out; the gate passed {champions} of {MONTHS} months"
    )
    names = [OURS, SHOWN, BASE, *RIVALS] + ([TRUTH] if TRUTH in judged and judged[TRUTH].notna().all() else [])
    for name in names:
        print(f"  {name:30}{_figures(judged, name)}")
    beyond = said[said[BEYOND]]
    if len(beyond):
        print(
            f"  open for longer than any deal was ever decided at: {len(beyond):,} snapshots of"
            f" {beyond['opportunity_id'].nunique():,} deals, {beyond['is_decided'].mean():.1%} of them decided by the end;"
            f" without a flag our model says {beyond[OURS].mean():.2f} of them"
        )
    best = min([BASE, *RIVALS], key=lambda name: float(((judged[name] - judged["is_won"]) ** 2).mean()))
    for name in (OURS, SHOWN):
        print(f"  {name} against the best rival, {best}: {_gain(_paired(judged, name, best))}")


def _month_starts(last_day: date) -> list[date]:
    """The first days of the last months, ascending."""
    first = last_day.replace(day=1)
    found = [first]
    while len(found) < MONTHS:
        first = (first - timedelta(days=1)).replace(day=1)
        found.append(first)
    return found[::-1]


def _judged_month(company: PastCompany, first: date) -> tuple[pd.DataFrame, bool]:
    """What everybody says of the month from `first` on, having learnt before it, and whether our model passed the gate."""
    trained_at = end_of_day(first - timedelta(days=1), ZONE)
    examples = training_examples(company.history, trained_at, ExamplePolicy(), FeaturePolicy())
    examples = _with_names(company, examples)
    snapshots = _snapshots(company, list(_sundays(first, company.end)))
    trained = train_model(examples, first, ModelPolicy(), FeaturePolicy())
    by_stage = trained.base_rates
    ours = (trained.model or by_stage).win_probability(snapshots)
    shown = ours if trained.passes else by_stage.win_probability(snapshots)
    rivals = {name: fit(examples)(snapshots) for name, fit in RIVALS.items()}
    kept = snapshots[["as_of", "opportunity_id", "is_won", "is_decided", TRUTH]]
    base_rate = _win_rate(company, trained_at)
    beyond = is_beyond_experience(snapshots, longest_decided_days(examples))
    return kept.assign(**{OURS: ours, SHOWN: shown, BASE: base_rate, BEYOND: beyond}, **rivals), trained.passes


def _win_rate(company: PastCompany, known_at: datetime) -> float:
    """The share won of the deals decided in the year before."""
    is_won, decided_at = outcomes_by(company.history, known_at)
    since = np.datetime64((known_at - timedelta(days=365)).replace(tzinfo=None))
    return float(is_won[decided_at >= since].mean())


def _sundays(first: date, end: datetime) -> Iterator[datetime]:
    """The ends of the Sundays of a month."""
    for number in range(31):
        day = first + timedelta(days=number)
        if day.month == first.month and day.weekday() == SUNDAY and end_of_day(day, ZONE) <= end:
            yield end_of_day(day, ZONE)


def _snapshots(company: PastCompany, moments: list[datetime]) -> pd.DataFrame:
    """The deals open at each moment with their features, names and last outcome."""
    rows, features = features_as_of(company.history, Grid(moments), FeaturePolicy())
    is_won, decided_at = outcomes_by(company.history, company.end)
    found = features[["as_of", "opportunity_id", *FEATURE_NAMES]].assign(
        is_won=is_won[rows.opportunity], is_decided=~np.isnat(decided_at[rows.opportunity])
    )
    found[NAMES] = rows.frame[NAMES]
    found[TRUTH] = np.nan if company.truth is None else _truth(company.truth, found)
    return found


def _truth(truth: pd.DataFrame, found: pd.DataFrame) -> np.ndarray:
    of_day = truth.set_index(["opportunity_id", "as_of_date"])["true_win_probability"]
    days = found["as_of"].dt.tz_localize(None).dt.normalize().astype(of_day.index.levels[1].dtype)
    return of_day.reindex(pd.MultiIndex.from_arrays([found["opportunity_id"], days])).to_numpy()


def _with_names(company: PastCompany, examples: pd.DataFrame) -> pd.DataFrame:
    """Examples with the names that their deals had then."""
    moments = [moment.to_pydatetime() for moment in sorted(examples["as_of"].unique())]
    names = snapshots(company.history, Grid(moments)).frame[["as_of", "opportunity_id", *NAMES]]
    return examples.merge(names, on=["as_of", "opportunity_id"], how="left", validate="one_to_one")


def _figures(judged: pd.DataFrame, name: str) -> str:
    found = evaluate(judged["is_won"], judged[name].to_numpy("float64"), judged["opportunity_id"], judged[BASE])
    return (
        f"{found.auc:6.3f} {found.auc_low:.3f}-{found.auc_high:.3f} {found.brier:8.4f} {found.log_loss:9.4f}"
        f" {found.ece:7.3f} {found.ece_low:.3f}-{found.ece_high:.3f}  {_gain(_paired(judged, name, BASE))}"
    )


def _paired(judged: pd.DataFrame, ours: str, theirs: str) -> Gain:
    return paired_gain(judged["is_won"], judged[ours].to_numpy(), judged[theirs].to_numpy(), judged["opportunity_id"])


def _gain(gain: Gain) -> str:
    return f"{gain.mean * 1e4:+.0f} ({gain.low * 1e4:+.0f} to {gain.high * 1e4:+.0f})"
