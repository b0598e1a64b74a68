"""What a cell of a CSV file may hold, by the type of its column; blanks around a number, day, time or flag are no part of it."""

import re

import numpy as np
import pandas as pd
import pyarrow as pa

from salesinsight_assets.domain.crm.rows import cast_texts
from salesinsight_assets.domain.crm.tables import ColumnType

EXPECTED: dict[ColumnType, str] = {
    "number": "a number such as 1234.50",
    "integer": "a whole number such as 42",
    "boolean": "true or false",
    "date": "a date such as 2024-03-31",
    "timestamp": "a time with its zone such as 2024-03-31T12:00:00Z",
}
_BOOLEANS = ("true", "false")
_NO_YEAR = "0000"
"""Arrow counts it as a year, Python and PostgreSQL do not."""

_LIKE_A_FORMULA = r"'*(?=[=+\-@\t\r])(?![+-]?\d+(?:\.\d+)?$)"
"""What a spreadsheet would run (https://owasp.org/www-community/attacks/CSV_Injection), marked as text or not; numbers it would not."""


def marked_as_text(cells: pd.Series) -> pd.Series:
    """Texts as a CSV file of ours holds them: an apostrophe before each that a spreadsheet would take for a formula.

    >>> marked_as_text(pd.Series(["=1+1", "-5", "'@x", "Acme", None])).tolist()[:4]
    ["'=1+1", '-5', "''@x", 'Acme']
    """
    return cells.map(lambda text: marked(text) if isinstance(text, str) else text)


def marked(text: str) -> str:
    """One such text."""
    return re.sub(f"^(?={_LIKE_A_FORMULA})", "'", text)


def without_mark(cells: pd.Series) -> pd.Series:
    """The texts again that `marked_as_text` has written."""
    return cells.map(lambda text: re.sub(f"^'(?={_LIKE_A_FORMULA})", "", text) if isinstance(text, str) else text)


def bare_texts(cells: pd.Series) -> pd.Series:
    """The cells without blanks around them, missing where nothing is left."""
    bare = cells.str.strip()
    return bare.mask(bare.eq("").fillna(False).astype(bool))


def unreadable(texts: pd.Series, kind: ColumnType) -> np.ndarray:
    """Which texts a column of that type cannot hold; missing ones it can."""
    distinct = list(texts.dropna().unique())
    odd = [] if _are_readable(kind, distinct) else [text for text in distinct if not _are_readable(kind, [text])]
    return texts.isin(odd).to_numpy(bool)


def typed_values(texts: pd.Series, kind: ColumnType) -> pd.Series:
    """Readable texts as values of their type: numbers as floats, days at midnight, times in UTC."""
    found = cast_texts(kind, pa.array(texts.astype(object).where(texts.notna(), None), pa.string()))
    return found.to_pandas(date_as_object=False).set_axis(texts.index)


def _are_readable(kind: ColumnType, texts: list[str]) -> bool:
    if kind == "boolean":  # Arrow reads 1 and 0 as well
        return all(text.lower() in _BOOLEANS for text in texts)
    try:
        found = cast_texts(kind, pa.array(texts, pa.string()))
    except pa.ArrowInvalid:
        return False
    if kind == "number":
        return bool(np.isfinite(found.to_numpy(zero_copy_only=False)).all())
    return kind == "integer" or not any(text.startswith(_NO_YEAR) for text in texts)
