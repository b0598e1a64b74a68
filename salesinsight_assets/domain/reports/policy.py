"""Who gets which report, and what a quarter is held against."""

from dataclasses import dataclass, fields

from salesinsight_assets.domain.delivery.addresses import is_address

PIPELINE_HEALTH, REP_PERFORMANCE = "pipeline_health", "rep_performance"
MODEL_CHECK, BUSINESS_REVIEW = "model_check", "business_review"
REPORTS = (PIPELINE_HEALTH, REP_PERFORMANCE, MODEL_CHECK, BUSINESS_REVIEW)


@dataclass(frozen=True)
class ReportPolicy:
    """E-mail addresses by report, and the quota of a quarter in the company's currency (0: none is known).

    A manager's rep performance review goes to the manager's own address in the CRM; who is listed gets all of them.
    """

    pipeline_health: tuple[str, ...] = ()
    rep_performance: tuple[str, ...] = ()
    model_check: tuple[str, ...] = ()
    business_review: tuple[str, ...] = ()
    quarter_quota: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what cannot be written to.

        Raises:
            ValueError: with the entry, what came and what to do.
        """
        for entry in fields(self):
            for given in self.recipients(entry.name) if entry.name in REPORTS else ():
                if not is_address(given):
                    raise ValueError(f"{entry.name}: expected addresses such as vp@example.com, got {given!r}")
        if self.quarter_quota < 0:
            raise ValueError(f"quarter_quota: expected 0 or more, got {self.quarter_quota}")

    def recipients(self, report: str) -> tuple[str, ...]:
        """Who gets a report, each address once."""
        return tuple(dict.fromkeys(getattr(self, report)))

    def mailed_to(self, address: str) -> tuple[str, ...]:
        """The reports of the company that an address gets.

        A manager's review is not among them: whoever is listed for it gets it by mail, and what may be opened is up to the hierarchy.

        >>> ReportPolicy(model_check=("Ann@example.com",), rep_performance=("ann@example.com",)).mailed_to("ann@example.com")
        ('model_check',)
        """
        own = address.casefold()
        of_company = [name for name in REPORTS if name != REP_PERFORMANCE]
        return tuple(name for name in of_company if own in map(str.casefold, self.recipients(name)))
