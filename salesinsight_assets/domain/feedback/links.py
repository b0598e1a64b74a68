"""Signed links: who opens one is known by the signature, so nobody has to log in to answer an alert.

A link only shows what it would do; what it says is done by a POST to the same address (one click for mail programs, RFC 8058).
Mail scanners open every link, and must not answer for anyone.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta

from itsdangerous import BadSignature, URLSafeSerializer

from salesinsight_assets.domain.delivery.payloads import ToldDeal
from salesinsight_assets.domain.delivery.texts import AlertLinks, DigestLinks
from salesinsight_assets.domain.feedback.answers import ANSWERS, Answer, ToldAlert, from_fields
from salesinsight_assets.domain.feedback.policy import FeedbackPolicy

_SALT = "salesinsight feedback"
"""Keeps tokens of other kinds, signed by the same key, apart."""
ANSWER_PATH, UNSUBSCRIBE_PATH, OPENED_PATH = "/answer", "/unsubscribe", "/opened"


class LinkError(ValueError):
    """A link that was not made by us, or that is too old; the message is for whoever opened it."""


@dataclass(frozen=True)
class Links:
    """Makes and reads the links of messages; `base_url` is the public address, without a slash at its end."""

    base_url: str
    secret_key: str
    last_days: int

    def answer(self, answer: Answer, alert: ToldAlert) -> str:
        """Where the owner of an alert gives this answer."""
        return f"{self.base_url}{ANSWER_PATH}/{self.token(answer, alert)}"

    def unsubscribe(self, alert: ToldAlert) -> str:
        """Where the owner of a digest unsubscribes from all."""
        return f"{self.base_url}{UNSUBSCRIBE_PATH}/{self.token('unsubscribe', alert)}"

    def opened(self, alert: ToldAlert) -> str:
        """The picture of no size that mail programs load when the digest is opened, and some when it arrives."""
        return f"{self.base_url}{OPENED_PATH}/{self.token('helpful', alert)}.gif"

    def token(self, answer: Answer, alert: ToldAlert) -> str:
        """An answer and what it is about, signed."""
        return str(self._signer().dumps([answer, *alert.as_fields()]))

    def read(self, token: str, today: date) -> tuple[Answer, ToldAlert]:
        """What a token says.

        Raises:
            LinkError: it is not ours, or of a message that is too old.
        """
        try:
            said, *fields = self._signer().loads(token)
            alert = from_fields(fields)
        except (BadSignature, ValueError) as error:
            raise LinkError("This link is not complete. Open it again from the message itself.") from error
        as_of = alert.as_of_date
        if today > as_of + timedelta(days=self.last_days):
            raise LinkError(
                f"This link is of {as_of.day} {as_of:%B %Y} and no longer works. Use one from a newer message."
            )
        if said not in ANSWERS:
            raise LinkError("This link is of another version. Use one from a newer message.")
        return said, alert

    def _signer(self) -> URLSafeSerializer:
        return URLSafeSerializer(self.secret_key, salt=_SALT)


def digest_links(
    links: Links,
    digest: ToldAlert,
    deals: Sequence[ToldDeal],
    policy: FeedbackPolicy,
    record_url: Callable[[str], str | None],
) -> DigestLinks:
    """The links of a digest on `deals`; `record_url` gives the address of a deal in Salesforce."""
    return DigestLinks(
        alerts=[_alert_links(links, _about(digest, deal), record_url(deal.opportunity_id)) for deal in deals],
        unsubscribe=links.unsubscribe(digest),
        snooze_days=policy.snooze_days,
        opened=links.opened(digest) if policy.counts_opens else None,
    )


def _about(digest: ToldAlert, deal: ToldDeal) -> ToldAlert:
    return replace(digest, opportunity_id=deal.opportunity_id, rule=deal.rule)


def _alert_links(links: Links, alert: ToldAlert, record: str | None) -> AlertLinks:
    return AlertLinks(
        helpful=links.answer("helpful", alert),
        not_helpful=links.answer("not_helpful", alert),
        snooze=links.answer("snooze", alert),
        salesforce=record,
    )
