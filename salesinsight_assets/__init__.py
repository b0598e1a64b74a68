"""SalesInsight: which open deals are in trouble, why, and who can act, as a Dagster asset graph."""
