"""Pictures for metadata: PNG made in this process, also of nothing and of one row."""

import base64
import struct

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.adapters import plots
from salesinsight_assets.domain.features import FEATURE_NAMES
from salesinsight_assets.domain.model.win_model import WinModel

PNG = b"\x89PNG\r\n\x1a\n"
TABLES = {
    plots.calibration_chart: pd.DataFrame({"predicted_rate": [0.1, 0.4], "actual_rate": [0.2, 0.4], "n": [10, 90]}),
    plots.importance_chart: pd.DataFrame({"feature": FEATURE_NAMES, "share": np.linspace(0.1, 0, len(FEATURE_NAMES))}),
    plots.probability_chart: pd.DataFrame(
        {"win_probability": [0.1, 0.6, 0.9], "risk_level": ["HIGH", "MEDIUM", "LOW"]}
    ),
    plots.drift_chart: pd.DataFrame(
        {
            "feature": ["log_amount", "stage_name"],
            "population": ["new", "open"],
            "psi": [0.5, 0.1],
            "p_value": [0.001, 0.9],
            "is_alarm": [True, False],
        }
    ),
    plots.defaults_chart: pd.DataFrame(
        {
            "feature": ["log_amount", "age_days"],
            "share_defaulted": [0.4, 0.0],
            "usual_share": [0.1, 0.0],
            "is_alarm": [True, False],
        }
    ),
    plots.outcomes_chart: pd.DataFrame(
        {
            "as_of_date": pd.to_datetime(["2025-03-21", "2025-03-28"]),
            "n_deals": [50, 60],
            "expected_wins": [20.5, 24.0],
            "actual_wins": [22, 9],
            "low": [12.0, 15.0],
            "high": [29.0, 34.0],
            "is_alarm": [False, True],
        }
    ),
    plots.warning_chart: pd.DataFrame(
        {
            "told_on": pd.to_datetime(["2024-03-01", "2024-03-09"]),
            "became": ["lost", "won"],
            "days_of_warning": [12.0, None],
        }
    ),
    plots.adjusted_chart: pd.DataFrame(
        {
            "owner_name": ["Ann", "Bob", "Cy", "Dee"],
            "n_closed": [40, 50, 60, 3],
            "adjusted_difference": [-0.2, 0.0, 0.2, np.nan],
            "adjusted_low": [-0.3, -0.1, 0.1, np.nan],
            "adjusted_high": [-0.1, 0.1, 0.3, np.nan],
        }
    ),
    plots.alert_chart: pd.DataFrame({"rule": ["slow_deal", "likely_loss"], "status": ["to_send", "suppressed"]}),
}


def size(picture: bytes) -> tuple[int, int]:
    assert picture.startswith(PNG)
    width, height = struct.unpack(">II", picture[16:24])
    return width, height


def test_what_is_sent_held_out_and_suppressed_is_told_apart_by_colour() -> None:
    alerts = pd.DataFrame({"rule": "slow_deal", "status": ["to_send", "held_out", "suppressed"]})
    colours = plots.alert_chart(alerts).to_dict()["encoding"]["color"]["scale"]
    assert set(colours["domain"]) == set(alerts["status"])
    assert len(set(colours["range"])) == 3


@pytest.mark.parametrize("chart", TABLES, ids=lambda chart: chart.__name__)
@pytest.mark.parametrize("rows", [0, 1, None], ids=["none", "one", "all"])
def test_every_chart_is_drawn(chart, rows: int | None) -> None:
    width, height = size(plots.png(chart(TABLES[chart].head(len(TABLES[chart]) if rows is None else rows))))
    assert width > 50
    assert height > 20


def test_a_picture_travels_within_its_markdown() -> None:
    text = plots.markdown_image(PNG, "calibration")
    head, _, content = text.partition("base64,")
    assert head == "![calibration](data:image/png;"
    assert base64.b64decode(content.removesuffix(")")) == PNG


def test_the_beeswarm_shows_a_models_contributions() -> None:
    import lightgbm

    generator = np.random.default_rng(0)
    features = pd.DataFrame(generator.random((300, len(FEATURE_NAMES))), columns=FEATURE_NAMES)
    data = lightgbm.Dataset(features.to_numpy(), (features.iloc[:, 0] > 0.5).astype(int), feature_name=FEATURE_NAMES)
    trees = lightgbm.train({"objective": "binary", "verbose": -1}, data, num_boost_round=5).model_to_string()
    width, height = size(plots.beeswarm_png(WinModel("m", FEATURE_NAMES, trees), features))
    assert width > 400
    assert height > 200
