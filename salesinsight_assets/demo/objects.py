"""The org's objects and fields: those of the platform's CRM tables and a few that the platform does not know.

A real org always has more than one asks for; the extra fields keep the platform honest about that.
"""

import re
from dataclasses import dataclass, replace

from salesinsight_assets.domain.crm.tables import CRM_TABLES, Column, CrmTable

_KEY_PREFIXES = {
    "Opportunity": "006",
    "OpportunityHistory": "008",
    "OpportunityFieldHistory": "017",
    "OpportunityStage": "01J",
    "Account": "001",
    "User": "005",
    "UserRole": "00E",
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
        "LastModifiedById": "reference",
        "Fiscal_Quarter__c": "string",
        "Priority_Score__c": "double",
        "SalesInsight_Win_Probability__c": "percent",
        "SalesInsight_Risk_Level__c": "picklist",
    },
    "OpportunityHistory": {"ForecastCategory": "picklist"},
    "Account": {
        "Description": "textarea",
        "Website": "url",
        "Tier__c": "picklist",
        "BillingStreet": "textarea",
        "BillingCity": "string",
        "BillingState": "string",
        "BillingPostalCode": "string",
        "BillingAddress": "address",
        "IsPersonAccount": "boolean",
        "FirstName": "string",
        "LastName": "string",
    },
    "User": {"Username": "string", "FirstName": "string", "LastName": "string", "Department": "string"},
    "Task": {"Description": "textarea", "CreatedById": "reference", "IsArchived": "boolean"},
    "Event": {"Location": "string", "CreatedById": "reference", "IsArchived": "boolean"},
}
_FORMULAS = frozenset({("Opportunity", "Fiscal_Quarter__c"), ("Opportunity", "Priority_Score__c")})
_ADDRESS_PARTS = {
    "street": "BillingStreet",
    "city": "BillingCity",
    "state": "BillingState",
    "postalCode": "BillingPostalCode",
    "country": "BillingCountry",
}
_ADDRESS_SQL = "json_object({}, 'latitude', NULL, 'longitude', NULL, 'geocodeAccuracy', NULL)".format(
    ", ".join(f"'{part}', \"{column}\"" for part, column in _ADDRESS_PARTS.items())
)
# Salesforce keeps neither a bulk reader nor a list of deletions for what an administrator sets up.
_SETUP_OBJECTS = frozenset({"OpportunityStage", "CurrencyType", "DatedConversionRate", "UserRole"})
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
    """One field of an object, with its Salesforce type (`id`, `reference`, `currency`, `datetime`…).

    `is_formula`: computed, so that its value changes without moving the record's stamp. `compound` names the field of
    which it is a part. `source` is the SQL that yields its value where that is not the column of its name.
    """

    name: str
    type: str
    is_nullable: bool = True
    is_formula: bool = False
    compound: str | None = None
    source: str | None = None

    @property
    def sql(self) -> str:
        """The SQL that yields its value."""
        return self.source or f'"{self.name}"'

    @property
    def is_compound(self) -> bool:
        """Whether it is put together of other fields: an object in JSON, and nothing for the Bulk API."""
        return self.type in ("address", "location")

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
    """One object of the org. `stored_as` names its table where that is not its own name."""

    name: str
    key_prefix: str
    fields: tuple[SalesforceField, ...]
    stored_as: str | None = None

    @property
    def table(self) -> str:
        """The table that holds its records."""
        return self.stored_as or self.name

    @property
    def is_for_bulk(self) -> bool:
        """Whether the Bulk API knows it."""
        return self.table not in _SETUP_OBJECTS

    @property
    def is_replicateable(self) -> bool:
        """Whether getDeleted answers for it. A field history has no stamp that would tell when it was deleted."""
        return self.table not in _SETUP_OBJECTS and self.has("SystemModstamp")

    def with_fields(self, *fields: SalesforceField) -> "SalesforceObject":
        """The object with these fields as well."""
        return replace(self, fields=self.fields + fields)

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
    fields = (_with_traits(name, field) for field in tuple(map(_field, table.columns)) + extra)
    return SalesforceObject(name, _KEY_PREFIXES[name], tuple(fields))


def _with_traits(object_name: str, field: SalesforceField) -> SalesforceField:
    if object_name == "Account" and field.name in _ADDRESS_PARTS.values():
        return replace(field, compound="BillingAddress")
    if object_name == "Account" and field.name in ("FirstName", "LastName"):
        return replace(field, compound="Name")
    if field.type == "address":
        return replace(field, source=_ADDRESS_SQL)
    return replace(field, is_formula=(object_name, field.name) in _FORMULAS)


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
