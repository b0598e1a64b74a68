"""The line: finds a rise, is not stretched beyond what it learnt from, and says the same of the same examples."""

from dataclasses import asdict

import numpy as np
import pytest

from salesinsight_assets.domain.model.line import Line, fit_line

N = 4000


@pytest.fixture(scope="module")
def matrix() -> np.ndarray:
    random = np.random.default_rng(3)
    return np.column_stack([random.normal(10, 2, N), random.normal(0, 1, N), np.full(N, 7.0)])


@pytest.fixture(scope="module")
def line(matrix) -> Line:
    return fit_line(matrix, outcomes(matrix), 1.0)


def outcomes(matrix: np.ndarray) -> np.ndarray:
    log_odds = 0.5 * (matrix[:, 0] - 10) - 0.3
    return (np.random.default_rng(4).random(len(matrix)) < 1 / (1 + np.exp(-log_odds))).astype("float64")


def test_a_rise_is_found_and_what_tells_nothing_weighs_little(line):
    assert line.weights[0] == pytest.approx(0.5, abs=0.05)
    assert line.weights[1] == pytest.approx(0, abs=0.1)
    assert line.intercept == pytest.approx(-0.3, abs=0.1)


def test_a_feature_that_is_the_same_everywhere_weighs_nothing(line):
    assert line.weights[2] == 0
    assert line.raw_scores(np.array([[10.0, 0.0, 1e9]])) == line.raw_scores(np.array([[10.0, 0.0, 7.0]]))


def test_a_value_beyond_all_examples_counts_as_the_end_of_the_usual_ones(line, matrix):
    most, beyond = line.raw_scores(np.array([[line.highs[0], 0.0, 7.0], [1e6, 0.0, 7.0]]))
    assert beyond == most
    assert line.highs[0] == pytest.approx(np.quantile(matrix[:, 0], 0.99))
    assert line.lows[0] == pytest.approx(np.quantile(matrix[:, 0], 0.01))


def test_contributions_and_intercept_add_up_and_are_nothing_at_the_centre(line, matrix):
    np.testing.assert_allclose(line.contributions(matrix).sum(axis=1) + line.intercept, line.raw_scores(matrix))
    np.testing.assert_allclose(line.contributions(np.array([line.centres])), 0)


def test_a_stronger_penalty_draws_weights_to_zero(matrix):
    loose, strict = (fit_line(matrix, outcomes(matrix), strength) for strength in (1.0, 1e-4))
    assert 0 < strict.weights[0] < loose.weights[0] / 2


def test_the_order_of_the_examples_changes_no_digit(line, matrix):
    """Sums of another order differ in the last digits, as they do on another machine."""
    order = np.random.default_rng(5).permutation(N)
    assert asdict(fit_line(matrix[order], outcomes(matrix)[order], 1.0)) == asdict(line)
