"""The mappings that come with the product, for two public data sets."""

from salesinsight_assets.domain.crm.uploads.mapping import DealsMapping, Lookup

SKYGENI = DealsMapping(
    id="deal_id",
    created="created_date",
    closed="closed_date",
    owner="sales_rep_id",
    outcome="outcome",
    # `deal_stage` is the stage at some unknown time and `sales_cycle_days` is known at closing only: neither is read
    amount="deal_amount",
    industry="industry",
    region="region",
    product="product_type",
    lead_source="lead_source",
)
MAVEN = DealsMapping(
    id="opportunity_id",
    created="engage_date",
    closed="close_date",
    owner="sales_agent",
    outcome="deal_stage",
    open_stages=("Prospecting", "Engaging"),
    final_amount="close_value",  # 0 for lost deals, empty for open ones: it must not be known before the closing
    account="account",
    product="product",
    lookups=(
        Lookup("product", "product", {"amount": "sales_price"}, renamed={"GTXPro": "GTX Pro"}),
        Lookup("account", "account", {"industry": "sector"}),
        Lookup("sales_agent", "sales_agent", {"manager": "manager", "region": "regional_office"}),
    ),
)
SHIPPED_MAPPINGS = {"skygeni": SKYGENI, "maven": MAVEN}
