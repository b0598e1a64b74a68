"""Volumes against what is usual: what is found and on which day, what is no alarm, and how often chance raises one."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.monitoring.bands import CHANCE, count_band, level_band, share_band
from salesinsight_assets.domain.monitoring.volume import OWNER, PIPELINE, SOURCE, list_finding, volume_checks
from salesinsight_assets.domain.monitoring.volume_policy import VolumePolicy

DAY = date(2026, 11, 27)
POLICY = VolumePolicy()
DAYS = pd.DatetimeIndex(POLICY.days(DAY))
WORK_DAYS = (DAYS.day_of_week < 5).astype(float)


def usual_rows(mean: float, seed: int = 1) -> np.ndarray:
    """Rows a day by chance, none at weekends, over all days that are looked at."""
    return np.random.default_rng(seed).poisson(mean * WORK_DAYS).astype(float)


def series(
    values: np.ndarray, kind: str = SOURCE, subject: str = "tasks", measure: str = "rows created"
) -> pd.DataFrame:
    return pd.DataFrame({"kind": kind, "subject": subject, "measure": measure, "day": DAYS, "value": values})


def checked(*parts: pd.DataFrame, policy: VolumePolicy = POLICY) -> pd.DataFrame:
    return volume_checks(pd.concat(parts), DAY, policy).set_index(["subject", "measure", "days"])


def first_found(mean: float, share: float) -> int | None:
    """On which work day a table is found that has brought only a share of its rows since Monday; of the median of ten tries."""
    found = []
    for seed in range(10):
        values = usual_rows(mean, seed)
        for n in range(1, 6):  # DAY is a Friday: the n-th work day is judged with the days before it
            cut = values.copy()
            cut[-n:] = np.floor(cut[-n:] * share)
            if checked(series(cut))["is_alarm"].any():
                found.append(n)
                break
        else:
            found.append(9)
    median = float(np.median(found))
    return None if median > 5 else round(median)


def test_what_is_usual_raises_no_alarm_and_says_where_it_lies():
    rows = checked(series(usual_rows(160)))
    assert not rows["is_alarm"].any()
    row = rows.loc[("tasks", "rows created", 1)]
    assert row["low"] < 160 * 0.85 < row["usual"] < 160 * 1.15 < row["high"]
    assert "usual" in row["finding"]


@pytest.mark.parametrize(
    ("mean", "share", "day"), [(160, 0, 1), (160, 0.5, 1), (40, 0, 1), (40, 0.5, 3), (10, 0, 2), (3, 0, 4)]
)
def test_a_table_that_is_cut_off_is_found_within_the_week_the_larger_the_sooner(mean, share, day):
    assert first_found(mean, share) == day


def test_twice_the_rows_of_a_day_are_an_alarm_and_half_as_many_more_are_not():
    values = usual_rows(160)
    for times, is_alarm in ((1.5, False), (2.2, True)):
        more = values.copy()
        more[-1] = 160 * times
        assert checked(series(more)).loc[("tasks", "rows created", 1), "is_alarm"] == is_alarm


def test_a_table_that_is_small_raises_no_alarm_over_a_few_rows():
    values = np.zeros(len(DAYS))
    values[-1] = POLICY.least_rows - 1
    assert not checked(series(values, subject="accounts"))["is_alarm"].any()


def test_an_empty_weekend_is_as_usual_and_a_holiday_is_neither_judged_nor_compared_with():
    values = usual_rows(160)
    values[-1] = 0
    assert checked(series(values))["is_alarm"].any()
    off = VolumePolicy(holidays=("11-27", "2026-11-20"))
    rows = checked(series(values), policy=off)
    assert not rows["is_alarm"].any()
    assert rows.loc[("tasks", "rows created", 1), "finding"].startswith("not yet known: the day is a holiday")
    sunday = DAY + timedelta(days=2)
    quiet = series(values[: len(DAYS)]).assign(
        day=pd.DatetimeIndex(POLICY.days(sunday)), value=np.roll(usual_rows(160), -2)
    )
    assert not volume_checks(quiet, sunday, POLICY)["is_alarm"].any()


@pytest.mark.parametrize("holiday", ["Christmas", "2026-13-01", "25-12", "12-32"])
def test_a_holiday_has_to_be_a_day(holiday):
    with pytest.raises(ValueError, match="expected days such as 2026-12-28 or 12-25"):
        VolumePolicy(holidays=(holiday,))


def test_a_few_bad_days_among_the_weeks_before_move_nothing():
    values = usual_rows(160)
    values[[-8, -22]] = 0
    cut = values.copy()
    cut[-1] = 0
    assert not checked(series(values))["is_alarm"].any()
    assert checked(series(cut)).loc[("tasks", "rows created", 1), "is_alarm"]


def test_a_company_that_grows_raises_no_alarm_and_its_growth_is_expected():
    growth = 1.04 ** (np.arange(len(DAYS)) / 7)
    values = np.random.default_rng(5).poisson(200 * growth * WORK_DAYS).astype(float)
    rows = checked(series(values))
    assert not rows["is_alarm"].any()
    assert rows.loc[("tasks", "rows created", 7), "usual"] == pytest.approx(1000 * 1.04**12.5, rel=0.06)


@pytest.mark.parametrize(("weeks", "is_known"), [(3, False), (4, True)])
def test_below_four_weeks_nothing_is_known_and_it_says_so(weeks, is_known):
    values = usual_rows(160)
    values[: -7 * (weeks + 1)] = np.nan
    row = checked(series(values)).loc[("tasks", "rows created", 1)]
    assert pd.notna(row["p_value"]) == is_known
    assert row["finding"].startswith("not yet known") != is_known


def test_a_day_that_was_not_read_to_its_end_is_not_judged():
    values = usual_rows(160)
    values[-1] = np.nan
    rows = checked(series(values))
    assert not rows["is_alarm"].any()
    assert pd.isna(rows.loc[("tasks", "rows created", 1), "p_value"])


def test_open_deals_may_grow_slowly_but_not_lose_a_quarter_in_a_week():
    walk = 1000 + np.random.default_rng(2).normal(0, 5, len(DAYS)).cumsum()
    for share, is_alarm in ((1.0, False), (0.8, False), (0.72, True), (0.5, True)):
        values = np.append(walk[:-1], walk[-2] * share)
        rows = checked(series(values, PIPELINE, "all deals", "open deals"))
        assert rows["is_alarm"].tolist() == [is_alarm], share


def test_scores_by_the_rules_are_an_alarm_where_the_model_used_to_score():
    share = np.zeros(len(DAYS))
    assert not checked(series(share, PIPELINE, "all deals", "fallback share"))["is_alarm"].any()
    share[-1] = 1.0
    row = checked(series(share, PIPELINE, "all deals", "fallback share")).iloc[0]
    assert row["is_alarm"]
    assert row["finding"].startswith("100.0%, usual 0.0%")
    always = np.ones(len(DAYS))
    assert not checked(series(always, PIPELINE, "all deals", "fallback share"))["is_alarm"].any()


def of_owner(owner: str, activities: np.ndarray, work: np.ndarray) -> list[pd.DataFrame]:
    return [series(activities, OWNER, owner, "activities"), series(work, OWNER, owner, "work on deals")]


def test_an_owner_without_activities_who_still_works_is_an_alarm_and_one_who_is_away_is_not():
    activities, work = usual_rows(8, 3), usual_rows(4, 4)
    silent, away = activities.copy(), work.copy()
    silent[-7:] = away[-7:] = 0
    rows = checked(
        *of_owner("broken", silent, work), *of_owner("away", silent, away), *of_owner("well", activities, work)
    )
    assert rows["is_alarm"].to_dict() == {
        ("away", "activities", 7): False,
        ("broken", "activities", 7): True,
        ("well", "activities", 7): False,
    }
    assert rows["finding"]["broken"].iloc[0].endswith("still at work")
    assert rows["finding"]["away"].iloc[0].endswith("no work on deals either: away")


def test_an_owner_with_few_activities_is_not_judged():
    rows = checked(*of_owner("rare", np.zeros(len(DAYS)), usual_rows(4)))
    assert rows["finding"].iloc[0].endswith("too few to judge")


def test_a_list_that_loses_much_of_its_entries_is_told():
    assert list_finding(5, 7, POLICY) is None
    assert list_finding(0, 0, POLICY) is None
    assert list_finding(4, 7, POLICY) == "4 entries, a week ago 7"


def test_without_any_figure_there_are_no_rows():
    empty = pd.DataFrame({"kind": [], "subject": [], "measure": [], "day": pd.to_datetime([]), "value": []})
    assert volume_checks(empty, DAY, POLICY).empty


def test_chance_leaves_a_band_as_rarely_as_it_says():
    rng = np.random.default_rng(8)
    left = dict.fromkeys(("count", "week", "level", "share"), 0)
    tries = 400
    for _ in range(tries):
        counts = rng.poisson(30, (13, 7)).astype(float)
        walk = (1000 + rng.normal(0, 4, 91).cumsum()).reshape(13, 7)
        bands = {
            "count": (count_band(counts, 1, 4), counts[-1, -1]),
            "week": (count_band(counts, 7, 4), counts[-1].sum()),
            "level": (level_band(walk, 4), walk[-1, -1]),
            "share": (share_band(rng.binomial(500, 0.05, (13, 7)) / 500, 4), None),
        }
        for name, (band, value) in bands.items():
            assert band is not None
            left[name] += value is not None and not band.low <= value <= band.high
            left[name] += band.p_value < CHANCE / 10
    assert max(left.values()) <= 3, left
