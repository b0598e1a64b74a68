"""Friday's report: it says first whether anything needs a look, and what was said beside what became."""

from datetime import date

import pandas as pd
import pytest

from salesinsight_assets.domain.reports.model_check import ModelCheck, model_check
from salesinsight_assets.domain.reports.model_check_pages import model_check_sections, model_check_title
from salesinsight_assets.domain.reports.pages import as_text
from salesinsight_assets.domain.reports.said import said_and_happened, said_sentence

DAY = date(2024, 3, 15)
CHECK = {
    "weeks": 12, "dimension": "all deals", "segment": "all deals", "n_deals": 144, "expected_wins": 57.7, "actual_wins": 45,
    "low": 41.0, "high": 75.0, "auc": 0.83, "auc_low": 0.72, "auc_high": 0.93, "is_alarm": False, "finding": "45 of 144",
}  # fmt: skip
WEB = {
    **CHECK,
    "weeks": 2,
    "dimension": "lead_source",
    "segment": "Web",
    "is_alarm": True,
    "finding": "1 of 30 were won",
}
DRIFT = {"feature": "age_days", "population": "new", "is_alarm": True, "finding": "median 90, usual 40"}
DEFAULT = {"feature": "log_amount", "is_alarm": False, "finding": "0% of the open deals"}
JUDGED = pd.DataFrame({"win_probability": [0.34] * 87 + [1.0], "is_won": [True] * 27 + [False] * 60 + [True]})
NONE = pd.DataFrame(columns=["weeks", "dimension", "segment", "feature", "is_alarm", "finding"])


def check(checks=(CHECK,), drift=(DRIFT,), judged=JUDGED, model_id="win-1", is_base_rate=False) -> ModelCheck:
    frames = [pd.DataFrame(list(rows)) if rows else NONE for rows in (checks, drift, (DEFAULT,) if drift else ())]
    return model_check(DAY, *frames, judged, model_id, is_base_rate=is_base_rate)


def words(found: ModelCheck) -> str:
    return as_text(model_check_title(found), model_check_sections(found))


def test_an_alarm_comes_first_and_says_what_was_found():
    found = check(checks=(CHECK, WEB))
    said = words(found)
    assert "2 figures need a look: 4 figures were compared." in said
    assert "lead source Web, last 2 weeks: 1 of 30 were won" in said
    assert "age days, new deals: median 90, usual 40" in said
    assert "A training on all that is known by now is asked for." in said
    assert "Features that could not be computed" not in said
    assert (found.alarms, found.headline["alarms"]) == (2, 2)


def test_a_quiet_week_says_that_nothing_needs_a_look():
    said = words(check(drift=({**DRIFT, "is_alarm": False},)))
    assert "Nothing needs a look: 3 figures were compared." in said
    assert "is asked for" not in said
    assert "0 of 1 features, scores and categories differ" in said


def test_what_was_expected_stands_beside_what_was_won():
    said = words(check())
    assert "45 were won; 58 were expected, by chance 41 to 75: that is within chance." in said
    assert "in 83% of the cases (AUC; 99 % interval 72% to 93%; 50% is chance)." in said
    assert "chance does not explain that" in words(check(checks=({**CHECK, "actual_wins": 40},)))


def test_when_nothing_could_be_compared_it_says_so():
    said = words(check(checks=(), drift=(), judged=JUDGED.head(0)))
    assert "Nothing could be compared yet: too few weeks, or too few deals." in said
    assert "Not yet known: no deal that a model had scored is decided." in said
    assert "Not yet known whether features, scores and categories differ" in said


@pytest.mark.parametrize(
    ("model_id", "is_base_rate", "sentence"),
    [
        (None, False, "No model is shown: the rules score"),
        ("base-rate-1", True, "the model sees not enough signal to tell deals apart"),
        ("win-1", False, "Shown is the model win-1."),
    ],
)
def test_who_is_shown(model_id, is_base_rate, sentence):
    assert sentence in words(check(model_id=model_id, is_base_rate=is_base_rate))


def test_many_alarms_are_counted_and_the_first_ones_shown():
    said = words(check(drift=tuple({**DRIFT, "feature": f"feature_{n}"} for n in range(14))))
    assert "feature 9, new deals" in said
    assert "feature 10, new deals" not in said
    assert "and 4 more, in Dagster" in said


def test_said_and_happened_counts_each_deal_in_its_tenth():
    found = said_and_happened(JUDGED)
    assert [(s.bin_from, s.won.part, s.won.n) for s in found] == [(0.3, 27, 87), (0.9, 1, 1)]
    assert said_sentence(found[0]) == "When we said 34%, 31% were won (n = 87, 95 % interval 22% to 41%)."
    assert said_and_happened(JUDGED.head(0)) == ()
