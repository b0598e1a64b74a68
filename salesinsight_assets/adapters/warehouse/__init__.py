"""The warehouse: one PostgreSQL with the CRM's rows, what is derived from them, and what people were sent.

`tables` says what there is, `migrations` how a database gets there, `merge` how CRM rows become versions,
`embedded` where the server comes from if none is configured.
"""

from salesinsight_assets.adapters.warehouse.embedded import embedded_postgres
from salesinsight_assets.adapters.warehouse.warehouse import Warehouse

__all__ = ["Warehouse", "embedded_postgres"]
