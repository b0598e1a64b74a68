"""The CRM tables: which Salesforce object and field each table and column comes from.

The single source for the warehouse's `crm` schema, the sync, the CSV import and the demo's Salesforce server.
What belongs elsewhere: how rows are fetched (adapters) and what they mean over time (history).
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

ColumnType = Literal["text", "number", "integer", "boolean", "date", "timestamp"]


def snake_case(field: str) -> str:
    """Column name of a Salesforce field: `StageName` is `stage_name`, `Competitor__c` is `competitor`.

    >>> snake_case("CurrencyIsoCode"), snake_case("Competitor__c")
    ('currency_iso_code', 'competitor')
    """
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", field.removesuffix("__c")).lower()


@dataclass(frozen=True)
class Column:
    """One column of a CRM table and the Salesforce field that fills it.

    A required one must be readable; one that is not nullable holds a value in every row. `given_name` keeps the
    column's own name where an org fills it from a field of another name (see `field_map`).
    """

    field: str
    type: ColumnType = "text"
    is_required: bool = False
    is_nullable: bool = True
    given_name: str | None = None

    @property
    def name(self) -> str:
        """Column name, the field's name in snake case unless another was given."""
        return self.given_name or snake_case(self.field)


@dataclass(frozen=True)
class CrmTable:
    """One CRM table: its Salesforce object, its columns and how the sync reads it.

    `cursor_field` is the stamp an incremental read filters on; None means the object is small and read in full.
    `born_field` is the stamp from which a row counts as known.
    """

    name: str
    salesforce_object: str
    columns: tuple[Column, ...]
    cursor_field: str | None = "SystemModstamp"
    born_field: str = "CreatedDate"
    is_optional: bool = False

    @property
    def column_names(self) -> list[str]:
        """Column names in order, `id` first."""
        return [column.name for column in self.columns]

    @property
    def stamp_column(self) -> str:
        """The column that dates a row's last change: `system_modstamp`, or `created_date` for rows that never change."""
        return "system_modstamp" if "system_modstamp" in self.column_names else "created_date"

    def column(self, name: str) -> Column:
        """The column called `name`; KeyError if the table has none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name}; it has {', '.join(self.column_names)}")


def _columns(spec: str, required: Iterable[str] = (), nullable: Iterable[str] = ()) -> tuple[Column, ...]:
    """Columns from lines such as `Amount:number`; a bare field is text. Of the required ones some may be `nullable`."""
    needed = {"Id", *required}
    filled = needed - set(nullable)
    parsed = [(field, kind or "text") for field, _, kind in (part.partition(":") for part in spec.split())]
    return tuple(Column(field, kind, field in needed, field not in filled) for field, kind in parsed)  # type: ignore[arg-type]


_STAMPS = "CreatedDate:timestamp SystemModstamp:timestamp"
_STAMPS_AND_DELETED = f"{_STAMPS} IsDeleted:boolean"
_STAMP_NAMES = ("CreatedDate", "SystemModstamp")

OPPORTUNITIES = CrmTable(
    "opportunities",
    "Opportunity",
    _columns(
        "Id Name AccountId OwnerId StageName Amount:number CurrencyIsoCode CloseDate:date Probability:number "
        "Type LeadSource Product__c Region__c NextStep IsClosed:boolean IsWon:boolean "
        f"LastModifiedDate:timestamp {_STAMPS_AND_DELETED}",
        required=("Name", "OwnerId", "StageName", *_STAMP_NAMES),
    ),
)
OPPORTUNITY_HISTORY = CrmTable(
    "opportunity_history",
    "OpportunityHistory",
    _columns(
        "Id OpportunityId StageName Amount:number CurrencyIsoCode CloseDate:date Probability:number CreatedById "
        f"{_STAMPS_AND_DELETED}",
        required=("OpportunityId", "StageName", *_STAMP_NAMES),
    ),
)
OPPORTUNITY_FIELD_HISTORY = CrmTable(
    "opportunity_field_history",
    "OpportunityFieldHistory",
    _columns(
        "Id OpportunityId Field DataType OldValue NewValue CreatedById CreatedDate:timestamp IsDeleted:boolean",
        required=("OpportunityId", "Field", "CreatedDate"),
    ),
    cursor_field="CreatedDate",
)
OPPORTUNITY_STAGES = CrmTable(
    "opportunity_stages",
    "OpportunityStage",
    _columns(
        "Id MasterLabel ApiName IsActive:boolean IsClosed:boolean IsWon:boolean SortOrder:integer "
        f"DefaultProbability:number {_STAMPS}",
        required=("MasterLabel", "IsClosed", "IsWon", "SortOrder"),
    ),
    cursor_field=None,
)
ACCOUNTS = CrmTable(
    "accounts",
    "Account",
    _columns(
        "Id Name Industry Type BillingCountry NumberOfEmployees:integer AnnualRevenue:number ParentId OwnerId "
        f"MasterRecordId {_STAMPS_AND_DELETED}",  # of an account that was merged away: into which
        required=("Name", *_STAMP_NAMES),
    ),
)
USERS = CrmTable(
    "users",
    "User",
    _columns(
        f"Id Name Email IsActive:boolean ManagerId UserRoleId Title TimeZoneSidKey {_STAMPS}",
        required=("Name", *_STAMP_NAMES),
    ),
)
USER_ROLES = CrmTable(
    "user_roles",
    "UserRole",
    _columns("Id Name ParentRoleId SystemModstamp:timestamp", required=("Name", "SystemModstamp")),
    cursor_field=None,
    born_field="SystemModstamp",  # a role does not say when it was made
    is_optional=True,
)
"""Who is above whom: it says whose deals somebody may see, and nothing of a deal."""
TASKS = CrmTable(
    "tasks",
    "Task",
    _columns(
        "Id WhatId WhoId OwnerId Subject TaskSubtype Status Priority ActivityDate:date IsClosed:boolean "
        f"CompletedDateTime:timestamp {_STAMPS_AND_DELETED}",
        required=("WhatId", *_STAMP_NAMES),
        nullable=("WhatId",),  # those on leads and contacts have none
    ),
)
EVENTS = CrmTable(
    "events",
    "Event",
    _columns(
        "Id WhatId WhoId OwnerId Subject EventSubtype StartDateTime:timestamp EndDateTime:timestamp ActivityDate:date "
        f"{_STAMPS_AND_DELETED}",
        required=("WhatId", *_STAMP_NAMES),
        nullable=("WhatId",),  # those on leads and contacts have none
    ),
)
CAMPAIGN_MEMBERS = CrmTable(
    "campaign_members",
    "CampaignMember",
    _columns(
        f"Id CampaignId AccountId ContactId Status HasResponded:boolean FirstRespondedDate:date {_STAMPS_AND_DELETED}",
        required=("CampaignId", *_STAMP_NAMES),
    ),
    is_optional=True,
)
COMPETITORS = CrmTable(
    "competitors",
    "OpportunityCompetitor",
    _columns(
        f"Id OpportunityId CompetitorName Strengths Weaknesses {_STAMPS_AND_DELETED}",
        required=("OpportunityId", *_STAMP_NAMES),
    ),
    is_optional=True,
)
CURRENCY_TYPES = CrmTable(
    "currency_types",
    "CurrencyType",
    _columns(
        f"Id IsoCode ConversionRate:number IsCorporate:boolean IsActive:boolean {_STAMPS}",
        required=("IsoCode", "ConversionRate", "IsCorporate"),
    ),
    cursor_field=None,
    is_optional=True,
)
DATED_CONVERSION_RATES = CrmTable(
    "dated_conversion_rates",
    "DatedConversionRate",
    _columns(
        f"Id IsoCode ConversionRate:number StartDate:date NextStartDate:date {_STAMPS}",
        required=("IsoCode", "ConversionRate", "StartDate"),
    ),
    cursor_field=None,
    is_optional=True,
)

CRM_TABLES: tuple[CrmTable, ...] = (
    OPPORTUNITIES,
    OPPORTUNITY_HISTORY,
    OPPORTUNITY_FIELD_HISTORY,
    OPPORTUNITY_STAGES,
    ACCOUNTS,
    USERS,
    USER_ROLES,
    TASKS,
    EVENTS,
    CAMPAIGN_MEMBERS,
    COMPETITORS,
    CURRENCY_TYPES,
    DATED_CONVERSION_RATES,
)
HISTORY_TABLES = tuple(table for table in CRM_TABLES if table is not USER_ROLES)
"""Those that tell of deals, as history, features and reports read them."""


def crm_table(name: str) -> CrmTable:
    """The CRM table called `name`; KeyError names the known ones."""
    for table in CRM_TABLES:
        if table.name == name:
            return table
    raise KeyError(f"no CRM table {name}; there are {', '.join(t.name for t in CRM_TABLES)}")
