"""The HTML half of a digest: the words of `texts`, laid out by `digest.html.jinja` for mail programs."""

from collections.abc import Sequence

from salesinsight_assets.domain.delivery import texts
from salesinsight_assets.domain.delivery.html import for_mail, templates
from salesinsight_assets.domain.delivery.texts import AlertContent, DigestLinks

TEMPLATE = "digest.html.jinja"


def digest_html(alerts: Sequence[AlertContent], note: str | None = None, links: DigestLinks | None = None) -> str:
    """The day's digest of one rep as an HTML document that stands alone: the words of `digest_text`, a card a deal.

    Args:
        alerts: one at least, in the order in which they are read.
        note: what the rep must know of the rows behind all of them.
        links: where the rep answers; None: nothing is asked.
    """
    return for_mail(
        templates(__name__).get_template(TEMPLATE).render(alerts=alerts, note=note, links=links, texts=texts)
    )
