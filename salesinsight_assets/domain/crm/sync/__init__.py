"""The sync: what changed in Salesforce since the last time, object by object, into the store.

`run` is the entrance and knows the objects side by side, `one_object` the steps of one, `slices` divides large reads,
`fields` tells what can be read; `store` is what the sync asks of a store, `result` what it reports.
"""

from salesinsight_assets.domain.crm.sync.policy import SyncPolicy
from salesinsight_assets.domain.crm.sync.result import ObjectResult, SyncWatch
from salesinsight_assets.domain.crm.sync.run import sync_tables, unread
from salesinsight_assets.domain.crm.sync.store import (
    Comparison,
    CrmStore,
    Ending,
    FilledFrom,
    MergeCounts,
    TableMemory,
)

__all__ = [
    "Comparison",
    "CrmStore",
    "Ending",
    "FilledFrom",
    "MergeCounts",
    "ObjectResult",
    "SyncPolicy",
    "SyncWatch",
    "TableMemory",
    "sync_tables",
    "unread",
]
