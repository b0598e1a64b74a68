"""The work of one night as a plain script: what `bench_night` compares Dagster with. Run as `python plain_night.py DAY`."""

import sys
from datetime import date, timedelta
from uuid import uuid4

from salesinsight_assets.adapters.expectations import check_rows
from salesinsight_assets.adapters.salesforce import SalesforceClient
from salesinsight_assets.adapters.warehouse import tables
from salesinsight_assets.adapters.warehouse.last_week import last_week
from salesinsight_assets.adapters.warehouse.model_registry import ModelRegistry
from salesinsight_assets.adapters.warehouse.sync_store import SyncStore
from salesinsight_assets.adapters.warehouse.warehouse import Warehouse
from salesinsight_assets.domain.alerts.episodes import EARLIER_DAYS
from salesinsight_assets.domain.alerts.selection import daily_alerts
from salesinsight_assets.domain.crm.sync import sync_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES
from salesinsight_assets.domain.delivery.messages import alert_messages
from salesinsight_assets.domain.expectations import EXPECTATIONS
from salesinsight_assets.domain.experiments.holdout import with_holdout
from salesinsight_assets.domain.features.compute import features_as_of
from salesinsight_assets.domain.history.grid import Grid, end_of_day
from salesinsight_assets.domain.history.snapshots import opportunity_history
from salesinsight_assets.domain.scores.scoring import scores_of_the_day
from salesinsight_assets.policies import Policies
from salesinsight_assets.settings import load_settings, now


def night(day: date) -> None:
    settings, policies = load_settings(), Policies()
    store = Warehouse(settings.postgres_url or "")
    with SalesforceClient(settings.salesforce) as client:
        sync_tables(client, SyncStore(store), CRM_TABLES, timedelta(seconds=settings.salesforce.lookback_seconds))
    for table in CRM_TABLES:
        query = f"SELECT * FROM crm.{table.name} WHERE valid_to IS NULL AND NOT is_deleted"
        check_rows(store.url, query, "id", EXPECTATIONS[table.name])
    as_of = end_of_day(day, settings.zone)
    crm = store.crm_rows(as_of - timedelta(days=policies.features.window_days), as_of)
    history = opportunity_history(crm)
    rows, features = features_as_of(history, Grid([as_of]), policies.features)
    store.replace_partition(tables.open_opportunities, {"as_of_date": day}, rows.frame.drop(columns="as_of"))
    store.replace_partition(tables.opportunity_features, {"as_of_date": day}, features.drop(columns="as_of"))
    week_ago = store.partition("opportunity_features", day - timedelta(days=7))
    if week_ago.empty:
        moment = end_of_day(day - timedelta(days=7), settings.zone)
        week_ago = features_as_of(history, Grid([moment]), policies.features)[1]
    models = ModelRegistry(store).serving_models(day, policies.promotion)
    scored = scores_of_the_day(rows.frame, features, models, week_ago, policies.risk)
    scores = scored.shown
    store.append_scores(day, scored.scores, scored.model_id, str(uuid4()), now())
    deals = scores.merge(features[["opportunity_id", "age_days", "expected_cycle_days"]], on="opportunity_id")
    earlier = store.alerts_between(day - timedelta(days=EARLIER_DAYS), day - timedelta(days=1))
    alerts = daily_alerts(deals, earlier, day, policies.alerts, store.last_alert_day(day))
    alerts = with_holdout(alerts, policies.holdout)
    store.replace_alerts(day, alerts, open_deals=len(deals))
    for name in ("open_opportunities", "opportunity_features", "opportunity_scores", "rep_alerts"):
        query = f"SELECT * FROM insight.{name} WHERE as_of_date = DATE '{day}'"
        check_rows(store.url, query, "opportunity_id", EXPECTATIONS[name])
    reps = store.read("SELECT id, name, email FROM crm.users WHERE valid_to IS NULL")
    worded = store.alerts_to_word(day)
    week = last_week(store, day, end_of_day(day, settings.zone))
    made = alert_messages(worded, reps, day, now(), policies.playbook, last_week=week)
    store.queue(made, day, worded["opportunity_id"].tolist(), now())


if __name__ == "__main__":
    night(date.fromisoformat(sys.argv[1]))
