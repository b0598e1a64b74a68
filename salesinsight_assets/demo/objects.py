"""The org's objects and fields: those of the platform's CRM tables and a few that the platform does not know.

A real org always has more than one asks for; the extra fields keep the platform honest about that.
"""

import re
from dataclasses import dataclass

from salesinsight_assets.domain.crm.tables import CRM_TABLES, Column, CrmTable

_KEY_PREFIXES = {
    "Opportunity": "006",
    "OpportunityHistory": "008",
    "OpportunityFieldHistory": "017",
    "OpportunityStage": "01J",
    "Account": "001",
    "User": "005",
    "Task": "00T",
    "Event": "00U",
    "CampaignMember": "00v",
    "OpportunityCompetitor": "00J",
    "CurrencyType": "01L",
    "DatedConversionRate": "04w",
}
CAMPAIGN_PREFIX = "701"
_EXTRA_FIELDS = {
    "Opportunity": {
        "Description": "textarea",
        "ForecastCategoryName": "picklist",
        "CreatedById": "reference",
        "Budget_Confirmed__c": "boolean",
        "Legacy_Number__c": "string",
    },
    "OpportunityHistory": {"ForecastCategory": "picklist"},
    "Account": {"Description": "textarea", "Website": "url", "Tier__c": "picklist"},
    "User": {"Username": "string", "FirstName": "string", "LastName": "string", "Department": "string"},
    "Task": {"Description": "textarea", "CreatedById": "reference"},
    "Event": {"Location": "string", "CreatedById": "reference"},
}
_TYPES_BY_FIELD = {
    "Amount": "currency",
    "AnnualRevenue": "currency",
    "Probability": "percent",
    "DefaultProbability": "percent",
    "Email": "email",
    "Strengths": "textarea",
    "Weaknesses": "textarea",
    "OldValue": "anyType",
    "NewValue": "anyType",
}
_TYPES = {"number": "double", "integer": "int", "boolean": "boolean", "date": "date", "timestamp": "datetime"}
_PICKLISTS = frozenset(
    {
        *("StageName", "Type", "LeadSource", "Product__c", "Region__c", "CurrencyIsoCode", "IsoCode", "Industry"),
        *("Status", "Priority", "TaskSubtype", "EventSubtype", "Field", "DataType", "TimeZoneSidKey"),
    }
)


@dataclass(frozen=True)
class SalesforceField:
    """One field of an object, with its Salesforce type (`id`, `reference`, `currency`, `datetime`…)."""

    name: str
    type: str
    is_nullable: bool = True

    @property
    def is_custom(self) -> bool:
        """Whether an administrator added it."""
        return self.name.endswith("__c")

    @property
    def label(self) -> str:
        """The words a user sees: `Close Date` for `CloseDate`."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", self.name.removesuffix("__c").replace("_", " "))


@dataclass(frozen=True)
class SalesforceObject:
    """One object of the org."""

    name: str
    key_prefix: str
    fields: tuple[SalesforceField, ...]

    def field(self, name: str) -> SalesforceField | None:
        """The field of that name in any letter case, None where there is none."""
        return next((field for field in self.fields if field.name.lower() == name.lower()), None)

    def has(self, name: str) -> bool:
        """Whether the object has that field."""
        return self.field(name) is not None


def _field(column: Column) -> SalesforceField:
    return SalesforceField(column.field, _salesforce_type(column), column.is_nullable)


def _salesforce_type(column: Column) -> str:
    name = column.field
    if name == "Id":
        return "id"
    if name.endswith("Id"):
        return "reference"
    if name in _PICKLISTS:
        return "picklist"
    return _TYPES_BY_FIELD.get(name) or _TYPES.get(column.type, "string")


def _object(table: CrmTable) -> SalesforceObject:
    name = table.salesforce_object
    extra = tuple(SalesforceField(field, kind) for field, kind in _EXTRA_FIELDS.get(name, {}).items())
    return SalesforceObject(name, _KEY_PREFIXES[name], tuple(map(_field, table.columns)) + extra)


OBJECTS: dict[str, SalesforceObject] = {table.salesforce_object: _object(table) for table in CRM_TABLES}


def salesforce_object(name: str) -> SalesforceObject:
    """The object called `name`, in any letter case as in Salesforce.

    Raises:
        KeyError: naming the objects there are.
    """
    for known in OBJECTS.values():
        if known.name.lower() == name.lower():
            return known
    raise KeyError(f"expected one of {', '.join(OBJECTS)}, got {name!r}")
