"""What a service says: to its terminal, or as JSON lines to whoever collects logs."""

import logging

from salesinsight_assets.cli.jobs import say
from salesinsight_assets.log_lines import log_in_json
from salesinsight_assets.settings import Settings

_log = logging.getLogger("salesinsight.service")


class ServiceLog:
    """The log of this process, in the format that the settings name."""

    def __init__(self, settings: Settings) -> None:
        self.is_json = settings.log_format == "json"
        if self.is_json:
            log_in_json()

    def say(self, text: str) -> None:
        """One message: a line of JSON, or the text as it is."""
        if self.is_json:
            _log.info(text)
        else:
            say(text)
