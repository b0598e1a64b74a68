"""The words of the mail that brings a sign-in link: subject, and text and HTML of equal worth."""

from dataclasses import dataclass

from salesinsight_assets.domain.delivery.html import for_mail, templates

SUBJECT = "Sign in to SalesInsight"
BUTTON = "Sign in"
NOT_YOU = (
    "If you did not ask for it, leave this message alone: nobody is signed in unless the link is opened and the button"
    " on its page is pressed."
)
_TEMPLATE = "sign_in_mail.html.jinja"


@dataclass(frozen=True)
class SignInMail:
    """A link for an address, that works for some minutes."""

    email: str
    link: str
    minutes: float

    @property
    def lasts(self) -> str:
        """How long the link works.

        >>> SignInMail("ann@example.com", "https://insight.example.com/sign-in/link/x", 15).lasts
        'It signs in ann@example.com. It works once, within 15 minutes.'
        """
        return f"It signs in {self.email}. It works once, within {self.minutes:g} minutes."

    @property
    def text(self) -> str:
        """As plain text."""
        return f"{SUBJECT} with this link:\n\n{self.link}\n\n{self.lasts}\n\n{NOT_YOU}\n"

    @property
    def html(self) -> str:
        """The same words as HTML."""
        page = templates(__name__).get_template(_TEMPLATE)
        return for_mail(page.render(mail=self, heading=SUBJECT, button=BUTTON, not_you=NOT_YOU))
