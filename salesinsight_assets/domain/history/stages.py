"""The stages of the pipeline: what each one means, and its place among the stages that were known at a moment."""

import numpy as np
import pandas as pd

from salesinsight_assets.domain.history.grid import Floats, Grid, utc_times


def stage_dictionary(opportunity_stages: pd.DataFrame) -> pd.DataFrame:
    """What each stage means, by its name: the API name, or a label where no stage has that API name.

    Every name that a stage ever had is one of them, with the meaning it had first: deals keep old names, and what a
    picklist value means is not knowledge about a deal.

    Returns:
        `stage_name`, `stage` (the first name of the same stage: a renamed one is still the same), `is_closed`, `is_won`, `stage_order` (SortOrder; missing for closed stages), `stage_probability`
        (0 to 1), `created_at`.
    """
    rows = opportunity_stages.sort_values(["valid_from", "id"], kind="stable")
    rows = rows.assign(api_name=rows["api_name"].fillna(rows["master_label"]))
    first_names = _first_names(rows)
    named = rows.assign(stage_name=rows["api_name"]).drop_duplicates("stage_name")
    labelled = rows.assign(stage_name=rows["master_label"]).drop_duplicates("stage_name")
    labelled = labelled[~labelled["stage_name"].isin(named["stage_name"])]
    # a label means what its API name does
    meanings = named.set_index("stage_name", drop=False).loc[labelled["api_name"]]
    rows = pd.concat([named, meanings.assign(stage_name=labelled["stage_name"].to_numpy())], ignore_index=True)
    is_closed = rows["is_closed"].eq(True)
    return pd.DataFrame(
        {
            "stage_name": rows["stage_name"],
            "stage": rows["api_name"].map(first_names),
            "is_closed": is_closed,
            "is_won": rows["is_won"].eq(True),
            "stage_order": rows["sort_order"].astype("float64").where(~is_closed),
            "stage_probability": rows["default_probability"].astype("float64") / 100,
            "created_at": rows["valid_from"],
        }
    ).reset_index(drop=True)


def _first_names(rows: pd.DataFrame) -> dict[str, str]:
    """The first name of the same stage, for each API name in the order of their stamps."""
    of_record: dict[str, str] = {}
    of_name: dict[str, str] = {}
    for record, name in zip(rows["id"], rows["api_name"], strict=True):
        first = of_record.setdefault(
            str(record), of_name.get(str(name), str(name))
        )  # one that was made anew is the same again
        of_name.setdefault(str(name), first)
    return of_name


def stage_positions(stages: pd.DataFrame, states: pd.DataFrame, grid: Grid) -> Floats:
    """The place of each open stage among those known as of each moment, 0 first, 1 last, NaN for closed stages.

    A stage is known from its creation, or from the first deal that was in it: stages can be made anew in the CRM, after
    the deals that went through them.

    Returns:
        Shape (stages, moments), in the order of `stages`.
    """
    first_used = states.groupby("stage_name")["changed_at"].min().reindex(stages["stage_name"])
    known_at = np.fmin(utc_times(stages["created_at"]), utc_times(first_used))
    order = stages["stage_order"].to_numpy("float64")
    distinct, rank = np.unique(order, return_inverse=True)  # NaN, the closed stages, comes last
    since = np.full(len(distinct), len(grid))
    np.minimum.at(since, rank, grid.bucket(known_at))
    is_known = (since[:, None] <= np.arange(len(grid))) & ~np.isnan(distinct)[:, None]
    before = np.cumsum(is_known, axis=0) - is_known
    places = before / np.maximum(is_known.sum(axis=0) - 1, 1)
    return np.where(np.isnan(order)[:, None], np.nan, places[rank])
