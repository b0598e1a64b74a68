"""What is told of the weekly checks: an alarm when it begins, and once when all is well again."""

import pandas as pd

from salesinsight_assets.domain.monitoring.episodes import Told, alarms_of, news


def test_an_alarm_is_told_once_and_its_end_once():
    told = Told()
    assert news(told, {}, "Drift") is None
    assert news(told, {"amount": "x 1000"}, "Drift") == "⚠️ Drift\n• amount: x 1000"
    told = Told("2025-03-28", frozenset(["amount"]))
    assert news(told, {"amount": "x 1000"}, "Drift") is None
    assert news(told, {"amount": "x 1000", "stage": "renamed"}, "Drift") == "⚠️ Drift\n• stage: renamed"
    assert news(told, {}, "Drift") == "✅ Drift: all is well again"


def test_an_alarm_that_ended_and_returns_is_told_again():
    told = Told("2025-04-04", frozenset(["stage"]))
    assert news(told, {"amount": "x 1000", "stage": "renamed"}, "Drift") == "⚠️ Drift\n• amount: x 1000"


def test_what_was_told_is_kept_as_text():
    told = Told("2025-03-28", frozenset(["a", "b"]))
    assert Told.from_text(told.to_text()) == told
    assert Told.from_text(None) == Told()


def test_the_alarms_of_a_check_bear_the_names_of_their_keys():
    checks = pd.DataFrame(
        {
            "dimension": ["lead_source", "industry"],
            "segment": ["Web", "SaaS"],
            "is_alarm": [True, False],
            "finding": ["none of 30 was won", ""],
        }
    )
    assert alarms_of(checks, ["dimension", "segment"]) == {"lead_source, Web": "none of 30 was won"}
