"""What Dagster's pages show of a table."""

from datetime import UTC, datetime

import numpy as np
import pandas as pd
import pytest

from salesinsight_assets.metadata import markdown_table, readable, row_metadata


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.123456789, "0.1235"),
        (12.0, "12"),
        (48210.5512, "48,211"),
        (np.float64(0.5), "0.5"),
        (7, "7"),
        (float("nan"), ""),
        (None, ""),
        (pd.NaT, ""),
        (True, "True"),
        (pd.Timestamp("2024-03-01"), "2024-03-01"),
        (pd.Timestamp("2024-03-01T12:30:05.123456Z"), "2024-03-01 12:30 UTC"),
        (datetime(2024, 3, 1, tzinfo=UTC), "2024-03-01 00:00 UTC"),
        (np.array(["a", "b"], dtype=object), "a, b"),
        ([0.123456], "0.1235"),
        ("2.123456", "2.123456"),
    ],
)
def test_a_value_is_shown_as_people_read_it(value, shown) -> None:
    assert readable(value) == shown


def test_a_preview_shows_numbers_rounded_and_days_as_days() -> None:
    frame = pd.DataFrame({"win_probability": [0.30000000000000004], "as_of_date": pd.to_datetime(["2024-03-01"])})
    preview = row_metadata(frame)["preview"].value
    assert preview.splitlines()[-1] == "| 0.3 | 2024-03-01 |"


def test_a_cell_cannot_break_its_table() -> None:
    assert markdown_table([{"name": "a|b\nc"}]).splitlines()[-1] == "| a\\|b c |"
