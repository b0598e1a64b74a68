"""The features of the deals that were open at the end of a day, from the CRM's rows in the warehouse."""

from datetime import date, timedelta
from typing import TYPE_CHECKING

from salesinsight_assets.resources import CompanyResource

if TYPE_CHECKING:
    import pandas as pd

    from salesinsight_assets.adapters.warehouse import Warehouse


def features_of_day(store: "Warehouse", company: CompanyResource, day: date) -> "pd.DataFrame":
    """One row an open deal, `as_of` and the columns of `opportunity_features`; nothing is stored."""
    from salesinsight_assets.domain.features.compute import features_as_of
    from salesinsight_assets.domain.history.grid import Grid
    from salesinsight_assets.domain.history.snapshots import opportunity_history

    as_of, policy = company.as_of(day), company.policies.features
    crm = store.crm_rows(recent_since=as_of - timedelta(days=policy.window_days), activity_since=as_of)
    return features_as_of(opportunity_history(crm), Grid([as_of]), policy)[1]
