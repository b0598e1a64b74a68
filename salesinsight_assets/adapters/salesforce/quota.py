"""The org's API calls of 24 hours: how many are used, and when this platform stops so that others still have some."""

from dataclasses import dataclass

from salesinsight_assets.adapters.salesforce.errors import QUOTA_CODE, QuotaError


@dataclass(frozen=True)
class ApiUsage:
    """The org's API calls of the last 24 hours, of all its users, as the latest answer told them."""

    used: int
    allowed: int


class ApiQuota:
    """Watches the org's usage for all clients of one org and refuses a call once `share` of what is allowed is used."""

    def __init__(self, share: float) -> None:
        self._share = share
        self.latest: ApiUsage | None = None

    def note(self, told: ApiUsage | None) -> None:
        """Take what an answer tells; one that tells nothing was at least one more call."""
        known = self.latest
        self.latest = told or (known and ApiUsage(known.used + 1, known.allowed))

    def check(self, asked: str) -> None:
        """Let a call pass.

        Raises:
            QuotaError: the share is used up.
        """
        usage = self.latest
        if usage and usage.used >= self._share * usage.allowed:
            raise QuotaError(
                f"{asked}: expected fewer than {self._share:.0%} of the org's {usage.allowed} API calls of 24 hours to "
                f"be used, got {usage.used}; incomplete, the next sync goes on from here (see SALESFORCE_API_SHARE)",
                QUOTA_CODE,
            )
