"""The partitions: a day D is a calendar day in the company's time zone, worked on in the night after it."""

import warnings

import dagster as dg

from salesinsight_assets.policies import first_partition_day, read_config
from salesinsight_assets.settings import load_settings

# Partitioned asset checks and mappings to partitions that may not exist are marked preview and beta in Dagster 1.13. We use
# both knowingly, pin Dagster below 1.14, and have tests on what they do; the warnings would drown the commands' output.
warnings.filterwarnings("ignore", category=dg.PreviewWarning)
warnings.filterwarnings("ignore", category=dg.BetaWarning)

_settings = load_settings()
_first_day = first_partition_day(read_config(_settings.config_file))

DAILY = dg.DailyPartitionsDefinition(start_date=_first_day.isoformat(), timezone=_settings.timezone)
MONTHLY = dg.MonthlyPartitionsDefinition(start_date=_first_day.replace(day=1).isoformat(), timezone=_settings.timezone)
"""A model's month is the one it knows the end of: the training on the 1st works on the month before."""

THE_DAY_BEFORE = dg.TimeWindowPartitionMapping(
    start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
)
"""What a day is told depends on what the day before was told: backfills go in order."""

LAST_COMPLETE_MONTH = dg.TimeWindowPartitionMapping(
    start_offset=-1, end_offset=-1, allow_nonexistent_upstream_partitions=True
)
"""A day is scored by the model of the month before."""

KNOWN_UNTIL_TAG = "salesinsight/known_until"
"""On a training run: the day, such as 2026-03-19, whose end it knows, where that is later than the end of the month."""
