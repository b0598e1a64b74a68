"""Models of one feature: the base rate by stage, and the win rate by age."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.domain.features.policy import FeaturePolicy
from salesinsight_assets.domain.model.simple_models import FeatureCurve, age_curve, base_rate, stage_rates
from salesinsight_assets_tests.domain.examples_of_deals import examples

POLICY = FeaturePolicy(shrinkage_deals=20, prior_win_rate=0.3, prior_deals=4)
UNSHRUNK = replace(POLICY, shrinkage_deals=1e-9, prior_deals=1e-9)


def seen(*deals: tuple[float, float, bool, int]) -> pd.DataFrame:
    """Snapshots of deals: stage position, age, outcome, and how often each was seen."""
    rows = [
        {"opportunity_id": f"d{number}", "stage_position": place, "age_days": age, "is_won": won, "weight": 1 / times}
        for number, (place, age, won, times) in enumerate(deals)
        for _ in range(times)
    ]
    return pd.DataFrame(rows)


TWO_STAGES = seen(*[(0.0, 10.0, n < 10, 1) for n in range(40)], *[(1.0, 90.0, n < 30, 1) for n in range(40)])
FITS = pytest.mark.parametrize("fit", [stage_rates, age_curve])


def test_the_base_rate_counts_each_deal_once_and_starts_from_the_prior():
    often_seen = seen((0, 1, True, 9), (0, 1, False, 1))
    assert base_rate(often_seen, UNSHRUNK) == pytest.approx(0.5)
    assert base_rate(often_seen, POLICY) == pytest.approx((1 + 1.2) / (2 + 4))
    assert base_rate(often_seen[:0], POLICY) == 0.3


def test_each_stage_has_its_rate_shrunk_towards_the_companys():
    rates = stage_rates(TWO_STAGES, POLICY)
    company = (40 + 1.2) / 84
    assert rates.company_rate == pytest.approx(company)
    assert rates.points == [0.0, 1.0]
    assert rates.deals == [40, 40]
    assert rates.rates == pytest.approx([(10 + 20 * company) / 60, (30 + 20 * company) / 60])


def test_a_stage_seen_on_one_deal_says_little_more_than_the_company():
    often_seen = pd.concat([TWO_STAGES, seen((0.5, 5.0, True, 50)).assign(opportunity_id="lone")])
    rates = stage_rates(often_seen, POLICY)
    assert rates.deals == [40, 1, 40]
    assert rates.rates[1] - rates.company_rate < 0.03


def test_a_stage_that_nobody_has_seen_lies_between_its_neighbours():
    rates = stage_rates(TWO_STAGES, UNSHRUNK)
    asked = pd.DataFrame({"stage_position": [0.0, 0.5, 1.0]})
    assert rates.win_probability(asked).tolist() == pytest.approx([0.25, 0.5, 0.75])


def test_the_win_rate_follows_age_and_stays_what_it_is_beyond_the_oldest_deal():
    by_age = seen(*[(0.0, float(age), age < 50 + number, 1) for age in range(1, 101) for number in (-20, 20)])
    curve = age_curve(by_age, UNSHRUNK)
    said = curve.win_probability(pd.DataFrame({"age_days": [0.0, 5.0, 50.0, 95.0, 5000.0]}))
    assert said.tolist() == pytest.approx([1, 1, 0.5, 0, 0], abs=0.08)
    assert len(curve.points) == 8
    assert np.ptp(curve.deals) <= 2


def test_a_company_whose_deals_have_one_age_has_one_step():
    curve = age_curve(seen((0, 7, True, 2), (0, 7, False, 2)), POLICY)
    assert (curve.points, curve.deals) == ([7.0], [2])


@FITS
def test_contributions_and_base_add_up_to_the_log_odds_of_the_win_probability(fit):
    model = fit(TWO_STAGES, POLICY)
    contributions, base = model.contributions(TWO_STAGES)
    said = model.win_probability(TWO_STAGES)
    assert contributions.shape == (80, len(model.feature_names)) == (80, 1)
    np.testing.assert_allclose(contributions.sum(axis=1) + base, np.log(said / (1 - said)))


@FITS
def test_a_stored_curve_answers_as_before_and_has_the_id_of_its_content(fit):
    model = fit(examples(50, signal=1.0), POLICY).named_by_content("curve")
    again = FeatureCurve.from_text(model.to_text())
    assert again == model
    assert again.to_text() == model.to_text()
    assert model.model_id.startswith("curve-")
    assert replace(model, company_rate=0.5).named_by_content("curve").model_id != model.model_id
    assert model.named_by_content("curve") == model


@pytest.mark.parametrize("artifact", ["", "{}", "[]", "null", '{"model_id": "x", "color": 1}', "not json"])
def test_what_is_no_stored_curve_is_refused(artifact):
    with pytest.raises(ValueError, match=r"expected a stored curve, got .* train the month again"):
        FeatureCurve.from_text(artifact)


@FITS
def test_a_company_without_decided_deals_has_its_prior(fit):
    model = fit(TWO_STAGES[:0], POLICY)
    assert model.win_probability(TWO_STAGES).tolist() == [0.3] * 80
    assert model.deals == [0]
    assert len(model.win_probability(TWO_STAGES[:0])) == len(model.contributions(TWO_STAGES[:0])[0]) == 0
