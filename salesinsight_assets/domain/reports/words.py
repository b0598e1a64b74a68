"""Numbers and days as people read them in a report."""

from datetime import date

from salesinsight_assets.domain.delivery.texts import CURRENCY_SIGNS, money

_MILLION, _THOUSAND = 1_000_000, 1_000


def short_money(amount: float, currency: str | None) -> str:
    """An amount to three digits or so.

    >>> short_money(42_984_460.0, "USD"), short_money(-686_304.0, "EUR"), short_money(950.0, None)
    ('$42.98M', '-€686k', '950')
    """
    sign = CURRENCY_SIGNS.get(currency, f"{currency} ") if currency else ""
    size, minus = abs(amount), "-" if amount < 0 else ""
    if round(size / _THOUSAND) >= _THOUSAND:
        return f"{minus}{sign}{size / _MILLION:.2f}M"
    return f"{minus}{sign}{size / _THOUSAND:.0f}k" if size >= 10 * _THOUSAND else f"{minus}{sign}{size:,.0f}"


def signed_money(amount: int, currency: str | None) -> str:
    """A change of an amount, whole.

    >>> signed_money(1200, "USD"), signed_money(-1200, None)
    ('+$1,200', '-1,200')
    """
    return f"{'-' if amount < 0 else '+'}{money(float(abs(amount)), currency)}"


def in_days(day: date) -> str:
    """A day of this year.

    >>> in_days(date(2024, 3, 5))
    '5 March'
    """
    return f"{day.day} {day:%B}"


def in_full(day: date) -> str:
    """A day of any year.

    >>> in_full(date(2024, 3, 5))
    '5 March 2024'
    """
    return f"{in_days(day)} {day.year}"


def counted(n: int, what: str) -> str:
    """A number of things, with an s where they are not one.

    >>> counted(1, "deal"), counted(1200, "deal")
    ('1 deal', '1,200 deals')
    """
    return f"{n:,} {what}{'' if n == 1 else 's'}"
