"""Whom the CRM's hierarchy does not know, and how long a sign-in lasts."""

from dataclasses import dataclass

MINUTES_OF_A_DAY = 24 * 60


@dataclass(frozen=True)
class AccessPolicy:
    """Who may see all deals whatever the hierarchy says, by e-mail address, and how long people stay signed in.

    `leaders` see all deals and reports. `engineers` see them too, and how the platform does. `session_hours`: after which a browser
    signs in again. `link_minutes`: how long a sign-in link of an e-mail works; it works once. `links_per_hour`: how many one address
    gets; `links_per_hour_of_network`: how many are asked for from one network address, which a whole office may share.
    `api_calls_per_minute`: how many calls one token of the API makes.
    """

    leaders: tuple[str, ...] = ()
    engineers: tuple[str, ...] = ()
    session_hours: float = 12
    link_minutes: float = 15
    links_per_hour: int = 6
    links_per_hour_of_network: int = 200
    api_calls_per_minute: int = 600

    def __post_init__(self) -> None:
        for name in ("leaders", "engineers"):
            for address in getattr(self, name):
                if address.count("@") != 1:
                    raise ValueError(f"{name}: expected e-mail addresses, got {address!r}")
        if not 0 < self.session_hours <= 30 * 24:
            raise ValueError(f"session_hours: expected hours above 0 and up to 720, got {self.session_hours}")
        if not 0 < self.link_minutes <= MINUTES_OF_A_DAY:
            raise ValueError(
                f"link_minutes: expected minutes above 0 and up to {MINUTES_OF_A_DAY}, got {self.link_minutes}"
            )
        for name in ("links_per_hour", "links_per_hour_of_network", "api_calls_per_minute"):
            if not getattr(self, name) >= 1:
                raise ValueError(f"{name}: expected a number from 1 on, got {getattr(self, name)}")
