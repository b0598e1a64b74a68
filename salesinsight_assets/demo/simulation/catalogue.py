"""Names and shares of the made-up company: stages, currencies, words for accounts and people, lead sources.

What bears on winning stands in `strengths`; nothing here does.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Stage:
    """One row of OpportunityStage."""

    name: str
    probability: float
    forecast: str
    is_closed: bool = False
    is_won: bool = False


@dataclass(frozen=True)
class Currency:
    """One row of CurrencyType: how many units one unit of the corporate currency buys."""

    code: str
    rate: float
    is_corporate: bool = False


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


STAGES = (
    Stage("Prospecting", 10, "Pipeline"),
    Stage("Qualification", 20, "Pipeline"),
    Stage("Needs Analysis", 40, "Pipeline"),
    Stage("Proposal", 60, "Best Case"),
    Stage("Negotiation", 80, "Commit"),
    Stage("Closed Won", 100, "Closed", is_closed=True, is_won=True),
    Stage("Closed Lost", 0, "Omitted", is_closed=True),
)
OPEN_STAGES = tuple(stage for stage in STAGES if not stage.is_closed)
CLOSED_WON = next(stage for stage in STAGES if stage.is_won)
CLOSED_LOST = next(stage for stage in STAGES if stage.is_closed and not stage.is_won)

CURRENCIES = (Currency("USD", 1.0, is_corporate=True), Currency("EUR", 0.92))
CURRENCY_OF_COUNTRY = {"Germany": "EUR", "France": "EUR", "Netherlands": "EUR", "Spain": "EUR"}
COUNTRIES = {
    "United States": 0.5,
    "Canada": 0.08,
    "United Kingdom": 0.12,
    "Germany": 0.12,
    "France": 0.08,
    "Netherlands": 0.05,
    "Spain": 0.05,
}
REGION_OF_COUNTRY = {"United States": "North America", "Canada": "North America"}
OTHER_REGION = "EMEA"

INDUSTRIES = {
    "SaaS": 0.26,
    "FinTech": 0.18,
    "HealthTech": 0.16,
    "EdTech": 0.12,
    "Manufacturing": 0.16,
    "Retail": 0.12,
}
ACCOUNT_TYPES = {"Prospect": 0.55, "Customer": 0.35, "Partner": 0.1}
LEAD_SOURCES = {
    "Web": 0.3,
    "Outbound": 0.25,
    "Referral": 0.17,
    "Event": 0.12,
    "Partner": 0.1,
    "Purchased List": 0.06,
}
# Share of the deals, and the factor on a deal's amount.
PRODUCTS = {"Starter": 0.3, "Professional": 0.35, "Enterprise": 0.2, "Analytics Add-on": 0.15}
AMOUNT_FACTORS = {"Starter": 0.45, "Professional": 1.0, "Enterprise": 3.2, "Analytics Add-on": 0.6}
DEAL_WORDS = {
    "Starter": ("Starter Plan", "Pilot Package", "Team Plan"),
    "Professional": ("Professional License", "Platform Rollout", "Annual Subscription"),
    "Enterprise": ("Enterprise License", "Global Rollout", "Enterprise Renewal"),
    "Analytics Add-on": ("Analytics Add-on", "Insights Upgrade", "Reporting Module"),
}
COMPETITORS = ("Vertex Systems", "BrightPath", "Northgate Software", "Quantor")
COMPETITOR_SHARE = 0.3
EXISTING_BUSINESS_SHARE = 0.3
NEXT_STEPS = (None, "Book a discovery call", "Send the proposal", "Meet the economic buyer", "Agree on a pilot")

ACCOUNT_FIRST_WORDS = _words(
    "Acme Globex Initech Umbra Stellar Nimbus Harbor Cobalt Juniper Keystone Lumen Meridian Novus Orchard Pinnacle "
    "Quarry Ridgeline Solstice Tandem Upland Vantage Westwind Xenon Yarrow Zephyr Alder Beacon Cinder Delta Ember "
    "Fathom Granite Horizon Indigo Jasper Kestrel Lattice Mosaic Nectar Opal"
)
ACCOUNT_SECOND_WORDS = _words(
    "Corp Systems Labs Industries Group Software Health Learning Finance Retail Works Logistics Partners Dynamics "
    "Networks Analytics Foods Energy Media Supply"
)
FIRST_NAMES = _words(
    "Sarah James Maria David Aisha Peter Elena Marcus Priya Tom Ingrid Carlos Mei Oliver Fatima Daniel Sofia Ben "
    "Hannah Victor Clara Samuel Nadia Leo Julia Omar Grace Felix Amara Hugo"
)
LAST_NAMES = _words(
    "Johnson Miller Garcia Schmidt Khan Novak Rossi Lee Patel Brown Larsen Mendez Chen Wright Haddad Fischer Moreau "
    "Cooper Weber Silva Dubois Clark Ivanova Meyer Okafor Jensen Keller Torres Walsh Young"
)

TASK_SUBJECTS = {"Call": ("Call", 0.45), "Email": ("Email: follow-up", 0.4), "Task": ("Send material", 0.15)}
EVENT_SUBJECTS = {"Discovery meeting": 0.4, "Product demo": 0.35, "Executive alignment": 0.25}
