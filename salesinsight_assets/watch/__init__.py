"""The night watch: what is late, failed, lost or slow, told once for each cause (the pages are worded in domain.monitoring)."""

from salesinsight_assets.watch.sensor import watch_the_night

SENSORS = [watch_the_night]
