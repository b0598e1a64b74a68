"""365 nights with a random fault on every tenth: every page was right, none was missing, at most 2 % were false."""

import pytest

from salesinsight_assets_tests.drill.year import FAULTS, Year, judged


@pytest.mark.slow
@pytest.mark.parametrize(
    "seed", [1, pytest.param(2, marks=pytest.mark.drill_whole), pytest.param(3, marks=pytest.mark.drill_whole)]
)
def test_of_a_year_of_nights_every_page_is_right_none_is_missing_and_hardly_any_false(seed) -> None:
    year = Year(seed).live()
    verdict = judged(year)
    print(f"\nseed {seed}: {dict(verdict.counts)}")
    told = [(str(night.morning), night.fault, night.step, why, [(p.key, p.symptom, p.severity) for p in night.pages])
            for night, why in verdict.wrong]  # fmt: skip
    assert verdict.counts["missing or wrong"] == 0, told
    assert verdict.false_share <= 0.02, told
    assert len({night.fault for night in year.nights if night.fault}) >= len(FAULTS) - 1
    assert year.open == {}
