"""Dagster resources: each a thin door to a plain adapter, opened inside the asset that needs it.

Secrets never pass through Dagster's configuration: they are read from the environment where they are used.
"""

from datetime import date, datetime, timedelta
from functools import cache, cached_property
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import dagster as dg

from salesinsight_assets.domain.crm.field_map import mapped_tables
from salesinsight_assets.domain.crm.tables import CRM_TABLES, CrmTable
from salesinsight_assets.policies import Policies, load_policies, read_config
from salesinsight_assets.settings import SalesforceSettings, Settings, last_complete_day, load_settings, now

if TYPE_CHECKING:
    from salesinsight_assets.adapters.warehouse import Warehouse
    from salesinsight_assets.domain.feedback.links import Links


class WarehouseResource(dg.ConfigurableResource):
    """The warehouse that SALESINSIGHT_POSTGRES_URL names."""

    def open(self) -> "Warehouse":
        """The warehouse.

        Raises:
            dg.Failure: there is no address; the commands of `salesinsight` set it.
        """
        url = load_settings().postgres_url
        if url is None:
            raise dg.Failure(
                "SALESINSIGHT_POSTGRES_URL: expected an address, got nothing; start this process with `salesinsight`,"
                " which starts the embedded PostgreSQL, or set the address of yours",
                allow_retries=False,
            )
        return _warehouse(url)


@cache
def _warehouse(url: str) -> "Warehouse":
    """One warehouse a process and address, so that its connection is opened once."""
    from salesinsight_assets.adapters.warehouse import Warehouse

    return Warehouse(url)


class CompanyResource(dg.ConfigurableResource):
    """The company's time zone, policies and clock."""

    @cached_property
    def settings(self) -> Settings:
        """All settings, read once a process."""
        return load_settings()

    @cached_property
    def config(self) -> dict[str, Any]:
        """The tables of salesinsight.toml."""
        return read_config(self.settings.config_file)

    @cached_property
    def policies(self) -> Policies:
        """Every business number."""
        return load_policies(self.config)

    @property
    def zone(self) -> ZoneInfo:
        """The company's time zone."""
        return self.settings.zone

    @property
    def salesforce(self) -> SalesforceSettings:
        """How to reach Salesforce."""
        return self.settings.salesforce

    @cached_property
    def crm_tables(self) -> tuple[CrmTable, ...]:
        """The CRM tables as the org's field map names them."""
        return mapped_tables(CRM_TABLES, self.config.get("crm", {}))

    def as_of(self, day: date) -> datetime:
        """The end of `day`: the moment that its partition knows."""
        from salesinsight_assets.domain.history.grid import end_of_day

        return end_of_day(day, self.zone)

    def told_at(self, day: date) -> datetime:
        """When people are told of `day`: at the hour of the messages in the morning after."""
        return datetime.combine(day + timedelta(days=1), self.policies.schedule.at("messages"), self.zone)

    @property
    def links(self) -> "Links | None":
        """What signs the links in messages; None where no address of ours is configured."""
        from salesinsight_assets.domain.feedback.links import Links

        found = self.settings.links
        return found and Links(found.base_url, found.secret_key, self.policies.feedback.links_last_days)

    def now(self) -> datetime:
        """The current moment in UTC."""
        return now()

    def last_complete_day(self) -> date:
        """The day that the present night works on."""
        return last_complete_day(now(), self.zone)
